/**
 * What the original gets wrong (docs/protocols/hologram.md §7), by its number in the list of its defects, and that ours
 * does not. Those of SMS, inbound and arguments have their tests beside the rest of those: sms.test.ts, inbound.test.ts,
 * hologram.test.ts; the busy accept loop and what is printed are in process/process.test.ts.
 */
import { CustomCloud, HologramCloud } from '@halyard/hologram'
import { describe, expect, it, vi } from 'vitest'
import { answer, answerRaw, CREDENTIALS, impatientOutbox, openPeer, silence } from './peer.ts'

describe('the original …; ours does not:', () => {
  it('1: repeats the topics of one message in all that follow', async () => {
    await using peer = await openPeer(answer('[0,0]'))
    await using cloud = new HologramCloud(CREDENTIALS, {
      sendHost: '127.0.0.1',
      sendPort: peer.port,
      enableInbound: false,
    })
    await cloud.sendMessage('a', { topics: ['T1'] })
    await cloud.sendMessage('b')
    await cloud.sendMessage('c', { topics: ['T2'] })
    expect(peer.received().map((text) => /"t": (.*)\}/.exec(text)?.[1])).toEqual(['["T1"]', undefined, '["T2"]'])
  })

  it('2: sends the whole buffer again at every reconnection, without its topics', async () => {
    await using peer = await openPeer(answer('[0,0]'))
    await using outbox = await impatientOutbox()
    const options = { sendHost: '127.0.0.1', sendPort: peer.port, enableInbound: false, outbox }
    await using cloud = new HologramCloud(CREDENTIALS, options)
    await cloud.network.disconnect()
    for (const text of ['one!', 'two!', 'three!']) await cloud.sendMessage(text, { topics: [text] })
    await cloud.network.connect()
    await outbox.idle()
    await cloud.network.connect()
    await outbox.idle()
    expect(peer.received()).toEqual(
      ['one!', 'two!', 'three!'].map((d) => `{"d": "${d}", "s": "1234", "c": "5678", "t": ["${d}"]}\r\r`),
    )
  })

  it('3: waits for ever for a silent peer when it was given no timeout', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    try {
      await using peer = await openPeer(silence)
      await using cloud = new CustomCloud(null, { sendHost: '127.0.0.1', sendPort: peer.port })
      let result: unknown
      const sending = cloud.sendMessage('x').then((done) => (result = done))
      while (peer.received()[0] !== 'x') await new Promise(setImmediate)
      await vi.advanceTimersByTimeAsync(4_900)
      expect(result).toBeUndefined()
      await vi.advanceTimersByTimeAsync(400)
      await sending
      expect(result).toMatchObject({ code: 0, description: '' })
    } finally {
      vi.useRealTimers()
    }
  })

  it('4: sends a part of a long message and reports success', async () => {
    let length = 0
    await using peer = await openPeer(({ socket }) => {
      socket.removeAllListeners('data')
      socket.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length === 20_000_000) socket.end('all')
      })
    })
    await using cloud = new CustomCloud(null, { sendHost: '127.0.0.1', sendPort: peer.port })
    expect(String(await cloud.sendMessage(new Uint8Array(20_000_000)))).toBe('all')
  })

  it('8: tells the listeners of one cloud what happens in another', async () => {
    await using peer = await openPeer(answerRaw('ok'))
    const options = { sendHost: '127.0.0.1', sendPort: peer.port }
    await using one = new CustomCloud(null, options)
    await using other = new CustomCloud(null, options)
    const heard = vi.fn()
    other.event.subscribe('message.sent', heard)
    other.event.subscribe('network.connected', heard)
    await one.sendMessage('x')
    await one.network.connect()
    expect(heard).not.toHaveBeenCalled()
  })

  it('9: keeps calling a method of an object that was unsubscribed', async () => {
    await using cloud = new CustomCloud(null)
    class Listener {
      heard = 0
      readonly onConnected = (): void => void this.heard++
    }
    const listener = new Listener()
    cloud.event.subscribe('network.connected', listener.onConnected)
    cloud.event.subscribe('network.connected', listener.onConnected)
    await cloud.network.connect()
    cloud.event.unsubscribe('network.connected', listener.onConnected)
    await cloud.network.connect()
    expect(listener.heard).toBe(1)
  })

  it('10: skips the listener behind one that unsubscribes itself', async () => {
    await using cloud = new CustomCloud(null)
    const heard: number[] = []
    const first = (): void => {
      heard.push(1)
      cloud.event.unsubscribe('network.connected', first)
    }
    cloud.event.subscribe('network.connected', first)
    cloud.event.subscribe('network.connected', () => heard.push(2))
    cloud.event.subscribe('network.connected', () => heard.push(3))
    await cloud.network.connect()
    expect(heard).toEqual([1, 2, 3])
  })

  it('13: connects the network in the constructor', () => {
    const connect = vi.fn()
    const network = {
      interfaceName: 'modem0',
      connect,
      disconnect: connect,
      isConnected: () => false,
      getConnectionStatus: () => 0,
    }
    expect(new CustomCloud(null, { network }).network.isConnected()).toBe(false)
    expect(connect).not.toHaveBeenCalled()
  })

  it('swallows or passes on what a listener throws, after the message was sent', async () => {
    await using peer = await openPeer(answerRaw('ok'))
    await using cloud = new CustomCloud(null, { sendHost: '127.0.0.1', sendPort: peer.port })
    cloud.event.subscribe('message.sent', () => {
      throw new Error('mine')
    })
    expect(String(await cloud.sendMessage('x'))).toBe('ok')
  })
})

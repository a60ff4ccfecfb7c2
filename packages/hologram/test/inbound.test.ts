import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { CustomCloud, HologramCloud } from '@halyard/hologram'
import type { ReceivedMessage } from '@halyard/hologram'
import { describe, expect, it, vi } from 'vitest'
import { closedPort, CREDENTIALS, openPeer, recordingLogger, silence } from './peer.ts'
import { connectTo, openReceiver, push } from './sender.ts'

describe('a message that comes in', () => {
  it('is what one connection carried: consume joins them, and gives nothing twice (TV 31)', async () => {
    await using receiver = await openReceiver()
    const { cloud, heard } = receiver
    expect(cloud.consumeReceivedMessage()).toBe('')
    await receiver.push('hey there!')
    await receiver.push('bye!')
    expect(heard.map(({ text }) => text)).toEqual(['hey there!', 'bye!'])
    expect(cloud.consumeReceivedMessage()).toBe('hey there!bye!')
    expect(cloud.consumeReceivedMessage()).toBe('')
  })

  it('is told with its argument, and can be consumed in the callback', async () => {
    await using receiver = await openReceiver()
    const consumed: string[] = []
    receiver.cloud.event.subscribe('message.received', () => consumed.push(receiver.cloud.consumeReceivedMessage()))
    await receiver.push('this is the payload')
    expect(consumed).toEqual(['this is the payload'])
    const [message] = receiver.heard
    expect(message).toMatchObject({ text: 'this is the payload', remoteAddress: '127.0.0.1' })
    expect(Math.abs(Date.now() - (message?.receivedAt.getTime() ?? 0))).toBeLessThan(60_000)
  })

  it('is answered with nothing, after a half-close neither (TV 35)', async () => {
    await using receiver = await openReceiver()
    expect(await receiver.push('half')).toBe('')
  })

  it('may be any bytes; the original breaks on what is not UTF-8, ours does not', async () => {
    await using receiver = await openReceiver()
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    await receiver.push(bytes)
    expect(receiver.heard[0]?.bytes).toEqual(bytes)
    expect(receiver.heard[0]?.text).toContain('\ufffd')
    await receiver.push('\ufeffgrüß 😀')
    expect(receiver.heard[1]?.text).toBe('\ufeffgrüß 😀')
  })

  it('may be nothing: the event fires, and consume gives nothing (TV 33)', async () => {
    await using receiver = await openReceiver()
    await receiver.push('')
    expect(receiver.heard).toMatchObject([{ text: '', bytes: new Uint8Array() }])
    expect(receiver.cloud.consumeReceivedMessage()).toBe('')
  })

  it('comes whole, however it is cut', async () => {
    await using receiver = await openReceiver()
    const socket = await connectTo(receiver.port)
    socket.setNoDelay(true)
    const text = 'Grüße 😀, byte by byte'
    for (const byte of Buffer.from(text)) {
      socket.write(Uint8Array.of(byte))
      await turn()
    }
    socket.end()
    await once(socket, 'close')
    expect(receiver.heard.map((message) => message.text)).toEqual([text])
  })

  it('does not reach a callback that throws twice, and disturbs nobody', async () => {
    await using receiver = await openReceiver()
    receiver.cloud.event.subscribe('message.received', () => {
      throw new Error('mine')
    })
    await receiver.push('a')
    await receiver.push('b')
    expect(receiver.cloud.consumeReceivedMessage()).toBe('ab')
  })

  it('may be many at once', async () => {
    await using receiver = await openReceiver()
    const texts = Array.from({ length: 50 }, (_, index) => `<${index}>`)
    await Promise.all(texts.map((text) => receiver.push(text)))
    expect(receiver.heard.map(({ text }) => text).toSorted()).toEqual(texts.toSorted())
  })
})

describe('the inbound socket', () => {
  it('opens, closes and opens again on the same port (TV 36)', async () => {
    await using receiver = await openReceiver()
    const { cloud, port } = receiver
    await receiver.push('one')
    await cloud.closeReceiveSocket()
    await expect(push(port, 'x')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(cloud.consumeReceivedMessage()).toBe('one')
    await cloud.openReceiveSocket()
    expect(cloud.receivePort).toBe(port)
    await receiver.push('two')
    expect(cloud.consumeReceivedMessage()).toBe('two')
  })

  it('opens with enableInbound false, as both examples of the document; the original crashes, ours does not', async () => {
    const options = { sendHost: 'my.example.host.com', sendPort: 9999, receiveHost: '127.0.0.1', receivePort: 0 }
    await using cloud = new CustomCloud(null, { ...options, enableInbound: false })
    await cloud.openReceiveSocket()
    await push(cloud.receivePort, 'works')
    expect(cloud.consumeReceivedMessage()).toBe('works')
  })

  it('may be closed without ever having been opened, and twice; the original crashes, ours does not', async () => {
    await using cloud = new CustomCloud(null)
    await cloud.closeReceiveSocket()
    await cloud.closeReceiveSocket()
  })

  it('is one, however often it is opened', async () => {
    await using receiver = await openReceiver()
    const { cloud, port } = receiver
    await Promise.all([cloud.openReceiveSocket(), cloud.openReceiveSocket()])
    expect(cloud.receivePort).toBe(port)
    await cloud.closeReceiveSocket()
    await expect(push(port, 'x')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('follows a new address when it is opened again', async () => {
    await using receiver = await openReceiver()
    const { cloud, port } = receiver
    cloud.receivePort = String(await closedPort())
    await cloud.openReceiveSocket()
    expect(cloud.receivePort).not.toBe(port)
    await expect(push(port, 'x')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await receiver.push('here')
    expect(cloud.consumeReceivedMessage()).toBe('here')
  })

  it('closed in the turn in which it was opened stays closed', async () => {
    const receivePort = await closedPort()
    await using cloud = new CustomCloud(null, { receiveHost: '127.0.0.1', receivePort, enableInbound: true })
    const opening = cloud.openReceiveSocket()
    await cloud.closeReceiveSocket()
    await opening
    await expect(push(receivePort, 'x')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('lets a message that is on its way in arrive when it is closed', async () => {
    await using receiver = await openReceiver()
    const socket = await connectTo(receiver.port)
    socket.write('half of it')
    await receiver.push('other')
    await receiver.cloud.closeReceiveSocket()
    socket.end(', and the rest')
    await once(socket, 'close')
    expect(receiver.cloud.consumeReceivedMessage()).toBe('otherhalf of it, and the rest')
  })

  it('ends with close(): what is on its way in is reset, what came can be consumed, nothing opens again', async () => {
    await using receiver = await openReceiver()
    const { cloud, heard } = receiver
    await receiver.push('whole')
    const socket = await connectTo(receiver.port)
    socket.write('half')
    await receiver.push('later')
    const broken = once(socket, 'error')
    await cloud.close()
    expect(await broken).toMatchObject([{ code: 'ECONNRESET' }])
    expect(cloud.consumeReceivedMessage()).toBe('wholelater')
    expect(heard).toHaveLength(2)
    await expect(cloud.openReceiveSocket()).rejects.toMatchObject({ code: 'ERR_HOLOGRAM_CLOSED' })
  })

  it('goes over IPv6 as well, and shows plain addresses', async () => {
    await using receiver = await openReceiver({}, { receiveHost: '::' })
    const socket = await connectTo(receiver.port, '::1')
    socket.end('six')
    await once(socket, 'close')
    await receiver.push('four')
    expect(receiver.heard.map(({ remoteAddress }) => remoteAddress)).toEqual(['::1', '127.0.0.1'])
  })
})

describe('a socket that cannot be', () => {
  const MISSING = 'receiveHost and receivePort must be set before messages can be received'
  it.each([
    [{ enableInbound: true }],
    [{ enableInbound: true, receiveHost: '127.0.0.1' }],
    [{ enableInbound: true, receivePort: 4010 }],
  ])('throws in the constructor: %o', (options) => {
    expect(() => new CustomCloud(null, options)).toThrow(MISSING)
  })

  it('rejects in openReceiveSocket without host and port, before anything is opened', async () => {
    await using cloud = new CustomCloud(null)
    await expect(cloud.openReceiveSocket()).rejects.toMatchObject({ code: 'ERR_HOLOGRAM_ENDPOINT', message: MISSING })
  })

  it('is ERR_INBOUND_PORT if it was asked for and is taken: to the event, and to each call that needs it', async () => {
    await using holder = await openPeer(silence)
    const message = `port ${holder.port} on 127.0.0.1 is taken by another program; stop that, or set another receivePort`
    const options = { receiveHost: '127.0.0.1', receivePort: holder.port, enableInbound: true }
    await using cloud = new HologramCloud(CREDENTIALS, options)
    const [error] = await new Promise<unknown[]>((resolve) => cloud.event.subscribe('error', (...all) => resolve(all)))
    expect(error).toMatchObject({ name: 'UsageError', code: 'ERR_INBOUND_PORT', message })
    const messages = cloud.receivedMessages()[Symbol.asyncIterator]()
    await expect(messages.next()).rejects.toBe(error)
    expect(await messages.next()).toMatchObject({ done: true })
    await expect(cloud.openReceiveSocket()).rejects.toMatchObject({ code: 'ERR_INBOUND_PORT', message })

    await holder[Symbol.asyncDispose]()
    await cloud.openReceiveSocket()
    await push(cloud.receivePort, 'now')
    expect(cloud.consumeReceivedMessage()).toBe('now')
  })

  it('is a warning if it was by default, and sending goes on', async () => {
    await using holder = await openPeer(silence)
    const logger = recordingLogger()
    const failed = vi.fn()
    const options = { receiveHost: '127.0.0.1', receivePort: holder.port, logger }
    await using cloud = new HologramCloud(CREDENTIALS, options)
    cloud.event.subscribe('error', failed)
    await vi.waitFor(() => expect(logger.lines.join('\n')).toContain('warn:nothing is received: port '))
    expect(logger.lines.join('\n')).toContain('or pass enableInbound: false')
    expect(failed).not.toHaveBeenCalled()
    // Whoever waits for messages needs it, and learns.
    await expect(cloud.receivedMessages()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'ERR_INBOUND_PORT',
    })
  })

  it('is ERR_INBOUND_HOST for an address of another machine', async () => {
    await using cloud = new CustomCloud(null, { receiveHost: '192.0.2.1', receivePort: 0 })
    await expect(cloud.openReceiveSocket()).rejects.toMatchObject({
      code: 'ERR_INBOUND_HOST',
      message:
        '192.0.2.1 is no address of this machine; set receiveHost to 0.0.0.0, 127.0.0.1 or an address that it has',
    })
  })

  it('is not waited for once the signal has fired', async () => {
    await using cloud = new CustomCloud(null, { receiveHost: '127.0.0.1', receivePort: 0 })
    const signal = AbortSignal.abort('enough')
    await expect(cloud.openReceiveSocket({ signal })).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: 'enough' })
    expect(cloud.receivePort).toBe(0)
    const controller = new AbortController()
    const opening = cloud.openReceiveSocket({ signal: controller.signal })
    controller.abort()
    await expect(opening).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await cloud.openReceiveSocket()
  })
})

describe('HologramCloud', () => {
  it('binds nothing when its credentials are wrong; the original binds before it looks, ours does not', async () => {
    const receivePort = await closedPort()
    const options = { receiveHost: '127.0.0.1', receivePort }
    expect(() => new HologramCloud({ cloud_id: '1', cloud_key: '5678' }, options)).toThrow('cloud_id must be 4')
    await turn()
    await expect(push(receivePort, 'x')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('listens unless it is told not to, and not in the turn of its constructor', async () => {
    const receivePort = await closedPort()
    await using cloud = new HologramCloud(CREDENTIALS, { receiveHost: '127.0.0.1', receivePort })
    // What is set in this turn counts.
    const other = await closedPort()
    cloud.receivePort = other
    await cloud.closeReceiveSocket()
    await cloud.openReceiveSocket()
    await push(other, 'hello')
    expect(cloud.consumeReceivedMessage()).toBe('hello')

    const quiet = await closedPort()
    await using deaf = new HologramCloud(CREDENTIALS, {
      receiveHost: '127.0.0.1',
      receivePort: quiet,
      enableInbound: false,
    })
    await deaf.outbox
    await expect(push(quiet, 'x')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('gives to iterators what came by the socket that it opened by default', async () => {
    await using cloud = new HologramCloud(CREDENTIALS, { receiveHost: '127.0.0.1', receivePort: 0 })
    const messages = cloud.receivedMessages()
    const first = messages[Symbol.asyncIterator]().next()
    await vi.waitFor(() => expect(cloud.receivePort).not.toBe(0))
    await push(cloud.receivePort, 'default')
    expect((await first).value).toMatchObject({ text: 'default' } satisfies Partial<ReceivedMessage>)
  })
})

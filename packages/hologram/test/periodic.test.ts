import { setImmediate as turn } from 'node:timers/promises'
import type { HalyardError } from '@halyard/core'
import { CustomCloud, HologramCloud } from '@halyard/hologram'
import { VirtualClock } from '@halyard/testkit'
import { describe, expect, it, vi } from 'vitest'
import { answer, answerRaw, CREDENTIALS, openPeer, recordingLogger, silence } from './peer.ts'
import type { Peer } from './peer.ts'

interface Stage {
  readonly cloud: HologramCloud
  readonly clock: VirtualClock
  readonly errors: HalyardError[]
  readonly lines: string[]
}

function stage(peer: Peer): Stage {
  const clock = new VirtualClock()
  const logger = recordingLogger()
  const options = { sendHost: '127.0.0.1', sendPort: peer.port, enableInbound: false, logger }
  const cloud = new HologramCloud(CREDENTIALS, options, { clock })
  const errors: HalyardError[] = []
  cloud.event.subscribe('error', (error) => errors.push(error))
  return { cloud, clock, errors, lines: logger.lines }
}

/** Waits until the n-th message is answered and the next one is being waited for. */
const waitsAfter = (count: number, { cloud, clock }: Stage, sent: () => number): Promise<void> =>
  vi.waitFor(() => {
    expect(sent()).toBe(count)
    expect(clock.pendingTimers).toHaveLength(1)
    expect(cloud).toBeDefined()
  })

describe('a periodic message', () => {
  it('is sent at once, then every interval after the previous one was done', async () => {
    await using peer = await openPeer(answer('[0,0]'))
    const s = stage(peer)
    await using cloud = s.cloud
    const sent = vi.fn()
    cloud.event.subscribe('message.sent', sent)
    cloud.sendPeriodicMessage(10, 'tick', { topics: ['T'] })
    for (let count = 1; count <= 3; count++) {
      await waitsAfter(count, s, () => sent.mock.calls.length)
      await s.clock.advance(9_999)
      expect(peer.conversations).toHaveLength(count)
      await s.clock.advance(1)
    }
    await vi.waitFor(() => expect(sent).toHaveBeenCalledTimes(4))
    expect(new Set(peer.received())).toEqual(new Set(['{"d": "tick", "s": "1234", "c": "5678", "t": ["T"]}\r\r']))
    await cloud.stopPeriodicMessage()
    await s.clock.advance(60_000)
    expect(peer.conversations).toHaveLength(4)
    expect(s.errors).toEqual([])
  })

  it('is stopped by stop, which waits for what is on the wire, and may be called without one', async () => {
    await using peer = await openPeer(async ({ socket, request }) => {
      await request
      setTimeout(() => socket.end('[0,0]'), 30)
    })
    const { cloud } = stage(peer)
    await cloud.stopPeriodicMessage()
    const sent = vi.fn()
    cloud.event.subscribe('message.sent', sent)
    cloud.sendPeriodicMessage(1, 'x')
    await cloud.stopPeriodicMessage()
    expect(sent).toHaveBeenCalledTimes(1)
    cloud.sendPeriodicMessage(1, 'y')
    await cloud.stopPeriodicMessage()
    expect(peer.conversations).toHaveLength(2)
    await cloud.close()
  })

  it('is stopped by its signal and by close(), without an error', async () => {
    await using peer = await openPeer(answer('[0,0]'))
    const s = stage(peer)
    const sent = vi.fn()
    s.cloud.event.subscribe('message.sent', sent)
    const controller = new AbortController()
    s.cloud.sendPeriodicMessage(1, 'x', { signal: controller.signal })
    await waitsAfter(1, s, () => sent.mock.calls.length)
    controller.abort()
    await turn()
    s.cloud.sendPeriodicMessage(1, 'y')
    await waitsAfter(2, s, () => sent.mock.calls.length)
    await s.cloud.close()
    await s.clock.advance(10_000)
    expect(peer.conversations).toHaveLength(2)
    expect(s.errors).toEqual([])
  })

  it('ends with the event error and the log when the cloud refuses it', async () => {
    await using peer = await openPeer(answer('[8,0]'))
    const { cloud, errors, lines } = stage(peer)
    cloud.sendPeriodicMessage(1, 'x')
    await vi.waitFor(() => expect(errors).toHaveLength(1))
    const message = 'the periodic message is not sent any more: ERR_TOPICINVALID: Topic was formatted incorrectly.'
    expect(errors[0]).toMatchObject({ code: 'ERR_HOLOGRAM_PERIODIC_ENDED', message })
    expect(lines.join('\n')).toContain(`error:${message}`)
    // And another one may begin.
    peer.play(answer('[0,0]'))
    cloud.sendPeriodicMessage(1, 'y')
    await cloud.close()
  })

  it('ends when it can neither be sent nor queued', async () => {
    await using peer = await openPeer(silence)
    const clock = new VirtualClock()
    const options = { sendHost: '127.0.0.1', sendPort: peer.port, outbox: { maxMessages: 1 } }
    await using cloud = new CustomCloud(null, options, { clock })
    const errors: HalyardError[] = []
    cloud.event.subscribe('error', (error) => errors.push(error))
    await cloud.network.disconnect()
    cloud.sendPeriodicMessage(1, 'x')
    await vi.waitFor(() => expect(clock.pendingTimers).toHaveLength(1))
    await clock.advance(1000)
    await vi.waitFor(() => expect(errors).toHaveLength(1))
    expect(errors[0]?.message).toMatch(/^the periodic message is not sent any more: the outbox is full: 1 messages/)
    expect(errors[0]?.cause).toMatchObject({ code: 'ERR_OUTBOX_FULL' })
  })

  it('goes on while the network is down, and with latest only the newest one waits', async () => {
    await using peer = await openPeer(answerRaw('ok'))
    const clock = new VirtualClock()
    await using cloud = new CustomCloud(null, { sendHost: '127.0.0.1', sendPort: peer.port }, { clock })
    await cloud.network.disconnect()
    cloud.sendPeriodicMessage(60, 'x', { latest: 'state' })
    for (let count = 0; count < 5; count++) {
      await vi.waitFor(() => expect(clock.pendingTimers).toHaveLength(1))
      await clock.advance(60_000)
    }
    await cloud.stopPeriodicMessage()
    expect((await cloud.outbox).depth).toBe(1)
    await cloud.network.connect()
    await (await cloud.outbox).idle()
    expect(peer.received()).toEqual(['x'])
  })
})

describe('a periodic message that cannot be throws at once', () => {
  const cases: [string, unknown[], string, string][] = [
    ['0.5 s', [0.5, 'x'], 'ERR_HOLOGRAM_INTERVAL', 'the interval is at least 1 second, not 0.5'],
    ['a day and more', [86_401, 'x'], 'ERR_USAGE_SECONDS', 'interval is in seconds, from 0 to 86400, not 86401'],
    ['text', ['10', 'x'], 'ERR_USAGE_SECONDS', 'interval is in seconds, from 0 to 86400, not 10'],
    [
      'no message',
      [1, undefined],
      'ERR_HOLOGRAM_MESSAGE',
      'a message is a string or a Uint8Array, not undefined; JSON.stringify what has a structure',
    ],
    [
      'an id',
      [1, 'x', { id: 'one' }],
      'ERR_HOLOGRAM_PERIODIC',
      'an id names one message, a periodic one is another each time; leave id out',
    ],
    [
      'topics for a CustomCloud',
      [1, 'x', { topics: ['T'] }],
      'ERR_HOLOGRAM_TOPICS',
      'CustomCloud sends bytes as they are and has no topics; leave them out',
    ],
  ]
  it.each(cases)('%s', async (_name, args, code, message) => {
    await using cloud = new CustomCloud(null, { sendHost: '127.0.0.1', sendPort: 1 })
    const call = (): void => cloud.sendPeriodicMessage(...(args as [number, string]))
    expect(call).toThrow(expect.objectContaining({ code, message }) as Error)
  })

  it('a second one', async () => {
    await using peer = await openPeer(answerRaw('ok'))
    await using cloud = new CustomCloud(null, { sendHost: '127.0.0.1', sendPort: peer.port })
    cloud.sendPeriodicMessage(1, 'x')
    expect(() => cloud.sendPeriodicMessage(1, 'y')).toThrow(
      'this cloud sends a periodic message already; call stopPeriodicMessage() first',
    )
  })

  it('one for nowhere, and one of a closed cloud', async () => {
    const cloud = new CustomCloud(null)
    expect(() => cloud.sendPeriodicMessage(1, 'x')).toThrow('sendHost and sendPort must be set')
    cloud.sendHost = 'a'
    cloud.sendPort = 1
    await cloud.close()
    expect(() => cloud.sendPeriodicMessage(1, 'x')).toThrow('this CustomCloud is closed; make a new one')
  })
})

import { once } from 'node:events'
import { connect } from 'node:net'
import { CustomCloud } from '@halyard/hologram'
import type { CloudPorts, Incoming, IncomingEvents, Listener, ReceivedMessage } from '@halyard/hologram'
import { VirtualClock } from '@halyard/testkit'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { recordingLogger } from './peer.ts'
import type { Lines } from './peer.ts'
import { connectTo, openReceiver } from './sender.ts'

/** A connection as its peer sees it. */
interface Line {
  readonly say: (text: string) => void
  readonly end: () => void
  readonly break: () => void
  readonly fate: () => 'open' | 'closed' | 'reset' | 'refused'
}

interface Stage extends AsyncDisposable {
  readonly cloud: CustomCloud
  readonly clock: VirtualClock
  readonly logger: Lines
  readonly heard: ReceivedMessage[]
  readonly connect: () => Line
}

/** A cloud whose connections are made by hand, and whose time goes when it is told to. */
async function stage(inbound: CloudPorts['inbound'] = {}): Promise<Stage> {
  const clock = new VirtualClock()
  const logger = recordingLogger()
  let connected: (incoming: Incoming) => IncomingEvents | undefined = () => undefined
  const listener: Listener = {
    async listen({ port }, events) {
      connected = (incoming) => events.connected(incoming)
      return { port, keepAlive() {}, close() {} }
    },
  }
  const options = { receiveHost: '10.0.0.1', receivePort: 4010, logger }
  const cloud = new CustomCloud(null, options, { listener, clock, inbound })
  const heard: ReceivedMessage[] = []
  cloud.event.subscribe('message.received', (message) => heard.push(message))
  await cloud.openReceiveSocket()
  const connect = (): Line => {
    let fate: ReturnType<Line['fate']> = 'open'
    const events = connected({
      remoteAddress: '10.0.0.7',
      close: () => (fate = 'closed'),
      reset: () => (fate = 'reset'),
    })
    if (!events) fate = 'refused'
    return {
      say: (text) => events?.received(new TextEncoder().encode(text)),
      end: () => events?.ended(),
      break: () => events?.failed(new Error('read ECONNRESET')),
      fate: () => fate,
    }
  }
  return { cloud, clock, logger, heard, connect, [Symbol.asyncDispose]: () => cloud.close() }
}

const texts = (heard: readonly ReceivedMessage[]): string[] => heard.map(({ text }) => text)

describe('silence', () => {
  it('of 5 s ends a message whose peer keeps the connection open (TV 32)', async () => {
    await using s = await stage()
    const line = s.connect()
    line.say('kept open')
    await s.clock.advance(4999)
    expect(s.heard).toEqual([])
    await s.clock.advance(1)
    expect(texts(s.heard)).toEqual(['kept open'])
    expect(line.fate()).toBe('closed')
  })

  it('counts from the last byte: gaps of 3 s are one message (TV 34)', async () => {
    await using s = await stage()
    const line = s.connect()
    for (const text of ['d0', 'd1', 'd2']) {
      line.say(text)
      await s.clock.advance(3000)
    }
    line.end()
    expect(texts(s.heard)).toEqual(['d0d1d2'])
  })

  it('from the beginning is a message of nothing', async () => {
    await using s = await stage()
    const line = s.connect()
    await s.clock.advance(5000)
    expect(texts(s.heard)).toEqual([''])
    expect(line.fate()).toBe('closed')
  })

  it('is real time with real sockets, for a half-open peer too', async () => {
    await using receiver = await openReceiver({ inbound: { silence: 0.05 } })
    const socket = await connectTo(receiver.port)
    socket.write('and then gone')
    await once(socket.resume(), 'end')
    socket.destroy()
    expect(receiver.cloud.consumeReceivedMessage()).toBe('and then gone')
  })

  it('leaves no timer behind', async () => {
    await using s = await stage()
    const [ended, broken] = [s.connect(), s.connect()]
    expect(s.clock.pendingTimers).toHaveLength(2)
    ended.end()
    broken.break()
    ended.end()
    expect(s.clock.pendingTimers).toHaveLength(0)
    expect(s.heard).toHaveLength(1)
  })
})

describe('a connection that carries no message is reset, and a warning says why', () => {
  it('when it broke', async () => {
    await using s = await stage()
    const line = s.connect()
    line.say('half')
    line.break()
    expect(line.fate()).toBe('reset')
    expect(s.heard).toEqual([])
    expect(s.logger.lines).toContain(
      'warn:an inbound message was dropped: read ECONNRESET {"remoteAddress":"10.0.0.7","bytes":4}',
    )
  })

  it('when the message is too long', async () => {
    await using s = await stage({ maxBytes: 10 })
    const [fits, longer] = [s.connect(), s.connect()]
    fits.say('0123456789')
    fits.end()
    longer.say('0123456789')
    longer.say('!')
    expect([fits.fate(), longer.fate()]).toEqual(['closed', 'reset'])
    expect(texts(s.heard)).toEqual(['0123456789'])
    expect(s.logger.lines.join('\n')).toContain('warn:an inbound message was dropped: it is longer than 10 bytes')
  })

  it('when it takes too long, though it is never silent', async () => {
    await using s = await stage({ duration: 60 })
    const line = s.connect()
    for (let seconds = 0; seconds < 60 && line.fate() === 'open'; seconds += 4) {
      line.say('.')
      await s.clock.advance(4000)
    }
    expect(line.fate()).toBe('reset')
    expect(s.logger.lines.join('\n')).toContain('it took longer than 60 s')
  })

  it('when too many connect at once; the next one is taken again when one has ended', async () => {
    await using s = await stage({ maxConnections: 2 })
    const [first, second, third] = [s.connect(), s.connect(), s.connect()]
    expect(third.fate()).toBe('refused')
    first.say('a')
    first.end()
    const fourth = s.connect()
    second.end()
    fourth.say('b')
    fourth.end()
    expect(s.cloud.consumeReceivedMessage()).toBe('ab')
  })

  it('when all together hold too much; what they held is given back', async () => {
    await using s = await stage({ maxHeld: 10 })
    const [first, second] = [s.connect(), s.connect()]
    first.say('12345678')
    second.say('123')
    expect([first.fate(), second.fate()]).toEqual(['open', 'reset'])
    first.end()
    const third = s.connect()
    third.say('1234567890')
    third.end()
    expect(texts(s.heard)).toEqual(['12345678', '1234567890'])
  })

  it('also if its bytes and the reset come in one turn, which looks like an end', async () => {
    await using receiver = await openReceiver()
    for (let round = 0; round < 20; round++) {
      const socket = await connectTo(receiver.port)
      // Nothing of it is read before this turn of the event loop, which the receiver shares, is over.
      socket.write('torn')
      socket.resetAndDestroy()
      await once(socket, 'close')
    }
    await receiver.push('whole')
    expect(receiver.heard.map(({ text }) => text)).toEqual(['whole'])
  })

  it('over a real socket the sender learns it by a reset', async () => {
    await using receiver = await openReceiver({ inbound: { maxBytes: 1000, maxConnections: 1 } })
    const first = await connectTo(receiver.port)
    const refusal = new Promise((resolve) => connect(receiver.port, '127.0.0.1').once('error', resolve))
    expect(await refusal).toMatchObject({ code: 'ECONNRESET' })
    first.write(new Uint8Array(5000))
    expect(await once(first, 'error')).toMatchObject([{ code: 'ECONNRESET' }])
    await receiver.push('good')
    expect(receiver.cloud.consumeReceivedMessage()).toBe('good')
  })
})

describe('a flood', () => {
  it('of connections is one line in the log a minute', async () => {
    await using s = await stage({ maxConnections: 0 })
    for (let count = 0; count < 1000; count++) s.connect()
    const refused = (): string[] => s.logger.lines.filter((line) => line.includes('a connection was refused'))
    expect(refused()).toHaveLength(1)
    await s.clock.advance(60_000)
    s.connect()
    expect(refused()[1]).toContain('"repeated":999')
  })

  it('that nobody consumes drops the oldest beyond 1 MiB, and warns', async () => {
    await using s = await stage()
    const receive = (text: string): void => {
      const line = s.connect()
      line.say(text)
      line.end()
    }
    const half = 'x'.repeat(512 * 1024)
    receive(`1${half.slice(1)}`)
    receive(`2${half.slice(1)}`)
    expect(s.logger.lines.join('\n')).not.toContain('warn')
    receive('3')
    expect(s.logger.lines.join('\n')).toContain(
      'warn:consumeReceivedMessage() has not been called for more than 1048576',
    )
    const held = s.cloud.consumeReceivedMessage()
    expect([held.length, held[0], held.at(-1)]).toEqual([512 * 1024 + 1, '2', '3'])
    expect(s.cloud.consumeReceivedMessage()).toBe('')
  })

  it('of anything, cut anywhere, gives what came, in order, and holds nothing afterwards', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.string({ maxLength: 20 }), { maxLength: 5 }), { maxLength: 10 }),
        async (all) => {
          await using s = await stage({ maxHeld: 1000 })
          const lines = all.map(() => s.connect())
          for (let part = 0; part < 5; part++) {
            for (const [index, line] of lines.entries()) {
              const text = all[index]?.[part]
              if (text !== undefined) line.say(text)
            }
          }
          for (const line of lines) line.end()
          expect(texts(s.heard)).toEqual(all.map((parts) => parts.join('')))
          expect(s.cloud.consumeReceivedMessage()).toBe(all.flat().join(''))
          expect(s.clock.pendingTimers).toHaveLength(0)
        },
      ),
      { numRuns: 30 },
    )
  })
})

describe('receivedMessages()', () => {
  const receive = (s: Stage, text: string): void => {
    const line = s.connect()
    line.say(text)
    line.end()
  }

  it('gives each message from the call on, to every iterator, and takes nothing from consume', async () => {
    await using s = await stage()
    receive(s, 'before')
    const [one, other] = [s.cloud.receivedMessages(), s.cloud.receivedMessages()]
    receive(s, 'a')
    receive(s, 'b')
    for (const messages of [one, other]) {
      const got: string[] = []
      for await (const { text } of messages) {
        got.push(text)
        if (text === 'b') break
      }
      expect(got).toEqual(['a', 'b'])
    }
    expect(s.cloud.consumeReceivedMessage()).toBe('beforeab')
  })

  it('goes on across closing and opening, and ends with close(), behind what it holds', async () => {
    await using s = await stage()
    const messages = s.cloud.receivedMessages()[Symbol.asyncIterator]()
    const first = messages.next()
    await s.cloud.closeReceiveSocket()
    await s.cloud.openReceiveSocket()
    receive(s, 'a')
    expect((await first).value).toMatchObject({ text: 'a' })
    receive(s, 'b')
    await s.cloud.close()
    expect((await messages.next()).value).toMatchObject({ text: 'b' })
    expect(await messages.next()).toEqual({ value: undefined, done: true })
    expect(await s.cloud.receivedMessages()[Symbol.asyncIterator]().next()).toMatchObject({ done: true })
  })

  it('ends with its signal, which rejects whoever waits', async () => {
    await using s = await stage()
    const controller = new AbortController()
    const messages = s.cloud.receivedMessages({ signal: controller.signal })[Symbol.asyncIterator]()
    const waiting = messages.next()
    receive(s, 'a')
    expect((await waiting).value).toMatchObject({ text: 'a' })
    const pending = messages.next()
    controller.abort('enough')
    await expect(pending).rejects.toMatchObject({ name: 'AbortError', code: 'ERR_ABORTED', cause: 'enough' })
    expect(await messages.next()).toMatchObject({ done: true })

    const late = s.cloud.receivedMessages({ signal: controller.signal })[Symbol.asyncIterator]()
    await expect(late.next()).rejects.toMatchObject({ code: 'ERR_ABORTED' })
  })

  it('drops the oldest beyond 1000 messages, and warns', async () => {
    await using s = await stage()
    const messages = s.cloud.receivedMessages()[Symbol.asyncIterator]()
    for (let count = 0; count < 1003; count++) receive(s, `${count}`)
    expect((await messages.next()).value).toMatchObject({ text: '3' })
    expect(s.logger.lines.join('\n')).toContain('warn:receivedMessages() is read too slowly')
  })

  it('drops the oldest beyond 8 MiB', async () => {
    await using s = await stage()
    const messages = s.cloud.receivedMessages()[Symbol.asyncIterator]()
    const filler = 'x'.repeat(1024 * 1024 - 1)
    for (let count = 0; count < 9; count++) receive(s, `${count}${filler}`)
    expect((await messages.next()).value?.text[0]).toBe('1')
  })

  it('says so when nothing was ever opened', async () => {
    await using cloud = new CustomCloud(null)
    const reading = vi.fn()
    const read = async (): Promise<void> => {
      for await (const message of cloud.receivedMessages()) reading(message)
    }
    await expect(read()).rejects.toMatchObject({
      code: 'ERR_HOLOGRAM_INBOUND',
      message: 'nothing listens for messages: call openReceiveSocket() first, or pass enableInbound: true',
    })
    expect(reading).not.toHaveBeenCalled()
  })
})

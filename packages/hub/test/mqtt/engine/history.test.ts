import { setImmediate as turn } from 'node:timers/promises'
import type { Packet, Qos } from '@halyard/wire/mqtt'
import { describe, expect, it } from 'vitest'
import type { KeepWaiter, MessageHistory } from '../../../src/domain/message-history.ts'
import type { Principal, PublishPlan } from '../../../src/mqtt/dialect.ts'
import type { Publication } from '../../../src/mqtt/publication.ts'
import { MemoryMessageHistory } from '../../../src/store/memory-message-history.ts'
import { Stage } from '../stage.ts'
import type { MemoryClient, StageWish } from '../stage.ts'
import { Chronicle } from './chronicle.ts'
import { message, payloads } from './support.ts'

/** What a new subscription gets of the past, before its SUBACK, and what is published meanwhile. */

const chronicle = (limits: StageWish = {}, dialect: Chronicle = new Chronicle()): [Stage, Chronicle] => [
  new Stage(limits, dialect, dialect.history),
  dialect,
]

async function connect(stage: Stage, name: string, wish: Parameters<Stage['connect']>[1] = {}): Promise<MemoryClient> {
  const client = await stage.connect(name, wish)
  client.take()
  return client
}

function subscribe(client: MemoryClient, packetId: number, filters: readonly string[], qos: Qos = 0): void {
  const options = { qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
  client.send({ type: 'subscribe', packetId, subscriptions: filters.map((filter) => ({ filter, ...options })) })
}

/** Payloads and types, in their order. */
const story = (packets: readonly Packet[]): string[] =>
  packets.flatMap((packet) => (packet.type === 'publish' ? payloads([packet]) : [packet.type]))

/** A history that is told message by message when to go on. */
class Scripted implements AsyncIterableIterator<Publication> {
  pulled = 0
  isReturned = false
  #next: ((result: IteratorResult<Publication>) => void) | undefined
  #fail: ((error: Error) => void) | undefined;

  [Symbol.asyncIterator](): this {
    return this
  }
  next(): Promise<IteratorResult<Publication>> {
    this.pulled++
    return new Promise((resolve, reject) => ([this.#next, this.#fail] = [resolve, reject]))
  }
  return(): Promise<IteratorResult<Publication>> {
    this.isReturned = true
    return Promise.resolve({ done: true, value: undefined })
  }
  async give(payload: string, id = 0): Promise<void> {
    const topic = { text: 'past/a', bytes: Buffer.from('past/a'), valid: true }
    const rest = { qos: 0, retain: false, properties: undefined, expiresAt: Infinity } as const
    this.#next?.({ done: false, value: { topic, payload: Buffer.from(payload), ...rest, id } })
    await turn()
  }
  async finish(): Promise<void> {
    this.#next?.({ done: true, value: undefined })
    await turn()
  }
  async fail(): Promise<void> {
    this.#fail?.(new Error('the disk is gone'))
    await turn()
  }
}

describe('stored messages', () => {
  it('come oldest first, before the SUBACK of all filters of their packet', async () => {
    const [stage] = chronicle()
    const publisher = await connect(stage, 'publisher')
    for (const payload of ['1', '2', '3']) publisher.send(message('past/a', payload, 1))
    publisher.send(message('past/b', 'b', 1), message('now/a', 'not asked for', 1))
    const reader = await connect(stage, 'reader')
    subscribe(reader, 1, ['past/a', 'now/a', 'past/b'])
    await stage.settleAll()
    publisher.send(message('past/a', '4', 1))
    await stage.settleAll()
    const came = reader.take()
    expect(story(came)).toEqual(['1', '2', '3', 'b', 'suback', '4'])
    expect(came).toContainEqual({ type: 'suback', packetId: 1, reasonCodes: [0, 0, 0] })
    expect(stage.store.count).toBe(0)
  })

  it('and live ones never come twice: what is published meanwhile is held', async () => {
    const [stage, dialect] = chronicle()
    const script = new Scripted()
    dialect.read = () => script
    const [reader, publisher] = [await connect(stage, 'reader'), await connect(stage, 'publisher')]
    publisher.send(message('past/a', 'old', 1))
    subscribe(reader, 1, ['past/a'])
    await turn()
    publisher.send(message('past/a', 'both', 1), message('past/a', 'live', 0))
    await script.give('old', 1)
    await script.give('both', 2)
    await stage.settle()
    expect([story(reader.take()), stage.store.count]).toEqual([['old'], 2])
    await script.finish()
    await stage.settle()
    expect(story(reader.take())).toEqual(['suback', 'both', 'live'])
    expect(stage.store.count).toBe(0)
    publisher.send(message('past/a', 'later', 1))
    await stage.settle()
    expect(story(reader.take())).toEqual(['later'])
  })

  it('come no faster than they are read', async () => {
    const [stage] = chronicle({ outputBytes: 20_000 })
    const publisher = await connect(stage, 'publisher')
    for (let number = 0; number < 200; number++) publisher.send(message('past/a', 1000, 1))
    const reader = await connect(stage, 'reader')
    reader.transport.isStuck = true
    subscribe(reader, 1, ['past/a'])
    await stage.settleAll()
    expect(reader.transport.pendingBytes).toBeLessThan(20_000)
    for (let round = 0; round < 5; round++) publisher.send(message('past/a', 'live', 1))
    while (reader.transport.pendingBytes > 0) {
      reader.transport.take(5000)
      await stage.settle()
      expect(reader.transport.pendingBytes).toBeLessThan(20_000)
    }
    const came = reader.take()
    expect(came).toHaveLength(206)
    expect(came[200]?.type).toBe('suback')
    expect(stage.server.broker.counters.dropped).toBe(0)
  })

  it('of QoS 1 wait for the acknowledgements of the client', async () => {
    const [stage] = chronicle()
    const publisher = await connect(stage, 'publisher')
    for (let number = 0; number < 5; number++) publisher.send(message('past/a', `${number}`, 1))
    const reader = await connect(stage, 'reader', { properties: { receiveMaximum: 2 } })
    subscribe(reader, 1, ['past/a'], 1)
    const came: Packet[] = []
    for (let round = 0; round < 5; round++) {
      await stage.settleAll()
      const packets = reader.take()
      came.push(...packets)
      for (const packet of packets) {
        if (packet.type === 'publish') reader.send({ type: 'puback', packetId: packet.packetId ?? 0, reasonCode: 0 })
      }
    }
    expect(story(came).filter((one) => one !== 'suback')).toEqual(['0', '1', '2', '3', '4'])
    expect(story(came)).toContain('suback')
  })

  it('end early when their connection does, and nobody waits for the history', async () => {
    const [stage, dialect] = chronicle()
    const script = new Scripted()
    dialect.read = () => script
    const properties = { sessionExpiryInterval: 60 }
    const [reader, publisher] = [await connect(stage, 'reader', { properties }), await connect(stage, 'publisher')]
    subscribe(reader, 1, ['past/a'], 1)
    await turn()
    publisher.send(message('past/a', 'held', 1), message('past/a', 'lost', 0))
    await script.give('first')
    reader.transport.close(false)
    expect(script.isReturned).toBe(true)
    await script.give('too late')
    const again = await stage.connect('reader', { cleanStart: false, properties })
    expect(story(again.take())).toEqual(['connack', 'held'])
    publisher.send(message('past/a', 'live', 1))
    await stage.settle()
    expect(story(again.take())).toEqual(['live'])
  })

  it('leave nothing behind when the session ends with its connection', async () => {
    const [stage, dialect] = chronicle()
    dialect.read = () => new Scripted()
    const [reader, publisher] = [await connect(stage, 'reader'), await connect(stage, 'publisher')]
    subscribe(reader, 1, ['past/a'], 1)
    await turn()
    publisher.send(message('past/a', 'held', 1))
    expect(stage.store.count).toBe(1)
    reader.transport.close(false)
    expect([stage.store.count, stage.server.broker.space('test').subscriptions]).toEqual([0, 0])
  })

  it('that cannot be read are logged, and the SUBACK leaves', async () => {
    const [stage, dialect] = chronicle()
    const script = new Scripted()
    dialect.read = (filter) => {
      if (filter === 'past/broken') throw new Error('no such table')
      return script
    }
    const reader = await connect(stage, 'reader')
    subscribe(reader, 1, ['past/broken', 'past/a'])
    await turn()
    await script.give('one')
    await script.fail()
    await stage.settle()
    expect(story(reader.take())).toEqual(['one', 'suback'])
    expect(stage.logger.errors.join('\n')).toMatch(/history has failed.*no such table[\s\S]*history.*the disk is gone/)
  })

  it('are not asked for any more when their subscription ends, and the others have their turn', async () => {
    const [stage, dialect] = chronicle()
    const scripts = [new Scripted(), new Scripted()]
    dialect.read = () => scripts[Number(scripts[0]?.isReturned)] as Scripted
    const reader = await connect(stage, 'reader')
    subscribe(reader, 1, ['past/a'])
    subscribe(reader, 2, ['past/b'])
    await turn()
    reader.send({ type: 'unsubscribe', packetId: 3, filters: ['past/a'] })
    await turn()
    expect(scripts.map(({ isReturned, pulled }) => [isReturned, pulled])).toEqual([
      [true, 1],
      [false, 1],
    ])
    await scripts[1]?.finish()
    await stage.settle()
    expect(story(reader.take())).toEqual(['suback', 'unsuback', 'suback'])
  })

  it('come once for a filter that stands twice in one packet', async () => {
    const [stage] = chronicle()
    const publisher = await connect(stage, 'publisher')
    publisher.send(message('past/a', 'old', 1))
    const reader = await connect(stage, 'reader')
    subscribe(reader, 1, ['past/a', 'past/a'])
    await stage.settleAll()
    expect(story(reader.take())).toEqual(['old', 'suback'])
  })

  it('hold no more of what is live than may wait for a session', async () => {
    const [stage, dialect] = chronicle({ queuedMessages: 3 })
    const script = new Scripted()
    dialect.read = () => script
    const [reader, publisher] = [await connect(stage, 'reader'), await connect(stage, 'publisher')]
    subscribe(reader, 1, ['past/a'])
    await turn()
    for (let number = 0; number < 10; number++) publisher.send(message('past/a', `${number}`, 1))
    expect(stage.store.count).toBe(3)
    await script.finish()
    await stage.settle()
    expect(story(reader.take())).toEqual(['suback', '7', '8', '9'])
    expect(stage.server.broker.counters.dropped).toBe(7)
  })

  it('cannot be asked for without end', async () => {
    const [stage, dialect] = chronicle({ subscriptions: 10 })
    dialect.read = () => new Scripted()
    const reader = await connect(stage, 'reader')
    for (let packetId = 1; packetId < 20; packetId++) {
      if (!reader.isOver) subscribe(reader, packetId, ['past/a', 'past/b', `past/${packetId}`])
    }
    await stage.settle()
    expect(reader.take().at(-1)).toEqual({ type: 'disconnect', reasonCode: 0x97 })
  })
})

/** Keeps when it is told to. */
class SlowHistory extends MemoryMessageHistory<Publication> {
  readonly waiting: KeepWaiter[] = []
  override keep(...[draft, waiter]: Parameters<MessageHistory<Publication>['keep']>): number {
    this.waiting.push(waiter)
    return super.keep(draft, { kept: () => {}, failed: () => {} })
  }
}

class SlowChronicle extends Chronicle {
  override readonly history: SlowHistory

  constructor() {
    const history = new SlowHistory({ now: () => 0, monotonic: () => 0 })
    super(history)
    this.history = history
  }

  override plan(principal: Principal, topic: string): PublishPlan {
    const plan = super.plan(principal, topic)
    return topic.startsWith('fleeting/') ? ({ ...plan, store: 0 } as PublishPlan) : plan
  }
}

const answers = (packets: readonly Packet[]): string[] =>
  packets.map((packet) => ('packetId' in packet ? `${packet.type} ${packet.packetId}` : packet.type))

describe('a message that is to be stored', () => {
  it('is acknowledged when it is kept, in its turn, and delivered before', async () => {
    const dialect = new SlowChronicle()
    const [stage] = chronicle({}, dialect)
    const [watcher, publisher] = [await connect(stage, 'watcher'), await connect(stage, 'publisher')]
    subscribe(watcher, 1, ['#'])
    const send = (topic: string, packetId: number, qos: Qos): void =>
      publisher.send(message(topic, `${packetId}`, qos, { packetId }))
    send('stored/a', 1, 1)
    send('fleeting/a', 2, 1)
    send('stored/a', 3, 2)
    publisher.send(message('stored/a', 'nobody waits', 0))
    await stage.settle()
    expect([publisher.take(), story(watcher.take())]).toEqual([[], ['suback', '1', '2', '3', 'nobody waits']])
    dialect.history.waiting[1]?.kept()
    await stage.settle()
    expect(publisher.take()).toEqual([])
    dialect.history.waiting[0]?.kept()
    await stage.settle()
    expect(answers(publisher.take())).toEqual(['puback 1', 'puback 2', 'pubrec 3'])
  })

  it('of QoS 2 that comes again over another connection is acknowledged no earlier', async () => {
    const dialect = new SlowChronicle()
    const [stage] = chronicle({}, dialect)
    const properties = { sessionExpiryInterval: 60 }
    const publisher = await connect(stage, 'publisher', { properties })
    publisher.send(message('stored/a', 'x', 2, { packetId: 7 }))
    publisher.transport.close(false)
    const again = await connect(stage, 'publisher', { cleanStart: false, properties })
    again.send(message('stored/a', 'x', 2, { packetId: 7, dup: true }))
    await stage.settle()
    expect([again.take(), dialect.history.waiting.length]).toEqual([[], 1])
    dialect.history.waiting[0]?.kept()
    await stage.settle()
    expect(answers(again.take())).toEqual(['pubrec 7'])
  })

  it('and is not: 5.0 is told 0x97, an older client is closed and keeps it', async () => {
    const dialect = new SlowChronicle()
    const [stage] = chronicle({}, dialect)
    const [modern, old] = [await connect(stage, 'modern'), await connect(stage, 'old', { version: 4 })]
    for (const client of [modern, old]) client.send(message('stored/a', 'x', 2, { packetId: 7 }))
    for (const waiter of dialect.history.waiting) waiter.failed(new Error('the disk is full'))
    await stage.settle()
    expect(modern.take()).toMatchObject([{ type: 'pubrec', packetId: 7, reasonCode: 0x97 }])
    expect([old.take(), old.isOver]).toEqual([[], true])
    expect(stage.logger.errors.join('\n')).toMatch(/not stored.*the disk is full/)
    modern.send(message('stored/a', 'anew', 2, { packetId: 7 }))
    dialect.history.waiting[2]?.kept()
    await stage.settle()
    expect(modern.take()).toMatchObject([{ type: 'pubrec', packetId: 7 }])
  })

  it('and waits for the disk with too many others: 5.0 is closed, an older client is not read', async () => {
    const dialect = new SlowChronicle()
    const [stage] = chronicle({ receiveMaximum: 3 }, dialect)
    const [modern, old] = [await connect(stage, 'modern'), await connect(stage, 'old', { version: 4 })]
    for (let number = 0; number < 3; number++) old.send(message('stored/a', 'x', 1))
    expect(old.transport.isPaused).toBe(true)
    for (const waiter of dialect.history.waiting) waiter.kept()
    await stage.settle()
    expect([old.transport.isPaused, old.take().length]).toEqual([false, 3])
    for (let number = 0; number < 4; number++) modern.send(message('stored/a', 'x', 1))
    await stage.settle()
    expect(modern.take()).toEqual([{ type: 'disconnect', reasonCode: 0x93 }])
  })

  it('may be a will', async () => {
    const dialect = new Chronicle()
    const [stage] = chronicle({}, dialect)
    const will = { topic: 'past/will', payload: Buffer.from('gone'), qos: 1, retain: false } as const
    const client = await stage.connect('a', { will })
    client.transport.close(false)
    await stage.settle()
    const reader = await connect(stage, 'reader')
    subscribe(reader, 1, ['past/#'])
    await stage.settleAll()
    expect(story(reader.take())).toEqual(['gone', 'suback'])
  })
})

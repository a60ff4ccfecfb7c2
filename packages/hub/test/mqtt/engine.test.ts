import type { Packet, Publish, Qos } from '@halyard/wire/mqtt'
import { describe, expect, it } from 'vitest'
import type {
  DialectConnection,
  DialectRequest,
  Login,
  Principal,
  PublishPlan,
  SubscribePlan,
  Verdict,
} from '../../src/mqtt/dialect.ts'
import { OpenDialect, Stage } from './stage.ts'
import type { MemoryClient } from './stage.ts'

/** What the model cannot see: time-outs, slow readers, limits, dialects that are late or broken. */

let packetIds = 0

function message(topic: string, payload: string | number, qos: Qos = 0, more: Partial<Publish> = {}): Publish {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : new Uint8Array(payload)
  return {
    ...{ type: 'publish', topic, payload: bytes, qos, retain: false, dup: false },
    ...(qos > 0 && { packetId: ++packetIds }),
    ...more,
  }
}

async function subscribe(stage: Stage, client: MemoryClient, filter: string, qos: Qos = 0): Promise<void> {
  const wish = { filter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
  client.send({ type: 'subscribe', packetId: ++packetIds, subscriptions: [wish] })
  await stage.settle()
  expect(client.received.shift()).toMatchObject({ type: 'suback', reasonCodes: [qos] })
}

const payloads = (packets: readonly Packet[]): string[] =>
  packets.flatMap((packet) => (packet.type === 'publish' ? [Buffer.from(packet.payload).toString()] : []))

const puback = (packet: Packet | undefined): Packet => ({
  ...{ type: 'puback', reasonCode: 0 },
  packetId: packet?.type === 'publish' ? (packet.packetId ?? 0) : 0,
})

describe('a connection', () => {
  it('has the time of the limits for its CONNECT', async () => {
    const stage = new Stage()
    const client = stage.open(5)
    client.transport.arrive(Uint8Array.of(0x10))
    await stage.clock.advance(4000)
    expect(client.transport.isClosed).toBe(false)
    await stage.clock.advance(1000)
    expect(client.transport.isClosed).toBe(true)
    expect(stage.server.connections).toBe(0)
  })

  it('is closed after one and a half times its keep-alive', async () => {
    const stage = new Stage()
    const client = await stage.connect('a', { keepAlive: 10 })
    client.take()
    for (let second = 0; second < 30; second += 10) {
      await stage.clock.advance(10_000)
      client.send({ type: 'pingreq' })
    }
    await stage.clock.advance(15_000)
    expect(client.take().map(({ type }) => type)).toEqual(['pingresp', 'pingresp', 'pingresp'])
    await stage.clock.advance(2000)
    expect(client.take()).toEqual([{ type: 'disconnect', reasonCode: 0x8d }])
    expect(client.isOver).toBe(true)
  })

  it('of 3.1.1 has the keep-alive that it asks for, one of 5.0 what it is told', async () => {
    const stage = new Stage({ keepAlive: 10 })
    const old = await stage.connect('old', { version: 4, keepAlive: 60 })
    const modern = await stage.connect('modern', { keepAlive: 60 })
    const endless = await stage.connect('endless', { keepAlive: 0 })
    expect([modern, endless].map((client) => client.take()[0])).toMatchObject([
      { properties: { serverKeepAlive: 10 } },
      { properties: { serverKeepAlive: 10 } },
    ])
    await stage.clock.advance(20_000)
    expect([old, modern, endless].map(({ isOver }) => isOver)).toEqual([false, true, true])
  })

  it('of an unknown version is told so in the CONNACK that all versions read', async () => {
    const stage = new Stage()
    const client = stage.open(4)
    client.transport.arrive(Uint8Array.of(0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 6, 2, 0, 0, 0, 1, 0x61))
    await stage.settle()
    expect(client.take()).toEqual([{ type: 'connack', sessionPresent: false, reasonCode: 1 }])
    expect(client.isOver).toBe(true)
  })

  it('that takes no packet as large as CONNACK is closed, not left waiting', async () => {
    const stage = new Stage()
    const client = await stage.connect('a', { properties: { maximumPacketSize: 8 } })
    expect(client.take()).toEqual([])
    expect([client.isOver, stage.server.connections, stage.server.broker.sessions.size]).toEqual([true, 0, 0])
  })

  it('is told why it ends when the server goes, and counted once', async () => {
    const stage = new Stage()
    const open = await stage.connect('a')
    const silent = stage.open(5)
    open.take()
    stage.server.close()
    stage.server.close()
    await stage.server.drained()
    expect(open.take()).toEqual([{ type: 'disconnect', reasonCode: 0x8b }])
    expect([open.isOver, silent.isOver, stage.server.broker.counters.connections]).toEqual([true, true, 0])
  })

  it('sends nothing of what follows a mistake in the same chunk', async () => {
    const stage = new Stage()
    const watcher = await stage.connect('watcher')
    watcher.take()
    await subscribe(stage, watcher, 'a')
    const client = await stage.connect('a')
    client.take()
    const properties = { authenticationMethod: 'none' }
    client.send({ type: 'auth', reasonCode: 0x18, properties }, message('a', 'late'))
    await stage.settle()
    expect(client.take()).toEqual([{ type: 'disconnect', reasonCode: 0x82 }])
    expect(watcher.take()).toEqual([])
  })
})

describe('a client that does not read', () => {
  async function stuck(limits: ConstructorParameters<typeof Stage>[0]): Promise<[Stage, MemoryClient, MemoryClient]> {
    const stage = new Stage(limits)
    const slow = await stage.connect('slow', { properties: { sessionExpiryInterval: 60 } })
    slow.take()
    await subscribe(stage, slow, 'zero')
    await subscribe(stage, slow, 'one', 1)
    const publisher = await stage.connect('publisher')
    slow.transport.isStuck = true
    return [stage, slow, publisher]
  }

  it('loses QoS 0 beyond the limit, and nothing of QoS 1', async () => {
    const [stage, slow, publisher] = await stuck({ outputBytes: 10_000 })
    for (let number = 0; number < 30; number++) {
      publisher.send(message('zero', 1000), message('one', String(number), 1))
      await stage.settle()
    }
    const { broker } = stage.server
    expect(broker.counters.dropped).toBe(20)
    expect(slow.transport.pendingBytes + broker.heldBytes).toBeLessThan(20_000)
    slow.transport.isStuck = false
    slow.transport.take(Infinity)
    await stage.settle()
    const got = slow.take()
    expect(payloads(got.filter((packet) => packet.type === 'publish' && packet.topic === 'one'))).toEqual(
      Array.from({ length: 30 }, (_, number) => String(number)),
    )
    expect(payloads(got.filter((packet) => packet.type === 'publish' && packet.topic === 'zero'))).toHaveLength(10)
  })

  it('is closed when it has taken nothing for 30 s, and not while it takes a little', async () => {
    const [stage, slow, publisher] = await stuck({})
    for (let number = 0; number < 300; number++) publisher.send(message('zero', 1000))
    await stage.settle()
    for (let second = 0; second < 100; second += 20) {
      slow.transport.take(10_000)
      await stage.clock.advance(20_000)
    }
    expect(slow.isOver).toBe(false)
    await stage.clock.advance(32_000)
    expect(slow.isOver).toBe(true)
  })

  it('gets large repetitions as it reads them, not all at once', async () => {
    const [stage, slow, publisher] = await stuck({ outputBytes: 100_000, packetBytes: 100_000 })
    slow.transport.isStuck = false
    for (let number = 0; number < 50; number++) publisher.send(message('one', 50_000, 1))
    await stage.settleAll()
    expect(payloads(slow.take())).toHaveLength(50)
    slow.transport.close(false)
    const again = stage.open(5)
    again.transport.isStuck = true
    const properties = { sessionExpiryInterval: 60 }
    again.send({ type: 'connect', version: 5, clientId: 'slow', cleanStart: false, keepAlive: 0, properties })
    await stage.settleAll()
    expect(again.transport.pendingBytes).toBeLessThan(250_000)
    again.transport.isStuck = false
    again.transport.take(Infinity)
    await stage.settleAll()
    const got = again.take().filter((packet) => packet.type === 'publish')
    expect(got).toHaveLength(50)
    expect(got.every(({ dup }) => dup)).toBe(true)
  })

  it('gets no retained message behind the one that replaced it', async () => {
    const stage = new Stage({ outputBytes: 20_000 })
    const publisher = await stage.connect('publisher')
    for (let topic = 0; topic < 100; topic++)
      publisher.send(message(`t/${topic}`, 'x'.repeat(500), 0, { retain: true }))
    const reader = await stage.connect('reader')
    reader.take()
    reader.transport.isStuck = true
    const wish = { filter: 't/#', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
    reader.send({ type: 'subscribe', packetId: 1, subscriptions: [wish] })
    await stage.settleAll()
    for (let topic = 0; topic < 100; topic += 10) publisher.send(message(`t/${topic}`, 'new', 0, { retain: true }))
    await stage.settleAll()
    reader.transport.isStuck = false
    reader.transport.take(Infinity)
    await stage.settleAll()
    const last = new Map(
      reader
        .take()
        .flatMap((packet) => (packet.type === 'publish' ? [[packet.topic, payloads([packet])[0]] as const] : [])),
    )
    expect(last.size).toBe(100)
    for (let topic = 0; topic < 100; topic += 10) expect(last.get(`t/${topic}`)).toBe('new')
  })
})

describe('limits', () => {
  it('3.1.1 has no Receive Maximum, 5.0 keeps to it', async () => {
    const stage = new Stage({ receiveMaximum: 2 })
    const old = await stage.connect('old', { version: 4 })
    const modern = await stage.connect('modern')
    for (const client of [old, modern]) {
      client.take()
      for (let number = 0; number < 3; number++) client.send(message('a', 'x', 2))
    }
    await stage.settle()
    expect(old.take().map(({ type }) => type)).toEqual(['pubrec', 'pubrec', 'pubrec'])
    expect(modern.take().at(-1)).toEqual({ type: 'disconnect', reasonCode: 0x93 })
  })

  it('count the properties of what waits', async () => {
    const stage = new Stage({ queuedBytes: 10_000 })
    const sleeper = await stage.connect('sleeper', { properties: { sessionExpiryInterval: 60 } })
    sleeper.take()
    await subscribe(stage, sleeper, 'a', 1)
    sleeper.transport.close(true)
    const publisher = await stage.connect('publisher')
    const userProperties = [['name', 'x'.repeat(2000)]] as const
    for (let number = 0; number < 20; number++) publisher.send(message('a', 'x', 1, { properties: { userProperties } }))
    expect(stage.store.count).toBe(4)
    expect(stage.store.bytes).toBeLessThanOrEqual(10_000)
  })

  it('of all sessions together cost a small queue no more than it asks for', async () => {
    const stage = new Stage({ totalQueuedBytes: 20_000 })
    for (const name of ['large', 'small']) {
      const client = await stage.connect(name, { properties: { sessionExpiryInterval: 60 } })
      client.take()
      await subscribe(stage, client, name, 1)
      client.transport.close(true)
    }
    const publisher = await stage.connect('publisher')
    for (let number = 0; number < 10; number++) publisher.send(message('small', `${number}`, 1))
    for (let number = 0; number < 10; number++) publisher.send(message('large', 5000, 1))
    for (let number = 10; number < 13; number++) publisher.send(message('small', `${number}`, 1))
    expect(stage.store.bytes).toBeLessThanOrEqual(20_000)
    const small = await stage.connect('small', { cleanStart: false, properties: { sessionExpiryInterval: 60 } })
    const got = payloads(small.take())
    expect(got.length).toBeGreaterThanOrEqual(10)
    expect(got.at(-1)).toBe('12')
  })

  for (const [overflow, wanted] of [
    ['drop-oldest', ['3', '4']],
    ['drop-newest', ['0', '1']],
    ['reject', ['0', '1']],
    ['expire-session', []],
  ] as const) {
    it(`a full queue: ${overflow}`, async () => {
      const stage = new Stage({ queuedMessages: 2, overflow })
      const properties = { sessionExpiryInterval: 60 }
      const sleeper = await stage.connect('sleeper', { properties })
      sleeper.take()
      await subscribe(stage, sleeper, 'a', 1)
      sleeper.transport.close(true)
      const publisher = await stage.connect('publisher')
      publisher.take()
      for (let number = 0; number < 5; number++) publisher.send(message('a', `${number}`, 1))
      await stage.settle()
      const reasons = publisher.take().map((packet) => (packet.type === 'puback' ? packet.reasonCode : -1))
      expect(reasons.slice(0, 2)).toEqual([0, 0])
      expect(reasons.includes(0x97)).toBe(overflow === 'reject')
      const again = await stage.connect('sleeper', { cleanStart: false, properties })
      expect(payloads(again.take())).toEqual(wanted)
    })
  }

  it('hold for the levels of a will too', async () => {
    const stage = new Stage()
    const will = { topic: '/'.repeat(200), payload: new Uint8Array(0), qos: 0, retain: true } as const
    const client = await stage.connect('a', { will })
    expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: 0x90 }])
    expect(client.isOver).toBe(true)
  })

  it('of one client do not lose the message for the next', async () => {
    const stage = new Stage()
    const lasting = { sessionExpiryInterval: 60 }
    const small = await stage.connect('small', { properties: { ...lasting, maximumPacketSize: 60 } })
    const large = await stage.connect('large', { properties: lasting })
    for (const client of [small, large]) {
      client.take()
      await subscribe(stage, client, 'a', 1)
    }
    const publisher = await stage.connect('publisher')
    publisher.send(message('a', 100, 1))
    large.transport.close(false)
    await stage.settle()
    const again = await stage.connect('large', { cleanStart: false, properties: lasting })
    expect(again.take()).toMatchObject([{ type: 'connack' }, { type: 'publish', dup: true }])
  })

  it('of the client: an alias that was named in a packet that did not fit is not used', async () => {
    const stage = new Stage()
    const reader = await stage.connect('reader', { properties: { topicAliasMaximum: 5, maximumPacketSize: 60 } })
    reader.take()
    await subscribe(stage, reader, '#')
    const publisher = await stage.connect('publisher')
    publisher.send(message('a/long/topic', 100), message('a/long/topic', 'small'), message('a/long/topic', 'again'))
    // Fits without an alias, and not with one.
    publisher.send(message('another/topic', 'y'.repeat(60 - 2 - 2 - 13 - 1)))
    await stage.settle()
    expect(reader.take()).toMatchObject([
      { topic: 'a/long/topic', properties: { topicAlias: 1 } },
      { topic: '', properties: { topicAlias: 1 } },
      { topic: 'another/topic' },
    ])
  })
})

describe('a shared group', () => {
  const FILTER = '$share/g/a'

  it('hands on what a session that has ended leaves, before what waits, and QoS 2 to nobody', async () => {
    const stage = new Stage({ window: 3 })
    const first = await stage.connect('first')
    first.take()
    await subscribe(stage, first, FILTER, 2)
    const publisher = await stage.connect('publisher')
    for (let number = 0; number < 5; number++) publisher.send(message('a', `${number}`, number === 1 ? 2 : 1))
    await stage.settle()
    expect(payloads(first.take())).toEqual(['0', '1', '2'])
    const second = await stage.connect('second', { properties: { receiveMaximum: 10 } })
    second.take()
    const wish = { filter: FILTER, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
    second.send({ type: 'subscribe', packetId: 1, subscriptions: [wish] })
    await stage.settle()
    // There is room here: what waits comes at once, before the SUBACK even.
    expect(payloads(second.take())).toEqual(['3', '4'])
    publisher.send(message('a', '5', 1), message('a', '6', 1))
    await stage.settle()
    const [third] = second.take()
    expect(payloads(third ? [third] : [])).toEqual(['5'])
    first.transport.close(false)
    for (const wanted of ['0', '2', '6']) {
      second.send(puback(third))
      await stage.settle()
      const [next] = second.take()
      expect(payloads(next ? [next] : [])).toEqual([wanted])
      Object.assign(third ?? {}, next)
    }
    expect(stage.store.count).toBe(3)
  })

  it('keeps what waits when its only member subscribes anew', async () => {
    const stage = new Stage({ window: 1 })
    const client = await stage.connect('a')
    client.take()
    await subscribe(stage, client, FILTER, 1)
    const publisher = await stage.connect('publisher')
    publisher.send(message('a', '0', 1), message('a', '1', 1))
    await stage.settle()
    const [first] = client.take()
    await subscribe(stage, client, FILTER, 1)
    client.send(puback(first))
    await stage.settle()
    expect(payloads(client.take())).toEqual(['1'])
  })

  it('has the limits of a queue, in bytes too', async () => {
    const stage = new Stage({ queuedBytes: 5000 })
    const member = await stage.connect('a', { properties: { sessionExpiryInterval: 60 } })
    member.take()
    await subscribe(stage, member, FILTER, 1)
    member.transport.close(false)
    const publisher = await stage.connect('publisher')
    for (let number = 0; number < 20; number++) publisher.send(message('a', 1000, 1))
    expect(stage.store.bytes).toBeLessThanOrEqual(5000)
    expect(stage.server.broker.counters.dropped).toBe(16)
  })

  it('gives QoS 0 to those who read', async () => {
    const stage = new Stage({ outputBytes: 1000 })
    const [slow, quick] = [await stage.connect('slow'), await stage.connect('quick')]
    for (const client of [slow, quick]) {
      client.take()
      await subscribe(stage, client, FILTER)
    }
    slow.transport.isStuck = true
    const publisher = await stage.connect('publisher')
    for (let number = 0; number < 20; number++) {
      publisher.send(message('a', 500))
      await stage.settle()
    }
    expect(payloads(quick.take()).length).toBeGreaterThanOrEqual(17)
    expect(stage.server.broker.counters.dropped).toBe(0)
  })
})

describe('a will', () => {
  it('begins to age when it is published', async () => {
    const stage = new Stage()
    const watcher = await stage.connect('watcher')
    watcher.take()
    await subscribe(stage, watcher, 'will')
    const properties = { messageExpiryInterval: 5 }
    const will = { topic: 'will', payload: Buffer.from('gone'), qos: 0, retain: true, properties } as const
    const client = await stage.connect('a', { will })
    await stage.clock.advance(60_000)
    client.transport.close(false)
    await stage.settle()
    expect(watcher.take()).toMatchObject([{ topic: 'will', properties: { messageExpiryInterval: 5 } }])
  })
})

/** One that is asked things it does not answer well. */
class BadDialect extends OpenDialect {
  readonly requests: DialectRequest[] = []
  readonly connections: DialectConnection[] = []
  answer: (login: Login) => Verdict | Promise<Verdict> = () => ({ accepted: true, principal: this.principal() })
  isBroken = false
  refused = ''

  override subscribe(...[principal, filter, options]: Parameters<OpenDialect['subscribe']>): SubscribePlan {
    if (filter === this.refused) return { kind: 'refuse', reason: 0x87, why: 'it may not' }
    return super.subscribe(principal, filter, options)
  }
  override authenticate(login: Login): Verdict | Promise<Verdict> {
    return this.answer(login)
  }
  override plan(principal: Principal, topic: string): PublishPlan {
    if (topic === 'request') return { kind: 'request', handle: (request) => this.requests.push(request) }
    if (topic === 'broken') throw new Error('a fault of plan')
    return super.plan(principal, topic)
  }
  override unsubscribe(principal: Principal, filter: string): ReturnType<OpenDialect['unsubscribe']> {
    if (this.isBroken) throw new Error('a fault of unsubscribe')
    return super.unsubscribe(principal, filter)
  }
  connected(connection: DialectConnection): void {
    this.connections.push(connection)
  }
  disconnected(): void {
    if (this.isBroken) throw new Error('a fault of disconnected')
  }
}

describe('a dialect', () => {
  it('that answers late keeps what follows CONNECT', async () => {
    const dialect = new BadDialect()
    let answer: (verdict: Verdict) => void = () => {}
    dialect.answer = () => new Promise((resolve) => (answer = resolve))
    const stage = new Stage({}, dialect)
    const client = stage.open(4)
    const wish = { filter: 'a', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
    client.send(
      { type: 'connect', version: 4, clientId: 'a', cleanStart: true, keepAlive: 0 },
      { type: 'subscribe', packetId: 1, subscriptions: [wish] },
      message('a', 'hello'),
    )
    await stage.settle()
    expect([client.transport.isPaused, client.take()]).toEqual([true, []])
    answer({ accepted: true, principal: dialect.principal() })
    await stage.settle()
    expect(client.transport.isPaused).toBe(false)
    expect(client.take().map(({ type }) => type)).toEqual(['connack', 'suback', 'publish'])
  })

  it('may answer when the peer has gone', async () => {
    const dialect = new BadDialect()
    let answer: (verdict: Verdict) => void = () => {}
    dialect.answer = () => new Promise((resolve) => (answer = resolve))
    const stage = new Stage({}, dialect)
    const client = await stage.connect('a')
    client.transport.close(true)
    answer({ accepted: true, principal: dialect.principal() })
    await stage.settle()
    const { broker } = stage.server
    expect([stage.server.connections, broker.sessions.size, broker.counters.connections]).toEqual([0, 0, 0])
    expect(dialect.connections).toEqual([])
  })

  it('that fails to authenticate refuses', async () => {
    const dialect = new BadDialect()
    const stage = new Stage({}, dialect)
    dialect.answer = () => Promise.reject(new Error('no disk'))
    const late = await stage.connect('late')
    dialect.answer = () => {
      throw new Error('no disk')
    }
    const early = await stage.connect('early', { version: 4 })
    expect([late.take(), early.take()]).toMatchObject([
      [{ type: 'connack', reasonCode: 0x88 }],
      [{ type: 'connack', reasonCode: 3 }],
    ])
    expect([late.isOver, early.isOver, stage.server.connections]).toEqual([true, true, 0])
    expect(stage.logger.errors).toHaveLength(2)
  })

  it('takes back what a session may not have any more when it is there again', async () => {
    const dialect = new BadDialect()
    const stage = new Stage({}, dialect)
    const properties = { sessionExpiryInterval: 60 }
    const client = await stage.connect('a', { properties })
    client.take()
    await subscribe(stage, client, 'secret')
    await subscribe(stage, client, 'open')
    client.transport.close(false)
    dialect.refused = 'secret'
    const again = await stage.connect('a', { cleanStart: false, properties })
    again.take()
    again.send(message('secret', 'x'), message('open', 'y'))
    await stage.settle()
    expect(payloads(again.take())).toEqual(['y'])
  })

  it('may give a subscription for a time', async () => {
    class Timed extends OpenDialect {
      until = 5000
      override subscribe(...wish: Parameters<OpenDialect['subscribe']>): SubscribePlan {
        return { ...super.subscribe(...wish), validUntil: this.until } as SubscribePlan
      }
    }
    const dialect = new Timed()
    const stage = new Stage({}, dialect)
    const client = await stage.connect('a')
    client.take()
    await subscribe(stage, client, 'short')
    await subscribe(stage, client, 'renewed')
    dialect.until = 60_000
    await subscribe(stage, client, 'renewed')
    for (const wanted of [['short', 'renewed'], ['renewed']]) {
      client.send(message('short', 'short'), message('renewed', 'renewed'))
      await stage.settle()
      expect(payloads(client.take())).toEqual(wanted)
      await stage.clock.advance(5000)
    }
  })

  it('that throws ends the connection concerned, and nothing else', async () => {
    const dialect = new BadDialect()
    const stage = new Stage({}, dialect)
    const other = await stage.connect('other')
    const will = { topic: 'broken', payload: new Uint8Array(0), qos: 0, retain: false } as const
    const client = await stage.connect('a', { will })
    other.take()
    client.take()
    await subscribe(stage, client, 'a')
    dialect.isBroken = true
    client.send(message('broken', 'x', 1))
    await stage.settle()
    expect(client.take()).toEqual([{ type: 'disconnect', reasonCode: 0x80 }])
    other.send({ type: 'pingreq' })
    await stage.settle()
    expect(other.take()).toEqual([{ type: 'pingresp' }])
    expect(stage.server.broker.sessions.size).toBe(1)
    expect(stage.logger.errors.join('\n')).toMatch(/plan[\s\S]*unsubscribe[\s\S]*disconnected[\s\S]*plan/)
  })

  it('acknowledges a request once, and not when its connection has gone', async () => {
    const dialect = new BadDialect()
    const stage = new Stage({}, dialect)
    const client = await stage.connect('a')
    client.take()
    client.send(message('request', 'x', 1, { packetId: 7 }), message('request', 'y', 2, { packetId: 8 }))
    await stage.settle()
    expect(client.take()).toEqual([])
    const [first, second] = dialect.requests
    first?.done()
    first?.done()
    await stage.settle()
    expect(client.take()).toMatchObject([{ type: 'puback', packetId: 7 }])
    client.transport.close(true)
    second?.done()
    dialect.connections[0]?.send('a', new Uint8Array(1))
    dialect.connections[0]?.close(0, 'again')
    await stage.settle()
    expect(stage.server.connections).toBe(0)
  })
})

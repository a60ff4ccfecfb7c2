import { describe, expect, it } from 'vitest'
import type { OverflowPolicy } from '../../../src/mqtt/limits.ts'
import { PolicyDialect } from '../policy-dialect.ts'
import { Stage } from '../stage.ts'
import { lostOf, message, payloads, subscribe } from './support.ts'

/** How much may wait, for a session and for all of them. */

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

  it('of accounts with a policy of their own, which get the same, are judged each by its own', async () => {
    const policies: [string, OverflowPolicy][] = [
      ['oldest', 'drop-oldest'],
      ['newest', 'drop-newest'],
      ['ending', 'expire-session'],
      ['strict', 'reject'],
    ]
    const stage = new Stage({ queuedMessages: 3, overflow: 'drop-newest' }, new PolicyDialect(new Map(policies)))
    const properties = { sessionExpiryInterval: 60 }
    const names = [...policies.map(([name]) => name), 'other']
    for (const name of names) {
      const client = await stage.connect(name, { properties })
      client.take()
      await subscribe(stage, client, 'a', 1)
      client.transport.close(true)
    }
    const publisher = await stage.connect('publisher')
    publisher.take()
    for (let number = 0; number < 5; number++) publisher.send(message('a', `${number}`, 1))
    await stage.settle()
    expect(publisher.take().map((packet) => 'reasonCode' in packet && packet.reasonCode)).toEqual([0, 0, 0, 0x97, 0x97])
    const old = await stage.connect('old', { version: 4 })
    old.take()
    old.send(message('a', '5', 1))
    await stage.settle()
    expect([old.take(), old.isOver]).toEqual([[], true])
    const came: Record<string, unknown> = {}
    for (const name of names) {
      const [connack, ...rest] = (await stage.connect(name, { cleanStart: false, properties })).take()
      came[name] = [lostOf(connack), ...payloads(rest)]
    }
    expect(came).toEqual({
      oldest: [3, '3', '4', '5'],
      newest: [3, '0', '1', '2'],
      ending: [0],
      strict: [0, '0', '1', '2'],
      other: [3, '0', '1', '2'],
    })
  })

  it("retained messages are no account's: one too many ends an old publisher if the hub rejects", async () => {
    for (const overflow of ['reject', 'drop-oldest'] as const) {
      const policies = new PolicyDialect(new Map([['old', overflow === 'reject' ? 'drop-oldest' : 'reject']]))
      const stage = new Stage({ retainedMessages: 0, overflow }, policies)
      const old = await stage.connect('old', { version: 4 })
      old.send(message('a', 'x', 1, { retain: true }))
      await stage.settle()
      expect(old.isOver).toBe(overflow === 'reject')
    }
  })

  it('what a queue has lost is told once, also to who wants no problem information, and to who takes it', async () => {
    const stage = new Stage({ queuedMessages: 2 })
    const properties = { sessionExpiryInterval: 60, requestProblemInformation: false }
    const publisher = await stage.connect('publisher')
    const lost: number[] = []
    const come = async (maximumPacketSize: number, cleanStart = false): Promise<void> => {
      const client = await stage.connect('sleeper', { cleanStart, properties: { ...properties, maximumPacketSize } })
      const [connack] = client.take()
      expect(connack).toMatchObject({ type: 'connack', reasonCode: 0, sessionPresent: !cleanStart })
      lost.push(lostOf(connack))
      if (cleanStart) await subscribe(stage, client, 'a', 1)
      client.transport.close(true)
    }
    const publish = async (count: number): Promise<void> => {
      for (let number = 0; number < count; number++) publisher.send(message('a', 'x', 1))
      await stage.settle()
    }
    await come(1000, true)
    await publish(2)
    await come(1000)
    // Two are in flight, two wait.
    await publish(3)
    await come(1000)
    await come(1000)
    await publish(4)
    // CONNACK has 16 bytes without it, and must not have more than the client takes ([MQTT-3.2.2-20]).
    await come(20)
    await come(1000)
    await publish(1)
    await come(1000, true)
    expect(lost).toEqual([0, 0, 1, 0, 0, 0, 0])
  })

  for (const [version, refused] of [
    [5, 0x97],
    [4, 0x80],
  ] as const) {
    it(`of the bytes of all filters of a session (version ${version})`, async () => {
      const stage = new Stage({ filterBytes: 1000 })
      const client = await stage.connect('a', { version })
      const options = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
      // Three bytes each: it is bytes that count.
      const filters = ['€'.repeat(200), 'x'.repeat(400), 'y', 'x'.repeat(400)]
      client.send(
        { type: 'subscribe', packetId: 1, subscriptions: filters.map((filter) => ({ filter, ...options })) },
        { type: 'unsubscribe', packetId: 2, filters: ['x'.repeat(400)] },
        { type: 'subscribe', packetId: 3, subscriptions: [{ filter: 'y', ...options }] },
      )
      await stage.settle()
      const codes = client.take().flatMap((packet) => (packet.type === 'suback' ? [packet.reasonCodes] : []))
      expect(codes).toEqual([[0, 0, refused, 0], [0]])
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

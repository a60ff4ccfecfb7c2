import { describe, expect, it } from 'vitest'
import { lasting, startBroker } from '../broker.ts'
import type { RawClient } from '../raw-client.ts'

/** §4.8.2: shared subscriptions of 5.0. */

const SHARED = '$share/group/a/#'

describe('a shared filter', () => {
  for (const filter of ['$share/', '$share/g', '$share/g/', '$share//a', '$share/g+/a', '$share/#/a', '$share/g/a#']) {
    it(`${filter} is none [MQTT-4.8.2-1] [MQTT-4.8.2-2]`, async () => {
      const broker = await startBroker()
      const client = await broker.client({ version: 5 })
      expect(await client.subscribe(filter)).toBe(0x8f)
    })
  }

  it('begins with $share/: others are filters like all, and $ needs a right to it [MQTT-4.8.2-1]', async () => {
    const broker = await startBroker()
    const client = await broker.client({ version: 5 })
    expect(await client.subscribe('/$share/g/a')).toBe(0)
    for (const filter of ['$share', '$shared/g/a']) expect(await client.subscribe(filter)).toBe(0x87)
  })
})

async function group(members: number, qos: 0 | 1 | 2) {
  const broker = await startBroker()
  const clients: RawClient[] = []
  for (let i = 0; i < members; i++) {
    const client = await broker.client(lasting(5, `member${i}`))
    await client.subscribe(SHARED, { qos })
    clients.push(client)
  }
  return { broker, clients, publisher: await broker.client({ version: 5 }) }
}

const idOf = ({ packetId = 0 }: { readonly packetId?: number }): { readonly packetId: number } => ({ packetId })

describe('a shared subscription', () => {
  it('gives each message to one member, another group and an own subscription have theirs', async () => {
    const { broker, clients, publisher } = await group(3, 0)
    const [first] = clients as [RawClient]
    const other = await broker.client({ version: 5 })
    await other.subscribe('$share/others/a/#')
    await other.subscribe('a/b')
    for (let i = 0; i < 6; i++) await publisher.publish('a/b', `${i}`)
    for (let i = 0; i < 12; i++) await other.message('a/b')
    const counts = []
    for (const client of clients) {
      client.send({ type: 'pingreq' })
      let count = 0
      while ((await client.next()).type === 'publish') count++
      counts.push(count)
    }
    expect(counts).toEqual([2, 2, 2])
    await first.unsubscribe(SHARED)
    await publisher.publish('a/b', '')
    await first.quiet()
  })

  it('sends nothing retained when it begins', async () => {
    const broker = await startBroker()
    const client = await broker.client({ version: 5 })
    await client.publish('a/b', 'kept', { retain: true })
    await client.subscribe(SHARED)
    await client.quiet()
  })

  it('each member gets its own QoS [MQTT-4.8.2-3]', async () => {
    const { clients, publisher, broker } = await group(0, 0)
    for (const qos of [0, 1, 2] as const) {
      const client = await broker.client({ version: 5 })
      await client.subscribe(SHARED, { qos })
      clients.push(client)
    }
    for (let i = 0; i < 3; i++) await publisher.publish('a', '', { qos: 2 })
    for (const [qos, client] of clients.entries()) {
      await client.message('a', '', { qos: qos as 0 })
      await client.quiet()
    }
  })

  it('QoS 2 that a lost connection broke off is brought to its end with the same client [MQTT-4.8.2-4]', async () => {
    const { broker, clients, publisher } = await group(2, 2)
    const [first, second] = clients as [RawClient, RawClient]
    await publisher.publish('a', 'two', { qos: 2 })
    const { packetId = 0 } = await first.message('a', 'two', { qos: 2 })
    await broker.left(first)
    await second.quiet()
    const back = await broker.client(lasting(5, 'member0'))
    await back.message('a', 'two', { dup: true, packetId })
    back.acknowledge('pubrec', { packetId })
    await back.expect('pubrel', { packetId })
    back.acknowledge('pubcomp', { packetId })
    await back.quiet()
    await second.quiet()
  })

  it('QoS 2 goes to nobody else if the session ends [MQTT-4.8.2-5]', async () => {
    const { broker, clients, publisher } = await group(2, 2)
    const [first, second] = clients as [RawClient, RawClient]
    await publisher.publish('a', 'two', { qos: 2 })
    await first.message('a', 'two')
    await broker.left(first)
    await broker.client({ version: 5, clientId: 'member0', cleanStart: true })
    await second.quiet()
    expect(broker.server.broker.heldMessages).toBe(0)
  })

  for (const lasts of [true, false]) {
    it(`QoS 1 that a member leaves unacknowledged goes to another (its session ${lasts ? 'lasts' : 'ends'})`, async () => {
      const { broker, publisher } = await group(0, 1)
      const first = await broker.client(lasts ? lasting(5, 'first') : { version: 5 })
      await first.subscribe(SHARED, { qos: 1 })
      const second = await broker.client({ version: 5 })
      await second.subscribe(SHARED, { qos: 1 })
      await publisher.publish('a', 'one', { qos: 1 })
      await first.message('a', 'one')
      await broker.left(first)
      second.acknowledge('puback', idOf(await second.message('a', 'one', { dup: false })))
      await second.quiet()
      if (lasts) await (await broker.client(lasting(5, 'first'))).quiet()
      expect(broker.server.broker.heldMessages).toBe(0)
    })
  }

  it('QoS 1 of a session that is over waits for a member that is away', async () => {
    const { broker, clients, publisher } = await group(1, 1)
    const [away] = clients as [RawClient]
    await broker.left(away)
    const first = await broker.client({ version: 5 })
    await first.subscribe(SHARED, { qos: 1 })
    await publisher.publish('a', 'one', { qos: 1 })
    await first.message('a', 'one')
    await broker.left(first)
    await (await broker.client(lasting(5, 'member0'))).message('a', 'one')
  })

  it('what a member refuses goes to nobody else [MQTT-4.8.2-6]', async () => {
    const { broker, clients, publisher } = await group(2, 2)
    const [first, second] = clients as [RawClient, RawClient]
    await publisher.publish('a', 'one', { qos: 1 })
    await publisher.publish('a', 'two', { qos: 2 })
    first.acknowledge('puback', idOf(await first.message('a', 'one')), 0x83)
    second.acknowledge('pubrec', idOf(await second.message('a', 'two')), 0x83)
    await first.quiet()
    await second.quiet()
    expect(broker.server.broker.heldMessages).toBe(0)
  })

  it('what waits for a member with room is not lost when the subscription is made again [MQTT-3.8.4-4]', async () => {
    const { broker, publisher } = await group(0, 1)
    const client = await broker.client({ version: 5, properties: { receiveMaximum: 1 } })
    await client.subscribe(SHARED, { qos: 1 })
    for (const text of ['1', '2', '3']) await publisher.publish('a', text, { qos: 1 })
    const first = await client.message('a', '1')
    await client.subscribe(SHARED, { qos: 1 })
    client.acknowledge('puback', idOf(first))
    client.acknowledge('puback', idOf(await client.message('a', '2')))
    client.acknowledge('puback', idOf(await client.message('a', '3')))
    await client.quiet()
  })

  it('3.1.1 may have one too: an extension', async () => {
    const broker = await startBroker()
    const [one, two] = [await broker.client(), await broker.client()]
    for (const client of [one, two]) await client.subscribe(SHARED)
    const publisher = await broker.client()
    await publisher.publish('a', 'first')
    await publisher.publish('a', 'second')
    await one.message('a', 'first')
    await two.message('a', 'second')
  })
})

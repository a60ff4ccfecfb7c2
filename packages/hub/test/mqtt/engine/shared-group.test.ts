import { describe, expect, it } from 'vitest'
import { Stage } from '../stage.ts'
import { message, payloads, puback, subscribe } from './support.ts'

/** Who gets what a member leaves, and what waits for a group. */

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

/** What MQTT 5.0 has beside: for clients that speak it. */
import { expect, it } from 'vitest'
import { until } from '../../../support.ts'
import { BYTES, Scene } from './scenarios.ts'
import type { Way } from './scenarios.ts'

export interface Way5 extends Way {
  /** Reason codes of PUBACK and DISCONNECT reach the user. */
  readonly showsReasons: boolean
  /** It puts the topic back where the hub sent an alias, and may send aliases itself. */
  readonly hasAliases: 'both ways' | 'to the hub'
}

export function scenarios5(way: Way5): void {
  it('properties travel with their message, and an answer finds its question', async () => {
    const scene = await Scene.open(way)
    const [asker, answerer] = [await scene.connected(), await scene.connected()]
    await answerer.subscribe('requests', 1)
    await asker.subscribe('replies/asker', 1)
    const properties = {
      responseTopic: 'replies/asker',
      correlationData: BYTES,
      contentType: 'application/json',
      payloadFormatIndicator: true,
      userProperties: { unit: '°C', room: 'kitchen' },
    }
    await asker.publish('requests', '{}', { qos: 1, properties })
    const [question] = await answerer.received(1)
    const { payloadFormatIndicator, ...rest } = properties
    expect(question?.properties).toMatchObject(rest)
    expect(Number(question?.properties?.['payloadFormatIndicator'])).toBe(Number(payloadFormatIndicator))
    const { correlationData } = question?.properties ?? {}
    await answerer.publish(String(question?.properties?.responseTopic), 'answer', {
      qos: 2,
      properties: { correlationData },
    })
    const [answer] = await asker.received(1)
    expect(answer).toMatchObject({ payload: 'answer', properties: { correlationData: BYTES } })
  })

  it('what has expired is not delivered, what has not tells what is left', async () => {
    const scene = await Scene.open(way)
    const lasting = { clientId: 'lasting', clean: false, properties: { sessionExpiryInterval: 300 } }
    const before = await scene.connected(lasting)
    await before.subscribe('news', 1)
    await before.disconnect()
    const publisher = await scene.connected()
    await publisher.publish('news', 'short', { qos: 1, properties: { messageExpiryInterval: 1 } })
    await publisher.publish('news', 'long', { qos: 1, properties: { messageExpiryInterval: 1000 } })
    const began = performance.now()
    await until('the second is over', () => performance.now() - began > 1100)
    const after = await scene.connected(lasting)
    await publisher.publish('news', 'live', { qos: 1 })
    await after.received(2)
    expect(after.payloads()).toEqual(['long', 'live'])
    const left = Number(after.messages[0]?.properties?.['messageExpiryInterval'])
    expect(left).toBeGreaterThan(900)
    expect(left).toBeLessThan(1000)
  })

  it('subscription options and identifiers', async () => {
    const scene = await Scene.open(way)
    const [own, other] = [await scene.connected(), await scene.connected()]
    await other.publish('t/old', 'old', { qos: 1, retain: true })
    await own.subscribe([{ filter: 't/#', qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 1 }], 1, {
      subscriptionIdentifier: 7,
    })
    await own.received(1)
    await own.subscribe([{ filter: 't/#', qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 1 }], 1, {
      subscriptionIdentifier: 8,
    })
    await own.publish('t/own', 'not to myself', { qos: 1 })
    await other.publish('t/new', 'as published', { qos: 1, retain: true })
    await own.received(2)
    expect(own.messages.map(({ payload, retain }) => [payload, retain])).toEqual([
      ['old', true],
      ['as published', true],
    ])
    expect(own.messages.map(({ properties }) => properties?.['subscriptionIdentifier'])).toEqual([7, 8])
    const third = await scene.connected()
    await third.subscribe([{ filter: 't/#', qos: 1, retainHandling: 2 }])
    await other.publish('t/end', 'end', { qos: 1 })
    await third.received(1)
    expect(third.payloads()).toEqual(['end'])
  })

  it('Receive Maximum 1: one at a time, all of them, in their order', async () => {
    const scene = await Scene.open(way)
    const [publisher, slow] = [await scene.connected(), await scene.connected({ properties: { receiveMaximum: 1 } })]
    await slow.subscribe('many', 2)
    await publisher.publishMany('many', 100, { qos: 2 })
    await slow.received(100)
    expect(slow.payloads()).toEqual(Array.from({ length: 100 }, (_, number) => String(number)))
  })

  it('topic aliases', async () => {
    const scene = await Scene.open(way)
    const both = way.hasAliases === 'both ways'
    const publisher = await scene.connected()
    const subscriber = await scene.connected(both ? { properties: { topicAliasMaximum: 10 } } : {})
    await subscriber.subscribe('a/long/topic/of/a/sensor/#', 1)
    const topic = 'a/long/topic/of/a/sensor/temperature'
    await publisher.publish(topic, 'named', { qos: 1, properties: { topicAlias: 3 } })
    await publisher.publish('', 'by alias', { qos: 1, properties: { topicAlias: 3 } })
    for (let number = 0; number < 20; number++) await publisher.publish(`${topic}/${number}`, `${number}`, { qos: 1 })
    for (let number = 0; number < 20; number++) await publisher.publish(`${topic}/${number}`, `${number}`, { qos: 1 })
    await subscriber.received(42)
    const rounds = Array.from({ length: 40 }, (_, index) => `${topic}/${index % 20}`)
    expect(subscriber.messages.map((message) => message.topic)).toEqual([topic, topic, ...rounds])
  })

  it('CONNACK tells what the hub takes, and gives a client id to who has none', async () => {
    const scene = await Scene.open(way, { limits: 'keepAlive: 30, sessionExpiry: 60, receiveMaximum: 50' })
    const { properties } = await scene
      .client()
      .connect(scene.options({ clientId: '', keepalive: 600, properties: { sessionExpiryInterval: 3600 } }))
    expect(properties).toMatchObject({
      serverKeepAlive: 30,
      sessionExpiryInterval: 60,
      receiveMaximum: 50,
      maximumPacketSize: 1_048_576,
      assignedClientIdentifier: expect.stringMatching(/^.{8,}$/) as string,
    })
  })

  it('a session that is given up at its end, and a will that waits', async () => {
    const scene = await Scene.open(way)
    const observer = await scene.connected()
    await observer.subscribe('status/#', 1)
    const will = { topic: 'status/x', payload: 'gone', qos: 1, properties: { willDelayInterval: 1 } } as const
    const lasting = { clientId: 'x', clean: false, properties: { sessionExpiryInterval: 300 }, will }
    const first = await scene.connected(lasting)
    await first.cut()
    // Back within its delay: nobody hears of it.
    const second = scene.client()
    expect(await second.connect(scene.options(lasting))).toMatchObject({ sessionPresent: true })
    await second.cut()
    await observer.received(1)
    const third = scene.client()
    expect(await third.connect(scene.options({ ...lasting, will: undefined }))).toMatchObject({ sessionPresent: true })
    await third.disconnect({ properties: { sessionExpiryInterval: 0 } })
    const fourth = scene.client()
    expect(await fourth.connect(scene.options(lasting))).toMatchObject({ sessionPresent: false })
    // 0x04: goodbye, and the will all the same.
    await fourth.disconnect({ reasonCode: 4, properties: { sessionExpiryInterval: 0 } })
    await observer.received(2)
    expect(observer.payloads()).toEqual(['gone', 'gone'])
  })

  it('reason codes', async () => {
    const scene = await Scene.open(way, { limits: 'topicLevels: 4, subscriptions: 3' })
    const client = await scene.connected({ clientId: 'r' })
    expect(
      await client.subscribe([{ filter: 'a', qos: 2 }, { filter: '$elsewhere/#' }, { filter: 'a/b/c/d/e' }]),
    ).toEqual([2, 135, 143])
    expect(await client.unsubscribe('a', 'never')).toEqual([0, 17])
    const told = [
      await client.publish('nobody/listens', 'x', { qos: 1 }),
      await client.publish('$SYS/mine', 'x', { qos: 1 }),
      await client.publish('$SYS/mine', 'x', { qos: 2 }),
      await client.publish('a/b/c/d/e', 'x', { qos: 1 }),
    ]
    if (way.showsReasons) expect(told).toEqual([16, 135, 135, 144])
    client.publish('large', 'x'.repeat(1_048_576)).catch(() => {})
    if (way.showsReasons) expect(await client.happened('disconnect')).toMatchObject({ reasonCode: 149 })
    await client.happened('close')
    const twin = await scene.connected({ clientId: 'twin' })
    await scene.connected({ clientId: 'twin' })
    if (way.showsReasons) expect(await twin.happened('disconnect')).toMatchObject({ reasonCode: 142 })
    await twin.happened('close')
  })
}

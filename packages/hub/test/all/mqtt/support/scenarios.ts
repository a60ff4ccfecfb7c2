/** What every client does with a hub, whatever it is written in: run for each of its versions and transports. */
import { expect, it } from 'vitest'
import { until } from '../../../support.ts'
import type { Certificates } from './certificates.ts'
import type { Client, ConnectOptions, Driver } from './client.ts'
import { serve } from './served.ts'
import type { ServeOptions, Served, TransportName } from './served.ts'

export interface Way {
  readonly version: 3 | 4 | 5
  readonly transport: TransportName
  /** A process that lives for the whole file. */
  readonly driver: () => Driver
  /** One that this test may kill. */
  readonly another: () => Driver | Promise<Driver>
  readonly certificates: () => Certificates
  /** What this client needs beside: `protocolId` of MQTT.js in 3.1. */
  readonly extra?: Partial<ConnectOptions>
}

/** All 256 bytes, and none of them text. */
export const BYTES: string = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join('')

/** One hub and clients that know how to reach it. */
export class Scene {
  readonly served: Served
  readonly #way: Way

  constructor(served: Served, way: Way) {
    this.served = served
    this.#way = way
  }

  static async open(way: Way, options?: ServeOptions): Promise<Scene> {
    return new Scene(await serve(way.certificates(), options), way)
  }

  /** For a client that is not connected yet. */
  options(more: Partial<ConnectOptions> = {}): ConnectOptions {
    const { version, transport, certificates, extra } = this.#way
    const secure = transport === 'tls' || transport === 'wss'
    return {
      url: this.served.url(transport),
      protocolVersion: version,
      ...this.served.account,
      ...(secure && { ca: certificates().ca }),
      ...extra,
      ...more,
    }
  }

  client(driver: Driver = this.#way.driver()): Client {
    return driver.client()
  }

  async connected(more: Partial<ConnectOptions> = {}, driver?: Driver): Promise<Client> {
    const client = this.client(driver)
    await client.connect(this.options({ clientId: client.name, ...more }))
    return client
  }
}

export function commonScenarios(way: Way): void {
  const { version } = way

  it('connects with its password and not without', async () => {
    const scene = await Scene.open(way)
    const connected = await scene.client().connect(scene.options({ clientId: 'a' }))
    expect(connected).toMatchObject({ sessionPresent: false, reasonCode: 0 })
    const refusedAs = async (more: Partial<ConnectOptions>): Promise<unknown> =>
      scene
        .client()
        .connect(scene.options({ clientId: 'b', ...more }))
        .then(
          () => 'accepted',
          (error: { reasonCode?: unknown }) => error.reasonCode,
        )
    const [wrong, none] = version === 5 ? [134, 135] : [4, 5]
    expect(await refusedAs({ password: 'wrong' })).toBe(wrong)
    // WebSockets come to the front door, where whoever is nobody's account speaks Emitter.
    const isFront = way.transport === 'ws' || way.transport === 'wss'
    expect(await refusedAs({ username: 'nobody' })).toBe(isFront ? 'accepted' : wrong)
    expect(await refusedAs({ username: undefined, password: undefined })).toBe(isFront ? 'accepted' : none)
  })

  it.each([0, 1, 2] as const)('QoS %i both ways, at every granted QoS, byte for byte', async (qos) => {
    const scene = await Scene.open(way)
    const [publisher, subscriber] = [await scene.connected(), await scene.connected()]
    for (const granted of [0, 1, 2] as const) {
      expect(await subscriber.subscribe(`bytes/${granted}`, granted)).toEqual([granted])
      await publisher.publish(`bytes/${granted}`, BYTES, { qos })
      await publisher.publish(`bytes/${granted}`, '', { qos })
    }
    const least = [0, 1, 2].map((granted) => Math.min(granted, qos))
    expect(
      (await subscriber.received(6)).map((message) => [message.topic, message.payload, message.qos, message.retain]),
    ).toEqual(
      least.flatMap((expected, granted) =>
        [BYTES, ''].map((payload) => [`bytes/${granted}`, payload, expected, false]),
      ),
    )
  })

  it.each([0, 1, 2] as const)('500 messages of QoS %i come once each, in their order', async (qos) => {
    const scene = await Scene.open(way)
    const [publisher, subscriber] = [await scene.connected(), await scene.connected()]
    await subscriber.subscribe('many', qos)
    await publisher.publishMany('many', 500, { qos })
    await subscriber.received(500)
    expect(subscriber.payloads()).toEqual(Array.from({ length: 500 }, (_, number) => String(number)))
  })

  it('wildcards, and no more of what was unsubscribed', async () => {
    const scene = await Scene.open(way)
    const [publisher, subscriber] = [await scene.connected(), await scene.connected()]
    expect(
      await subscriber.subscribe([
        { filter: 'home/+/temperature', qos: 1 },
        { filter: 'garden/#', qos: 2 },
        { filter: '+', qos: 0 },
      ]),
    ).toEqual([1, 2, 0])
    const topics = [
      'home/kitchen/temperature',
      'home/kitchen/humidity',
      'garden',
      'garden/a/b/c',
      'top',
      '/top',
      'Ångström/☃',
    ]
    for (const topic of topics) await publisher.publish(topic, 'x', { qos: 1 })
    await publisher.publish('garden/end', 'end', { qos: 1 })
    await until('the last is there', () => subscriber.payloads().includes('end'))
    expect(subscriber.messages.map(({ topic }) => topic)).toEqual([
      'home/kitchen/temperature',
      'garden',
      'garden/a/b/c',
      'top',
      'garden/end',
    ])
    await subscriber.unsubscribe('garden/#', '+')
    await publisher.publish('garden/a', 'no more', { qos: 1 })
    await publisher.publish('home/x/temperature', 'still', { qos: 1 })
    await until('what is still subscribed comes', () => subscriber.payloads().includes('still'))
    expect(subscriber.payloads()).not.toContain('no more')
  })

  it('a retained message meets who comes later, until it is cleared', async () => {
    const scene = await Scene.open(way)
    const [publisher, early] = [await scene.connected(), await scene.connected()]
    await early.subscribe('state/#', 1)
    await publisher.publish('state/lamp', 'on', { qos: 1, retain: true })
    await publisher.publish('state/door', 'open', { qos: 1, retain: true })
    await publisher.publish('state/door', '', { qos: 1, retain: true })
    const late = await scene.connected()
    await late.subscribe('state/+', 1)
    await publisher.publish('state/end', 'end', { qos: 1 })
    const flags = ({ messages }: Client): unknown[] =>
      messages.map(({ payload, retain, qos }) => [payload, retain, qos])
    await late.received(2)
    expect(flags(late)).toEqual([
      ['on', true, 1],
      ['end', false, 1],
    ])
    await early.received(4)
    expect(flags(early)).toEqual([
      ['on', false, 1],
      ['open', false, 1],
      ['', false, 1],
      ['end', false, 1],
    ])
  })

  it('a will is published for who is cut off or killed, not for who says goodbye', async () => {
    const scene = await Scene.open(way)
    const observer = await scene.connected()
    await observer.subscribe('status/#', 1)
    const will = (name: string): Partial<ConnectOptions> => ({
      clientId: name,
      will: { topic: `status/${name}`, payload: 'offline', qos: 1, retain: true },
    })
    const polite = await scene.connected(will('polite'))
    await polite.disconnect()
    const cut = await scene.connected(will('cut'))
    await cut.cut()
    await observer.received(1)
    const other = await way.another()
    await scene.connected(will('killed'), other)
    other.kill()
    await observer.received(2)
    expect(observer.messages.map(({ topic, payload, qos }) => [topic, payload, qos])).toEqual([
      ['status/cut', 'offline', 1],
      ['status/killed', 'offline', 1],
    ])
    const late = await scene.connected()
    await late.subscribe('status/+', 0)
    await late.received(2)
    expect(late.messages.every(({ retain }) => retain)).toBe(true)
  })

  it('a session that lasts keeps its subscriptions and what came meanwhile', async () => {
    const scene = await Scene.open(way)
    const lasting: Partial<ConnectOptions> = {
      clientId: 'lasting',
      clean: false,
      ...(version === 5 && { properties: { sessionExpiryInterval: 300 } }),
    }
    const before = await scene.connected(lasting)
    await before.subscribe([
      { filter: 'work/1', qos: 1 },
      { filter: 'work/2', qos: 2 },
    ])
    await before.disconnect()
    const publisher = await scene.connected()
    for (let number = 0; number < 50; number++) {
      const qos = number % 2 === 0 ? 1 : 2
      await publisher.publish(`work/${qos}`, `offline ${number}`, { qos })
    }
    await publisher.publish('work/1', 'QoS 0 is not kept for 3.1.1 clients that are away', { qos: 0 })

    const after = scene.client()
    const { sessionPresent } = await after.connect(scene.options(lasting))
    // 3.1 has no bit for it: CONNACK's first byte is reserved.
    expect(sessionPresent).toBe(version !== 3)
    await publisher.publish('work/1', 'live', { qos: 1 })
    await after.received(51)
    // In their order for each QoS: MQTT.js hands out QoS 2 when PUBREL comes.
    const ofQos = (qos: number): string[] =>
      after.messages.filter((message) => message.qos === qos).map(({ payload }) => payload)
    const numbers = Array.from({ length: 25 }, (_, number) => number * 2)
    expect(ofQos(1)).toEqual([...numbers.map((number) => `offline ${number}`), 'live'])
    expect(ofQos(2)).toEqual(numbers.map((number) => `offline ${number + 1}`))
    await after.disconnect()

    const fresh = scene.client()
    expect(await fresh.connect(scene.options({ clientId: 'lasting', clean: true }))).toMatchObject({
      sessionPresent: false,
    })
    await publisher.publish('work/1', 'for nobody', { qos: 1 })
    await fresh.subscribe('end', 0)
    await publisher.publish('end', 'end')
    await fresh.received(1)
    expect(fresh.payloads()).toEqual(['end'])
  })

  it('a message of nearly a MiB passes, a larger one ends the connection of its sender alone', async () => {
    const scene = await Scene.open(way)
    const [publisher, subscriber] = [await scene.connected(), await scene.connected()]
    await subscriber.subscribe('large', 1)
    const large = 'x'.repeat(1_048_576 - 64)
    await publisher.publish('large', large, { qos: 1 })
    const [message] = await subscriber.received(1)
    expect(message?.payload === large).toBe(true)
    publisher.publish('large', 'x'.repeat(1_048_576), { qos: 0 }).catch(() => {})
    await publisher.happened('close')
    const second = await scene.connected()
    await second.publish('large', 'small', { qos: 1 })
    await subscriber.received(2)
    expect(subscriber.messages.map(({ payload }) => payload.length)).toEqual([large.length, 5])
  })

  it('the same client id from two places: the later one has it', async () => {
    const scene = await Scene.open(way)
    const first = await scene.connected({ clientId: 'twin' })
    const second = await scene.connected({ clientId: 'twin' })
    await first.happened('close')
    await second.subscribe('for/twin', 1)
    await second.publish('for/twin', 'here', { qos: 2 })
    await second.received(1)
    expect(second.events.filter(({ event }) => event === 'close')).toEqual([])
  })

  it('members of a shared subscription divide the work', async () => {
    const scene = await Scene.open(way)
    const publisher = await scene.connected()
    const members = [await scene.connected(), await scene.connected(), await scene.connected()]
    for (const member of members) await member.subscribe('$share/workers/jobs/#', 1)
    await publisher.publishMany('jobs/new', 60, { qos: 1 })
    const counts = (): number[] => members.map(({ messages }) => messages.length)
    await until('all jobs are with somebody', () => counts().reduce((sum, count) => sum + count) >= 60)
    expect(counts()).toEqual([20, 20, 20])
    const all = members.flatMap((member) => member.payloads()).map(Number)
    expect(new Set(all).size).toBe(60)
  })
}

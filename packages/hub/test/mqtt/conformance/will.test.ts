import type { Will } from '@halyard/wire/mqtt'
import { describe, expect, it } from 'vitest'
import { ALL, inVersions, lasting, startBroker, startBrokerInTime } from '../broker.ts'
import { QOS } from '../raw-client.ts'

/** §3.1.2.5 and §3.1.3.2: what is published for a client that has gone. */

const WILL: Will = { topic: 'will', payload: Buffer.from('gone'), qos: 0, retain: false }

describe('a will', () => {
  inVersions(
    ALL,
    'is published when the connection ends without DISCONNECT, once [MQTT-3.1.2-7] [MQTT-3.1.2-8] [MQTT-3.1.2-10] [3.1.1 MQTT-3.1.2-8] [3.1.1 MQTT-3.1.2-10]',
    async (version) => {
      const broker = await startBroker()
      const watcher = await broker.client({ version })
      await watcher.subscribe('will')
      const client = await broker.client({ version, clientId: 'id', will: WILL })
      await watcher.quiet()
      await broker.left(client)
      await watcher.message('will', 'gone')
      await broker.left(await broker.client({ version, clientId: 'id' }))
      await watcher.quiet()
    },
  )

  inVersions(
    ALL,
    'is forgotten after DISCONNECT [MQTT-3.1.2-8] [MQTT-3.1.2-10] [MQTT-3.14.4-3] [3.1.1 MQTT-3.1.2-8] [3.1.1 MQTT-3.1.2-10] [3.1.1 MQTT-3.14.4-3]',
    async (version) => {
      const broker = await startBroker()
      const watcher = await broker.client({ version })
      await watcher.subscribe('will')
      await broker.leftWell(await broker.client({ version, will: WILL }))
      await watcher.quiet()
    },
  )

  inVersions(ALL, 'that nobody gave is none [3.1.1 MQTT-3.1.2-12]', async (version) => {
    const broker = await startBroker()
    const watcher = await broker.client({ version })
    await watcher.subscribe('#')
    await broker.left(await broker.client({ version }))
    await watcher.quiet()
  })

  for (const reasonCode of [0x04, 0x80, 0x81, 0x97]) {
    it(`5.0: is published after DISCONNECT with 0x${reasonCode.toString(16)} [MQTT-3.1.2-8] [MQTT-3.14.4-3]`, async () => {
      const broker = await startBroker()
      const watcher = await broker.client({ version: 5 })
      await watcher.subscribe('will')
      await broker.leftWell(await broker.client({ version: 5, will: WILL }), reasonCode)
      await watcher.message('will', 'gone')
    })
  }

  inVersions(ALL, 'has the QoS that was asked for [3.1.1 MQTT-3.1.2-9]', async (version) => {
    const broker = await startBroker()
    const watcher = await broker.client({ version })
    await watcher.subscribe('will', { qos: 2 })
    for (const qos of QOS) {
      await broker.left(await broker.client({ version, will: { ...WILL, qos } }))
      await watcher.message('will', 'gone', { qos })
    }
  })

  inVersions(
    ALL,
    'is retained if that was asked for, and else not [MQTT-3.1.2-14] [MQTT-3.1.2-15] [3.1.1 MQTT-3.1.2-9] [3.1.1 MQTT-3.1.2-16] [3.1.1 MQTT-3.1.2-17]',
    async (version) => {
      const broker = await startBroker()
      await broker.left(
        await broker.client({ version, will: WILL }),
        await broker.client({ version, will: { ...WILL, topic: 'kept', qos: 1, retain: true } }),
      )
      const watcher = await broker.client({ version })
      await watcher.subscribe('#', { qos: 2 })
      await watcher.message('kept', 'gone', { retain: true, qos: 1 })
      await watcher.quiet()
    },
  )

  inVersions(ALL, 'is published when another connection takes its session over [MQTT-3.1.2-8]', async (version) => {
    const broker = await startBroker()
    const watcher = await broker.client({ version })
    await watcher.subscribe('will')
    await broker.client({ version, clientId: 'same', will: WILL })
    await broker.client({ version, clientId: 'same' })
    await watcher.message('will', 'gone')
    await watcher.quiet()
  })

  inVersions(ALL, 'with an empty payload takes a retained message away', async (version) => {
    const broker = await startBroker()
    const watcher = await broker.client({ version })
    await watcher.publish('will', 'present', { retain: true })
    await watcher.subscribe('will')
    await watcher.message('will', 'present')
    await broker.left(await broker.client({ version, will: { ...WILL, payload: new Uint8Array(0), retain: true } }))
    await watcher.message('will', '')
    expect(broker.server.broker.space('mqtt').retained.count).toBe(0)
  })

  it('that its account may not publish is not published', async () => {
    const broker = await startBroker()
    const watcher = await broker.client()
    await watcher.subscribe('#')
    const login = { username: 'limited', password: Buffer.from('a password of the hub') }
    await broker.left(await broker.client({ ...login, will: WILL }))
    await broker.left(await broker.client({ ...login, will: { ...WILL, topic: 'open/will' } }))
    await watcher.message('open/will', 'gone')
    expect(broker.log.texts('warn').join()).toMatch(/a will was not published: its access list does not allow it/)
  })
})

describe('a will of 5.0', () => {
  const delayed = (willDelayInterval: number): Will => ({ ...WILL, properties: { willDelayInterval } })

  it('has its properties, user properties in their order [MQTT-3.1.3-10]', async () => {
    const broker = await startBroker()
    const watcher = await broker.client({ version: 5 })
    await watcher.subscribe('will')
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: 'answers',
      correlationData: Uint8Array.of(0, 1),
      userProperties: [
        ['b', '1'],
        ['a', '2'],
        ['b', '1'],
      ],
    } as const
    await broker.left(await broker.client({ version: 5, will: { ...WILL, properties } }))
    const message = await watcher.message('will', 'gone')
    expect(message.properties).toEqual(properties)
  })

  it('waits for its delay [MQTT-3.1.2-8]', async () => {
    const { broker, pass } = await startBrokerInTime()
    const watcher = await broker.client()
    await watcher.subscribe('will')
    await broker.left(await broker.client(lasting(5, 'id', { will: delayed(30) })))
    await pass(28)
    await watcher.quiet()
    await pass(4)
    await watcher.message('will', 'gone')
  })

  it('is not published if its client is back in time [MQTT-3.1.3-9] [MQTT-3.1.2-8]', async () => {
    const { broker, pass } = await startBrokerInTime()
    const watcher = await broker.client()
    await watcher.subscribe('will')
    await broker.left(await broker.client(lasting(5, 'id', { will: delayed(30) })))
    await pass(28)
    await broker.client(lasting(5, 'id'))
    await pass(100)
    await watcher.quiet()
  })

  it('does not wait longer than its session lives [MQTT-3.1.2-8]', async () => {
    const { broker, pass } = await startBrokerInTime()
    const watcher = await broker.client()
    await watcher.subscribe('will')
    const properties = { sessionExpiryInterval: 10 }
    await broker.left(await broker.client(lasting(5, 'id', { will: delayed(1000), properties })))
    await pass(8)
    await watcher.quiet()
    await pass(4)
    await watcher.message('will', 'gone')
    await pass(2000)
    await watcher.quiet()
  })

  it('does not wait if another session begins under its name [MQTT-3.1.2-8]', async () => {
    const { broker } = await startBrokerInTime()
    const watcher = await broker.client()
    await watcher.subscribe('will')
    await broker.left(await broker.client(lasting(5, 'id', { will: delayed(1000) })))
    await watcher.quiet()
    await broker.client({ version: 5, clientId: 'id', cleanStart: true })
    await watcher.message('will', 'gone')
  })

  it('has its whole life before it when it is published, however long its client was there (§3.1.3.2.4)', async () => {
    const { broker, pass } = await startBrokerInTime()
    const watcher = await broker.client({ version: 5 })
    await watcher.subscribe('will')
    const will = { ...WILL, retain: true, properties: { messageExpiryInterval: 60 } }
    const client = await broker.client({ version: 5, will })
    await pass(3600)
    await broker.left(client)
    const { properties } = await watcher.message('will', 'gone')
    expect(properties).toEqual({ messageExpiryInterval: 60 })
    const late = await broker.client({ version: 5 })
    await pass(50)
    await late.subscribe('will')
    expect((await late.message('will', 'gone')).properties).toEqual({ messageExpiryInterval: 10 })
    await pass(10)
    await late.subscribe('will')
    await late.quiet()
  })
})

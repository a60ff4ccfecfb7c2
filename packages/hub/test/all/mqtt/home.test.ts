/**
 * What Home Assistant and Node-RED do with their brokers, done with the libraries that they are built on: paho and MQTT.js.
 * docs/protocols/mqtt-interop.md lists which of their habits these are.
 */
import { expect, it } from 'vitest'
import { until } from '../../support.ts'
import { useCertificates } from './support/certificates.ts'
import type { ConnectOptions } from './support/client.ts'
import { startProgram, useClients } from './support/programs.ts'
import { Scene } from './support/scenarios.ts'
import type { Way } from './support/scenarios.ts'

useClients()
const certificates = useCertificates()

const way = (kind: Parameters<typeof startProgram>[0], version: 4 | 5): Way => {
  const driver = startProgram(kind)
  return { version, transport: 'tcp', certificates, driver: () => driver, another: () => startProgram(kind) }
}

it.each([4, 5] as const)('Home Assistant, protocol level %i: birth, will, discovery, availability', async (version) => {
  const house = way('paho-mqtt 1.6.1', version)
  const scene = await Scene.open(house)
  const device = await scene.connected({
    clientId: 'lamp',
    will: { topic: 'lamp/availability', payload: 'offline', qos: 0, retain: true },
  })
  await device.subscribe('homeassistant/status', 0)
  await device.subscribe('lamp/set', 0)
  const configuration = JSON.stringify({ name: 'Lamp', command_topic: 'lamp/set', state_topic: 'lamp/state' })
  await device.publish('homeassistant/light/lamp/config', configuration, { qos: 0, retain: true })
  await device.publish('lamp/availability', 'online', { qos: 0, retain: true })
  // Acknowledged: the hub has all three by then.
  await device.publish('lamp/state', 'OFF', { qos: 1, retain: true })

  const start = async (): Promise<Awaited<ReturnType<Scene['connected']>>> => {
    const assistant = await scene.connected({
      clientId: '',
      will: { topic: 'homeassistant/status', payload: 'offline', qos: 0, retain: false },
    })
    // Discovery first, each filter in a SUBSCRIBE of its own; then what the configuration names.
    await assistant.subscribe('homeassistant/+/+/config', 0)
    await assistant.subscribe('homeassistant/+/+/+/config', 0)
    await assistant.received(1)
    await assistant.subscribe([{ filter: 'lamp/state' }, { filter: 'lamp/availability' }])
    await assistant.publish('homeassistant/status', 'online', { qos: 0 })
    await assistant.received(3)
    return assistant
  }
  const first = await start()
  expect(first.messages.every(({ retain }) => retain)).toBe(true)
  expect(new Set(first.payloads())).toEqual(new Set([configuration, 'OFF', 'online']))
  await first.publish('lamp/set', 'ON', { qos: 0 })
  await device.received(2)
  await device.publish('lamp/state', 'ON', { qos: 0, retain: true })
  await first.received(4)
  expect(first.messages[3]).toMatchObject({ topic: 'lamp/state', payload: 'ON', retain: false })
  // A restart that is none: the process dies, its will tells the devices, the new one finds everything.
  await first.cut()
  await device.received(3)
  const second = await start()
  await device.received(4)
  expect(device.payloads()).toEqual(['online', 'ON', 'offline', 'online'])
  await device.cut()
  await until('the lamp is unavailable', () => second.payloads().includes('offline'))
  // Taken out of discovery: an empty retained message.
  const again = await scene.connected({ clientId: 'lamp' })
  await again.publish('homeassistant/light/lamp/config', '', { qos: 0, retain: true })
  await until('it hears so', () => second.payloads().includes(''))
})

it.each([4, 5] as const)(
  'a large house, protocol level %i: 500 filters in a SUBSCRIBE, 1,500 entities',
  async (version) => {
    const scene = await Scene.open(way('paho-mqtt 1.6.1', version))
    const devices = await scene.connected()
    const entities = Array.from({ length: 1500 }, (_, number) => `zigbee/${number}`)
    const retained = { qos: 0, retain: true } as const
    await Promise.all(entities.map((topic) => devices.publish(topic, `first ${topic}`, retained)))
    // Acknowledged: the hub has all of them by then.
    await devices.publish('end', '', { qos: 1 })
    const assistant = await scene.connected({ clientId: '' })
    // As many as Home Assistant puts in one packet, and the next without waiting for the answer.
    const packets = [0, 500, 1000].map((start) => entities.slice(start, start + 500))
    const granted = await Promise.all(packets.map((some) => assistant.subscribe(some.map((filter) => ({ filter })))))
    expect(granted.map((codes) => [codes.length, codes.every((code) => code === 0)])).toEqual(
      [0, 1, 2].map(() => [500, true]),
    )
    await assistant.received(1500)
    expect(new Set(assistant.payloads())).toEqual(new Set(entities.map((topic) => `first ${topic}`)))
    for (const some of packets) await assistant.unsubscribe(...some)
    await assistant.subscribe('end', 0)
    await devices.publish('zigbee/7', 'nobody listens', { qos: 1 })
    await devices.publish('end', 'over', { qos: 1 })
    await assistant.received(1501)
    expect(assistant.payloads().at(-1)).toBe('over')
  },
)

it.each([4, 5] as const)(
  'Node-RED, protocol level %i: its own client id, birth, close and will, and it comes again',
  async (version) => {
    const scene = await Scene.open(way('MQTT.js 5.16.0', version))
    const observer = await scene.connected()
    await observer.subscribe('flows/status', 1)
    const habits: Partial<ConnectOptions> = {
      clientId: `nodered_${Math.random().toString(16).slice(2, 18).padEnd(16, '0')}`,
      clean: true,
      keepalive: 60,
      reconnectPeriod: 100,
      resubscribe: false,
      will: { topic: 'flows/status', payload: 'will', qos: 1, retain: true },
    }
    const flow = await scene.connected(habits)
    await flow.subscribe([{ filter: 'in/#', qos: 2 }])
    await flow.publish('flows/status', 'birth', { qos: 1, retain: true })
    await flow.cut()
    // Clean session: it subscribes again by itself, at each 'connect'.
    await flow.happened('connect', 2)
    await flow.subscribe([{ filter: 'in/#', qos: 2 }])
    await flow.publish('flows/status', 'birth', { qos: 1, retain: true })
    await observer.publish('in/a', '{"on":true}', { qos: 2 })
    await flow.received(1)
    await flow.publish('flows/status', 'close', { qos: 1, retain: true })
    await flow.disconnect()
    await observer.received(4)
    expect(observer.payloads()).toEqual(['birth', 'will', 'birth', 'close'])
  },
)

it('a keep-alive of one second: pings keep a connection, silence ends it', async () => {
  const lively = way('MQTT.js 5.16.0', 4)
  const scene = await Scene.open(lively)
  const observer = await scene.connected()
  await observer.subscribe('status/+', 1)
  const will = (name: string): Partial<ConnectOptions> => ({
    clientId: name,
    keepalive: 1,
    will: { topic: `status/${name}`, payload: 'silent', qos: 1 },
  })
  const pinging = await scene.connected(will('pinging'))
  const sleeper = startProgram('MQTT.js 5.16.0')
  await scene.connected(will('sleeping'), sleeper)
  sleeper.stop()
  await observer.received(1)
  await pinging.happened('pong', 3)
  expect(observer.messages.map(({ topic }) => topic)).toEqual(['status/sleeping'])
})

it('paho comes again by itself, and its session is there with what came meanwhile', async () => {
  const scene = await Scene.open(way('paho-mqtt 1.6.1', 4))
  const lasting = { clientId: 'paho', clean: false, reconnect: true }
  const client = await scene.connected(lasting)
  await client.subscribe('work', 2)
  // Somebody with its client id: it is thrown out, and comes back a second later.
  const thief = await scene.connected({ clientId: 'paho', clean: false })
  await client.happened('close')
  await thief.disconnect()
  const publisher = await scene.connected()
  for (const payload of ['1', '2', '3']) await publisher.publish('work', payload, { qos: 2 })
  expect(await client.happened('connect', 2)).toMatchObject({ sessionPresent: true })
  await client.received(3)
  expect(client.payloads()).toEqual(['1', '2', '3'])
})

it('a storm: 200 clients are cut off and come again at once, over and over', async () => {
  const scene = await Scene.open(way('MQTT.js 5.16.0', 5), { limits: 'authFailuresPerAddress: 10' })
  const storm: Partial<ConnectOptions> = {
    reconnectPeriod: 50,
    clean: false,
    properties: { sessionExpiryInterval: 60 },
  }
  const clients = await Promise.all(
    Array.from({ length: 200 }, (_, number) => scene.connected({ ...storm, clientId: `s${number}` })),
  )
  await Promise.all(clients.map((client) => client.subscribe(`storm/${client.name}`, 1)))
  for (let round = 2; round <= 4; round++) {
    await Promise.all(clients.map((client) => client.cut()))
    await Promise.all(clients.map((client) => client.happened('connect', round)))
  }
  const publisher = await scene.connected()
  await Promise.all(clients.map((client) => publisher.publish(`storm/${client.name}`, client.name, { qos: 1 })))
  for (const client of clients) {
    await client.received(1)
    expect(client.payloads()).toEqual([client.name])
    expect(await client.happened('connect', 4)).toMatchObject({ sessionPresent: true })
  }
})

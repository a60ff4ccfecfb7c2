/** Clients of plain MQTT that know nothing of Emitter, with its topics: the mosquitto tools and MQTT.js 5, unchanged. */
import { describe, expect, it } from 'vitest'
import { startEmitterHub } from '../../emitter/support.ts'
import { startProgram, useClients } from '../mqtt/support/programs.ts'
import { Tool } from '../mqtt/support/tools.ts'

useClients()

describe('mosquitto_sub and mosquitto_pub', () => {
  it('publish and subscribe with a key in the topic, and get what is stored', async () => {
    const hub = await startEmitterHub()
    const port = String(hub.hub.ports.front)
    const helper = await hub.client()
    const key = await helper.keygen(hub.master, 'tools/#/', 'rwsl')
    const at = ['-h', '127.0.0.1', '-p', port]
    const publish = (topic: string, text: string, ...more: string[]): Promise<{ readonly code: number | null }> =>
      new Tool('mosquitto_pub', [...at, '-t', `${key}/${topic}`, '-m', text, ...more]).finished
    expect(await publish('tools/a/?ttl=60', 'stored', '-q', '1')).toMatchObject({ code: 0 })
    const all = new Tool('mosquitto_sub', [...at, '-t', `${key}/tools/#`, '-v', '-q', '1'])
    expect(await all.wrote(1)).toEqual(['tools/a/ stored'])
    expect(await publish('tools/b/', 'QoS 2', '-q', '2')).toMatchObject({ code: 0 })
    expect(await publish('tools/b/', 'retained', '-r')).toMatchObject({ code: 0 })
    expect(await all.wrote(3)).toEqual(['tools/a/ stored', 'tools/b/ QoS 2', 'tools/b/ retained'])
    const refused = new Tool('mosquitto_sub', [...at, '-t', `${key}/else/`])
    expect((await refused.finished).errors).toMatch(/denied/i)
  })
})

describe('MQTT.js 5.16.0', () => {
  it('with QoS 2 end to end, wildcards, and a session that lasts for who has a password', async () => {
    const hub = await startEmitterHub()
    const helper = await hub.client()
    const key = await helper.keygen(hub.master, 'js/#/', 'rw')
    const driver = startProgram('MQTT.js 5.16.0')
    const options = {
      url: `ws://127.0.0.1:${hub.hub.ports.front}/`,
      protocolVersion: 5 as const,
      clientId: 'lasting',
      clean: false,
      username: 'bob',
      password: 'secret of the session',
      properties: { sessionExpiryInterval: 60 },
    } as const
    const one = driver.client('one')
    await one.connect(options)
    expect(await one.subscribe(`${key}/js/+/`, 2)).toEqual([2])
    await one.publish(`${key}/js/a/`, 'twice acknowledged', { qos: 2 })
    await one.received(1)
    expect(one.messages[0]).toMatchObject({ topic: 'js/a/', payload: 'twice acknowledged', qos: 2 })
    await one.disconnect()
    await helper.publish(`${key}/js/b/`, 'while it was away')
    const again = driver.client('again')
    expect(await again.connect(options)).toMatchObject({ sessionPresent: true })
    await again.received(1)
    expect(again.messages[0]).toMatchObject({ topic: 'js/b/', payload: 'while it was away', qos: 1 })
  })
})

/** Rows of the guide's table, run: MQTT.js on the one side, ours on the other. What comes, and when it is acknowledged. */
import { describe, expect, it, vi } from 'vitest'
import type { MqttClient, MqttMessage } from '../../../src/index.ts'
import { clientOf, connected, failure, happens, hub, take, texts, until } from '../../support/clients.ts'
import { ScriptedServer } from '../../support/scripted-server.ts'
import type { Caller } from '../../support/scripted-server.ts'
import { cable, event, js, jsConnected, rejection, turns } from './support.ts'
import type { JsClient, JsPacket } from './support.ts'

/** A client of MQTT.js and its server, connected. */
async function theirs(options: object = {}): Promise<{ client: JsClient; caller: Caller; server: ScriptedServer }> {
  const server = await ScriptedServer.open()
  const client = js(server.url, { protocolVersion: 5, ...options })
  const caller = await server.accepts()
  await event(client, 'connect')
  return { client, caller, server }
}

/** … and of ours, with a subscription to everything. */
async function ours(onMessage: (message: MqttMessage) => unknown): Promise<{ client: MqttClient; caller: Caller }> {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5 })
  const caller = await server.accepts()
  const subscribed = client.subscribe('#', { qos: 2, onMessage })
  await caller.grant(2)
  await subscribed
  return { client, caller }
}

describe('event `message` for everything: a topic and a Buffer', () => {
  it('MQTT.js: whatever it was subscribed with', async () => {
    const { url } = await hub()
    const client = await jsConnected(url)
    await client.subscribeAsync(['a/+', 'b/#'])
    const seen: string[] = []
    client.on('message', (topic: string, payload: Buffer) => {
      seen.push(`${topic} ${payload.toString('hex')} ${Buffer.isBuffer(payload)}`)
    })
    client.publish('a/1', '\u0001', {})
    client.publish('b/2', '\u0002', {})
    await until('both', () => seen.length === 2)
    expect(seen).toEqual(['a/1 01 true', 'b/2 02 true'])
  })

  it('here: the same, besides `subscribe`, which gives each its own; `payload` is a Uint8Array, `text()`, `json()`', async () => {
    const client = await connected((await hub()).url)
    const [a, b] = [await client.subscribe('a/+'), await client.subscribe('b/#')]
    const all: string[] = []
    client.on('message', ({ topic }) => all.push(topic))
    await Promise.all([client.publish('a/1', '[1]'), client.publish('b/2', '[2]')])
    const [first] = await take(a, 1)
    expect(first!.json()).toEqual([1])
    expect(Object.prototype.toString.call(first!.payload)).toBe('[object Uint8Array]')
    expect(await texts(b, 1)).toEqual(['[2]'])
    expect(all).toEqual(['a/1', 'b/2'])
  })
})

describe('QoS 1 acknowledged when handed over', () => {
  it('MQTT.js: a promise of the listener is not waited for', async () => {
    const { client, caller } = await theirs()
    let isDone = false
    const handle = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 50))
      isDone = true
    }
    client.on('message', handle as () => void)
    caller.publish('a', '1', { qos: 1, packetId: 7 })
    await caller.expect('puback', { packetId: 7 })
    expect(isDone).toBe(false)
  })

  it('here: when handled; `acknowledge: received` for theirs', async () => {
    let finish = (): void => {}
    const { client, caller } = await ours(() => new Promise<void>((resolve) => (finish = resolve)))
    caller.publish('a', '1', { qos: 1, packetId: 7 })
    await until('it came', () => client.diagnostics()?.unacknowledged === 1)
    await turns()
    expect(caller.came).toEqual([])
    finish()
    await caller.expect('puback', { packetId: 7 })
  })
})

describe('QoS 2 handed over when PUBREL came', () => {
  it('MQTT.js: behind a message of QoS 1 that was sent later', async () => {
    const { client, caller } = await theirs()
    const seen: string[] = []
    client.on('message', (_topic: string, payload: Buffer) => void seen.push(String(payload)))
    caller.publish('a', 'two', { qos: 2, packetId: 7 })
    await caller.expect('pubrec', { packetId: 7 })
    caller.publish('a', 'one', { qos: 1, packetId: 8 })
    await caller.expect('puback')
    expect(seen).toEqual(['one'])
    caller.send({ type: 'pubrel', packetId: 7, reasonCode: 0 })
    await caller.expect('pubcomp')
    expect(seen).toEqual(['one', 'two'])
  })

  it('here: with PUBLISH, in the order of the server; PUBREC leaves when it is handled', async () => {
    const seen: string[] = []
    const { caller } = await ours((message) => void seen.push(message.text()))
    caller.publish('a', 'two', { qos: 2, packetId: 7 })
    caller.publish('a', 'one', { qos: 1, packetId: 8 })
    await caller.expect('pubrec', { packetId: 7 })
    await caller.expect('puback', { packetId: 8 })
    expect(seen).toEqual(['two', 'one'])
    caller.send({ type: 'pubrel', packetId: 7, reasonCode: 0 })
    await caller.expect('pubcomp')
    expect(seen).toHaveLength(2)
  })
})

describe('`handleMessage` for back-pressure', () => {
  it('MQTT.js: it reads on when that calls back; who waits there for an acknowledgement of his own waits for ever', async () => {
    const { url } = await hub()
    const client = await jsConnected(url)
    const handled: string[] = []
    let acknowledged = 0
    client.handleMessage = (packet: JsPacket, done) => {
      handled.push(packet.topic!)
      client.publish('b', 'answer', { qos: 1 }, () => {
        acknowledged++
        done()
      })
    }
    await client.subscribeAsync('a/+')
    const sender = await connected(url)
    await Promise.all([sender.publish('a/1', ''), sender.publish('a/2', '')])
    await until('the first', () => handled.length === 1)
    const other = await jsConnected(url)
    await other.subscribeAsync('a/#')
    await other.publishAsync('a/3', '', { qos: 1 })
    expect({ handled, acknowledged }).toEqual({ handled: ['a/1'], acknowledged: 0 })
  })

  it('here: loops and `onMessage` with promises; a handler that publishes does not stop itself', async () => {
    const { url } = await hub()
    const client = await connected(url)
    const handled: string[] = []
    await client.subscribe('a/+', {
      buffer: 1,
      onMessage: async ({ topic }) => {
        await client.publish('b', 'answer')
        handled.push(topic)
      },
    })
    const sender = await connected(url)
    const wanted = Array.from({ length: 20 }, (_, number) => `a/${number}`)
    await Promise.all(wanted.map((topic) => sender.publish(topic, '')))
    await until('all of them', () => handled.length === 20)
    expect(handled).toEqual(wanted)
  })
})

describe('`customHandleAcks`: 5.0 alone, with a reason code', () => {
  it('MQTT.js', async () => {
    const acks: ((error: null, code: number) => void)[] = []
    const customHandleAcks = (_topic: string, _payload: Buffer, _packet: JsPacket, done: (typeof acks)[0]): void =>
      void acks.push(done)
    const { client, caller } = await theirs({ customHandleAcks })
    const heard = vi.fn<() => void>()
    client.on('message', heard)
    caller.publish('a', '1', { qos: 1, packetId: 7 })
    await until('it is asked', () => acks.length === 1)
    expect(caller.came).toEqual([])
    acks[0]!(null, 0x87)
    await caller.expect('puback', { packetId: 7, reasonCode: 0x87 })
    expect(heard).not.toHaveBeenCalled()
    const old = await theirs({ customHandleAcks, protocolVersion: 4 })
    old.caller.publish('a', '1', { qos: 1, packetId: 7 })
    await old.caller.expect('puback', { packetId: 7 })
    expect(acks).toHaveLength(1)
  })

  it('here: `acknowledge: manual` in both versions, without a reason code', async () => {
    for (const version of [4, 5] as const) {
      const server = await ScriptedServer.open()
      const client = clientOf(server.url, { version })
      const caller = await server.accepts()
      const held: MqttMessage[] = []
      const options = { acknowledge: 'manual', onMessage: (message: MqttMessage) => held.push(message) } as const
      const subscribed = client.subscribe('#', options)
      await caller.grant()
      await subscribed
      caller.publish('a', '1', { qos: 1, packetId: 7 })
      await until('it came', () => held.length === 1)
      await turns()
      expect(caller.came).toEqual([])
      held[0]!.acknowledge()
      await caller.expect('puback', { packetId: 7, reasonCode: 0 })
    }
  })
})

describe('`resubscribe: true`', () => {
  it('MQTT.js: `connect` fires before', async () => {
    const { client, caller, server } = await theirs({ clientId: 'me' })
    const granted = client.subscribeAsync('a', { qos: 1 })
    await caller.grant()
    await granted
    const again = event(client, 'connect')
    caller.drop()
    const second = await server.accepts()
    await again
    await second.expect('subscribe')
  })

  it('MQTT.js: not with its session, and never with false', async () => {
    for (const [options, sessionPresent] of [
      [{ clean: false, clientId: 'me' }, true],
      [{ resubscribe: false }, false],
    ] as const) {
      const { client, caller, server } = await theirs(options)
      const granted = client.subscribeAsync('a', { qos: 1 })
      await caller.grant()
      await granted
      const again = event(client, 'connect')
      caller.drop()
      const second = await server.accepts({ sessionPresent })
      await again
      client.publish('a', 'what comes next', {})
      await second.expect('publish')
    }
  })

  it('here: always, unless the session is there, and before `connect` fires', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 5 })
    const caller = await server.accepts()
    const subscribed = client.subscribe('a')
    await caller.grant()
    await subscribed
    let isTold = false
    const again = happens(client, 'connect').then(() => (isTold = true))
    caller.drop()
    const second = await server.accepts()
    const { packetId } = await second.expect('subscribe')
    await turns()
    expect(isTold).toBe(false)
    second.send({ type: 'suback', packetId, reasonCodes: [1] })
    await again
  })
})

describe('`subscribe` of several filters, one of which is refused', () => {
  it('MQTT.js: an error, the others stay', async () => {
    const { client, caller } = await theirs()
    const error = rejection(client.subscribeAsync(['good', 'bad'], { qos: 1 }))
    const { packetId } = await caller.expect('subscribe')
    caller.send({ type: 'suback', packetId, reasonCodes: [1, 0x87] })
    expect(await error).toMatchObject({ message: 'Subscribe error: Not authorized' })
    const heard = event<string>(client, 'message')
    caller.publish('good', '1')
    expect(await heard).toBe('good')
  })

  it('here: an error that names it, and none of them', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 5 })
    const caller = await server.accepts()
    const error = failure(client.subscribe(['good', 'bad']))
    await caller.grant()
    await caller.grant(0x87)
    expect(await error).toMatchObject({ code: 'ERR_MQTT_SUBSCRIBE', reason: 'notAuthorized' })
    expect((await error).message).toContain('the server did not subscribe to bad: ')
    await caller.expect('unsubscribe', { filters: ['good'] })
  })
})

describe('`subscribe` of what is subscribed', () => {
  it('MQTT.js: asks nothing, so retained messages do not come again', async () => {
    const { client, caller } = await theirs()
    const first = client.subscribeAsync('a', { qos: 1 })
    await caller.grant()
    expect(await first).toHaveLength(1)
    expect(await client.subscribeAsync('a', { qos: 1 })).toEqual([])
    expect(caller.came).toEqual([])
  })

  it('here: a subscription of its own, with what is retained', async () => {
    const client = await connected((await hub()).url)
    await client.publish('a', 'kept', { retain: true })
    const [one, two] = [await client.subscribe('a'), await client.subscribe('a')]
    expect(await texts(one, 1)).toEqual(['kept'])
    expect(await texts(two, 1)).toEqual(['kept'])
  })
})

describe('a loss of the connection while `subscribe` waits', () => {
  it('MQTT.js: an error, though it is subscribed with the next connection', async () => {
    const { client, caller, server } = await theirs()
    const error = rejection(client.subscribeAsync('a'))
    await caller.expect('subscribe')
    caller.drop()
    expect((await error).message).toBe('Connection closed')
    await (await server.accepts()).expect('subscribe')
  })

  it('here: waits for the next one', async () => {
    const { port } = await hub()
    const line = await cable(port)
    const client = await connected(line.url)
    line.toClient.set({ cutAfter: 0 })
    const subscribed = client.subscribe('a')
    await happens(client, 'disconnect')
    line.toClient.clear()
    await subscribed
  })
})

import { VirtualClock } from '@halyard/testkit'
import { expect } from 'vitest'
import type { HubPorts } from '../../src/hub.ts'
import type { HubOptions } from '../../src/options.ts'
import { connectPacket, publishPacket, RawClient, subscribePacket } from '../mqtt/raw-client.ts'
import type { ConnectWish, PublishWish, SubscribeWish } from '../mqtt/raw-client.ts'
import { startHub } from '../support.ts'
import type { TestHub } from '../support.ts'

/** Licence and keys of the recordings, made by the original broker or accepted by it. */
export const TL3 = 'PfA8IPA43P8Jm4LfESjJYjzPIUG71uFkvKriYQjI4ZO2ABfHEBE36u13MmpHU5AumxGZKXG5gpKJAdDWmIABAQ:3'
export const MASTER = 'AQI40urwzfMvqUSB1AA3GzEK_m32YJI_'
/** rwslp on a/b/c/ */
export const ABC_KEY = 'EjS03Fqu19zM2UtauInu5exlZXZqK_Jm'
/** rw on #/ */
export const ALL_KEY = 'EjS03Fqu19zM2UtaSInu3fTdwE5qK_Jm'
/** rw on test/ */
export const TEST_KEY = 'EjS03Fqu19zM2UtaiInu3X9Dd5FqK_Jm'

export const UNAUTHORIZED = 'the security key provided is not authorized to perform this operation'
export const BAD_REQUEST = 'the request was invalid or cannot be otherwise served'
export const FORBIDDEN = 'the request is understood, but it has been refused or access is not allowed'
export const NOT_FOUND = 'the resource requested does not exist'

export interface Said {
  readonly topic: string
  readonly text: string
  readonly json: Readonly<Record<string, unknown>>
}

/** A client of Emitter's: sends what a test says, and reads what came in its order. */
export class EmitterClient {
  readonly raw: RawClient

  constructor(raw: RawClient) {
    this.raw = raw
  }

  /** What came next, which is a message. */
  async said(): Promise<Said> {
    const packet = await this.raw.expect('publish', { qos: 0, retain: false, dup: false })
    const text = Buffer.from(packet.payload).toString()
    return {
      topic: packet.topic,
      text,
      get json() {
        return JSON.parse(text) as Record<string, unknown>
      },
    }
  }

  /** Asks with QoS 1: the answer, which came on the topic of the request and before the PUBACK. */
  async ask(name: string, body: unknown): Promise<Readonly<Record<string, unknown>>> {
    const packetId = this.raw.nextId
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    this.raw.send(publishPacket(`emitter/${name}/`, text, { qos: 1, packetId }))
    const { topic, json } = await this.said()
    expect(topic).toBe(`emitter/${name}/`)
    await this.raw.expect('puback', { packetId })
    const { req, ...answer } = json
    expect(req).toBe(packetId)
    return answer
  }

  async keygen(key: string, channel: string, type: string, ttl = 0): Promise<string> {
    const answer = await this.ask('keygen', { key, channel, type, ttl })
    expect(answer).toMatchObject({ status: 200 })
    return answer['key'] as string
  }

  /** SUBACK's code; what comes before it is kept for {@link before}. */
  async subscribe(filter: string, wish: SubscribeWish = {}): Promise<number> {
    const packetId = this.raw.nextId
    this.raw.send(subscribePacket(packetId, [{ filter, ...wish }]))
    this.before.length = 0
    for (;;) {
      const packet = await this.raw.next()
      if (packet.type === 'suback') {
        expect(packet.packetId).toBe(packetId)
        return packet.reasonCodes[0] ?? -1
      }
      if (packet.type !== 'publish') throw new Error(`a ${packet.type} came before the SUBACK`)
      this.before.push(`${packet.topic} ${Buffer.from(packet.payload).toString()}`)
    }
  }

  /** What came before the last SUBACK: `topic text`. */
  readonly before: string[] = []

  /** Published with QoS 1, and acknowledged with nothing before it. */
  async publish(topic: string, payload = '', wish: PublishWish = {}): Promise<void> {
    const packetId = this.raw.nextId
    this.raw.send(publishPacket(topic, payload, { qos: 1, packetId, ...wish }))
    await this.raw.expect('puback', { packetId, reasonCode: 0 })
  }

  /** As {@link publish}, where the failure comes before the PUBACK: its status and message. */
  async refused(topic: string, payload = ''): Promise<string> {
    const packetId = this.raw.nextId
    this.raw.sendBytes(publishBytes(topic, packetId, payload))
    const { topic: where, json } = await this.said()
    expect(where).toBe('emitter/error/')
    expect(json['req']).toBe(packetId)
    await this.raw.expect('puback', { packetId })
    return `${String(json['status'])} ${String(json['message'])}`
  }

  /** `topic text` of the next message. */
  async message(): Promise<string> {
    const { topic, text } = await this.said()
    return `${topic} ${text}`
  }

  /** Everything was handled, and nothing came that was not fetched. */
  quiet(): Promise<void> {
    return this.raw.quiet()
  }
}

/** QoS 1, whatever the topic: our own encoder refuses wildcards. */
function publishBytes(topic: string, packetId: number, payload: string): Uint8Array {
  const name = Buffer.from(topic)
  const body = Buffer.alloc(4 + name.length)
  body.writeUInt16BE(name.length, 0)
  name.copy(body, 2)
  body.writeUInt16BE(packetId, 2 + name.length)
  const rest = Buffer.from(payload)
  const size = body.length + rest.length
  return Buffer.concat([Buffer.of(0x32, (size & 0x7f) | 0x80, (size >> 7) | 0x80, size >> 14), body, rest])
}

export interface EmitterHub extends TestHub {
  readonly master: string
  client(wish?: ConnectWish): Promise<EmitterClient>
}

export async function startEmitterHub(
  options: Omit<HubOptions, 'config'> & { readonly config?: string } = {},
  ports: Partial<HubPorts> = {},
): Promise<EmitterHub> {
  const started = await startHub(options, ports)
  return {
    ...started,
    master: started.hub.accounts.emitter?.master_key ?? '',
    client: (wish) => connectEmitter(started.hub.ports.front, wish),
  }
}

/** Under the licence of the recordings, whose keys it takes. */
export function startRecordedHub(config?: string, ports: Partial<HubPorts> = {}): Promise<EmitterHub> {
  return startEmitterHub(
    { emitterLicense: TL3, acceptForeignKeys: true, ...(config !== undefined && { config }) },
    ports,
  )
}

/** Time stands still; `pass(seconds)` lets it go on. */
export async function startHubInTime(
  config?: string,
): Promise<{ readonly hub: EmitterHub; readonly pass: (seconds: number) => Promise<void> }> {
  const clock = new VirtualClock({ wall: Date.UTC(2026, 10, 20) })
  const hub = await startRecordedHub(config, { clock })
  return { hub, pass: (seconds) => clock.advance(seconds * 1000) }
}

async function connectEmitter(port: number, wish: ConnectWish = {}): Promise<EmitterClient> {
  const raw = await RawClient.open(port)
  raw.version = wish.version ?? 4
  raw.send(connectPacket(wish))
  await raw.expect('connack', { reasonCode: 0 })
  return new EmitterClient(raw)
}

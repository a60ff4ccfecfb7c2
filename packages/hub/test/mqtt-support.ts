import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { PacketReader, encodeToBytes } from '@halyard/wire/mqtt'
import type { Connack, Connect, Packet } from '@halyard/wire/mqtt'
import { onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import type { TestHub } from './support.ts'

/** What a client is written to, and how its end is seen. */
interface Line {
  write(bytes: Uint8Array): void
  destroy(): void
  onBytes(listener: (bytes: Uint8Array) => void): void
  onClose(listener: () => void): void
}

/** A client that sends what it is told and keeps what came, in order. */
export class MqttClient {
  readonly line: Line
  readonly came: Packet[] = []
  isOver = false
  readonly #wake = new Set<() => void>()
  readonly #version: 4 | 5

  constructor(line: Line, version: 4 | 5 = 4) {
    this.line = line
    this.#version = version
    const keep = (packet: Packet): unknown => this.came.push(packet)
    const reader = new PacketReader(
      { publish: (packet) => keep(packet.toPacket()), packet: keep },
      { receiver: 'client', version, maxPacketBytes: 2 ** 24 },
    )
    line.onBytes((bytes) => {
      reader.push(bytes)
      this.#tell()
    })
    line.onClose(() => {
      this.isOver = true
      this.#tell()
    })
    onTestFinished(() => line.destroy())
  }

  send(...packets: readonly Packet[]): void {
    this.line.write(this.bytesOf(...packets))
  }

  bytesOf(...packets: readonly Packet[]): Buffer {
    return Buffer.concat(packets.map((packet) => encodeToBytes(packet, this.#version)))
  }

  connectPacket(wish: Partial<Connect> = {}): Connect {
    return { type: 'connect', version: this.#version, clientId: '', cleanStart: true, keepAlive: 0, ...wish }
  }

  /** CONNACK's reason, or `'closed'`. */
  async connect(wish: Partial<Connect> = {}): Promise<number | 'closed'> {
    this.send(this.connectPacket(wish))
    const packet = await this.next()
    return packet === undefined ? 'closed' : (packet as Connack).reasonCode
  }

  /** SUBACK's reason. */
  async subscribe(filter: string): Promise<number> {
    const subscription = { filter, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
    this.send({ type: 'subscribe', packetId: 1, subscriptions: [subscription] })
    const packet = await this.next()
    return packet?.type === 'suback' ? (packet.reasonCodes[0] ?? -1) : -1
  }

  publishPacket(topic: string, payload: string | Uint8Array): Packet {
    return { type: 'publish', topic, payload: Buffer.from(payload), qos: 0, retain: false, dup: false }
  }

  /** The next packet; `undefined`: the connection is over. */
  async next(): Promise<Packet | undefined> {
    while (this.came.length === 0 && !this.isOver) await new Promise<void>((resolve) => this.#wake.add(resolve))
    return this.came.shift()
  }

  /** `topic payload` of the next message. */
  async message(): Promise<string | undefined> {
    const packet = await this.next()
    return packet?.type === 'publish' ? `${packet.topic} ${Buffer.from(packet.payload).toString()}` : undefined
  }

  async over(): Promise<void> {
    while (!this.isOver) await new Promise<void>((resolve) => this.#wake.add(resolve))
  }

  #tell(): void {
    for (const wake of this.#wake) wake()
    this.#wake.clear()
  }
}

function lineOfSocket(socket: Socket): Line {
  socket.on('error', () => {})
  return {
    write: (bytes) => void socket.write(bytes),
    destroy: () => void socket.destroy(),
    onBytes: (listener) => void socket.on('data', listener),
    onClose: (listener) => void socket.on('close', listener),
  }
}

export async function overTcp(port: number, version?: 4 | 5): Promise<MqttClient> {
  const socket = connectTcp({ port, host: '127.0.0.1', noDelay: true })
  const client = new MqttClient(lineOfSocket(socket), version)
  await once(socket, 'connect')
  return client
}

export async function overTls(port: number, options: ConnectionOptions = {}): Promise<MqttClient> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  const client = new MqttClient(lineOfSocket(socket))
  await once(socket, 'secureConnect')
  return client
}

export interface WebSocketClient extends MqttClient {
  readonly socket: WebSocket
}

export async function overWebSocket(
  url: string,
  { protocols = ['mqtt'], ...options }: ConnectionOptions & { readonly protocols?: string[] } = {},
): Promise<WebSocketClient> {
  const socket = new WebSocket(url, protocols, { rejectUnauthorized: false, perMessageDeflate: false, ...options })
  socket.on('error', () => {})
  const client = new MqttClient({
    write: (bytes) => socket.send(bytes),
    destroy: () => socket.terminate(),
    onBytes: (listener) => void socket.on('message', (data) => listener(data as Buffer)),
    onClose: (listener) => void socket.on('close', listener),
  })
  await once(socket, 'open')
  return Object.assign(client, { socket })
}

/** The sample account of a hub, as CONNECT has it. */
export function sampleOf({ hub }: TestHub): Pick<Connect, 'username' | 'password'> {
  const { username = '', password = '' } = hub.accounts.mqtt ?? {}
  return { username, password: Buffer.from(password) }
}

const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))

/** Of the hub, and of the authority that has signed its clients' certificates: paths. */
export const TLS_FILES = { cert: fixture('cert.pem'), key: fixture('key.pem'), ca: fixture('clients/ca.pem') } as const

/** The certificates of clients, each with its common name; that of a stranger is signed by another authority. */
export function clientCertificate(name: 'sample' | 'nobody' | 'pump' | 'strange-sample'): {
  readonly cert: Buffer
  readonly key: Buffer
} {
  return { cert: readFileSync(fixture(`clients/${name}.pem`)), key: readFileSync(fixture('clients/key.pem')) }
}

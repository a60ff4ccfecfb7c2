/** A client that does what it is told, on the codec of `wire/mqtt`; it keeps no state of a session by itself. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { MqttProtocolError, PacketReader, encodeToBytes } from '@halyard/wire/mqtt'
import type { Connack, Connect, Packet, ProtocolVersion, Publish, Qos, Will } from '@halyard/wire/mqtt'
import { Later } from './later.ts'
import type { Address } from './servers.ts'

/** milliseconds; a healthy server answers in one */
const PATIENCE = 60_000

export interface ClientOptions {
  readonly clientId: string
  /** 4 */
  readonly version?: ProtocolVersion
  /** Nothing is there from before, and nothing stays; false */
  readonly clean?: boolean
  /** seconds that a session stays without a connection, in 5.0; 3,600 */
  readonly expiry?: number
  readonly will?: Will
  /** 5.0: QoS 1 and 2 that it takes at a time */
  readonly receiveMaximum?: number
  /** Called for all packets but CONNACK, from the first one on: before `open` resolves if they came together. */
  readonly onPacket?: (packet: Packet, client: MqttClient) => void
}

/** What a packet is answered with, by type and identifier. */
const ANSWERS = ['puback', 'pubrec', 'pubcomp', 'suback', 'unsuback', 'pingresp'] as const
type Answer = (typeof ANSWERS)[number]

interface Waiter {
  readonly type: Answer
  readonly packetId: number | undefined
  readonly resolve: (packet: Packet) => void
}

export class MqttClient {
  readonly version: ProtocolVersion
  /** The connection has ended, however; never rejects. */
  readonly closed: Promise<void>
  readonly #socket: Socket
  readonly #connack = new Later<Connack>()
  readonly #waiters = new Set<Waiter>()
  #problem: MqttProtocolError | undefined
  #isConnected = false
  #isCut = false
  #packetId = 0
  #sessionPresent = false

  private constructor(address: Address, options: ClientOptions) {
    this.version = options.version ?? 4
    this.#socket = connect({ port: address.port, host: '127.0.0.1', noDelay: true })
    const reader = new PacketReader(
      { publish: (packet) => this.#take(packet.toPacket(), options), packet: (packet) => this.#take(packet, options) },
      { receiver: 'client', version: this.version, maxPacketBytes: 2 ** 24 },
    )
    this.#socket.on('data', (chunk) => {
      try {
        reader.push(chunk)
      } catch (error) {
        if (!(error instanceof MqttProtocolError)) throw error
        this.#problem = error
        this.cut()
      }
    })
    this.#socket.on('error', () => {})
    this.closed = new Promise((resolve) => this.#socket.once('close', () => resolve()))
    void this.closed.then(() => {
      reader.stop()
      this.#connack.reject(new Error(`the connection of ${options.clientId} ended before CONNACK`))
    })
    this.send(connectPacket(this.version, address, options))
  }

  /** Throws if the server is not there, refuses, or ends the connection. */
  static async open(address: Address, options: ClientOptions): Promise<MqttClient> {
    const client = new MqttClient(address, options)
    const { reasonCode, sessionPresent } = await within(client.#connack.promise, 'CONNACK')
    if (reasonCode !== 0) {
      client.cut()
      throw new Error(`${options.clientId} was refused with ${reasonCode}`)
    }
    client.#sessionPresent = sessionPresent
    return client
  }

  get sessionPresent(): boolean {
    return this.#sessionPresent
  }

  /** What the server sent that is no MQTT: it has ended the connection. */
  get problem(): MqttProtocolError | undefined {
    return this.#problem
  }

  get isOver(): boolean {
    return this.#isCut || this.#socket.destroyed
  }

  send(...packets: readonly Packet[]): void {
    this.sendBytes(Buffer.concat(packets.map((packet) => encodeToBytes(packet, this.version))))
  }

  sendBytes(bytes: Uint8Array): void {
    if (!this.isOver) this.#socket.write(bytes)
  }

  /** Gone when the kernel has these, which may be the beginning of a packet: nothing follows them. */
  cutBehind(bytes: Uint8Array): void {
    if (this.isOver) return
    this.#isCut = true
    this.#socket.write(bytes, () => this.#socket.destroy())
  }

  /** Gone without a word. */
  cut(): void {
    this.#isCut = true
    this.#socket.destroy()
  }

  /** DISCONNECT, and whatever was sent before it has been read when this resolves. */
  async leave(): Promise<void> {
    this.send({ type: 'disconnect', reasonCode: 0 })
    await within(this.closed, 'the end of the connection')
  }

  /** The reason codes. Throws if the connection ends first. */
  async subscribe(filters: readonly string[], qos: Qos = 1): Promise<readonly number[]> {
    const packetId = this.#nextId()
    const rest = { qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
    const subscriptions = filters.map((filter) => ({ filter, ...rest }))
    this.send({ type: 'subscribe', packetId, subscriptions })
    const answer = await this.#answer('suback', packetId)
    return answer.type === 'suback' ? answer.reasonCodes : []
  }

  /** Throws if the connection ends before UNSUBACK. */
  async unsubscribe(filter: string): Promise<void> {
    const packetId = this.#nextId()
    this.send({ type: 'unsubscribe', packetId, filters: [filter] })
    await this.#answer('unsuback', packetId)
  }

  /** Throws if the connection ends before PUBACK. */
  async publish(topic: string, payload: string, retain = false): Promise<void> {
    const packetId = this.#nextId()
    this.send(publishPacket({ topic, payload, qos: 1, packetId, retain }))
    await this.#answer('puback', packetId)
  }

  #nextId(): number {
    return (this.#packetId = (this.#packetId % 65_535) + 1)
  }

  #answer(type: Answer, packetId?: number): Promise<Packet> {
    const later = new Later<Packet>()
    this.#waiters.add({ type, packetId, resolve: later.resolve })
    void this.closed.then(() => later.reject(new Error(`the connection ended before ${type}`)))
    return within(later.promise, type)
  }

  #take(packet: Packet, { onPacket, clientId }: ClientOptions): void {
    if (!this.#isConnected) {
      if (packet.type !== 'connack') throw new Error(`${clientId} got ${packet.type} before CONNACK`)
      this.#isConnected = true
      this.#sessionPresent = packet.sessionPresent
      this.#connack.resolve(packet)
      return
    }
    const packetId = 'packetId' in packet ? packet.packetId : undefined
    for (const waiter of this.#waiters) {
      if (waiter.type !== packet.type || waiter.packetId !== packetId) continue
      this.#waiters.delete(waiter)
      waiter.resolve(packet)
      break
    }
    onPacket?.(packet, this)
  }
}

function connectPacket(version: ProtocolVersion, address: Address, options: ClientOptions): Connect {
  const { clientId, clean = false, expiry = 3600, will, receiveMaximum } = options
  const { username, password } = address
  return {
    type: 'connect',
    version,
    clientId,
    cleanStart: clean,
    keepAlive: 0,
    ...(will && { will }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: Buffer.from(password) }),
    ...(version === 5 && {
      properties: {
        ...(!clean && { sessionExpiryInterval: expiry }),
        ...(receiveMaximum !== undefined && { receiveMaximum }),
      },
    }),
  }
}

export function publishPacket({
  topic,
  payload,
  qos,
  packetId,
  retain = false,
  dup = false,
}: {
  readonly topic: string
  readonly payload: string | Uint8Array
  readonly qos: 1 | 2
  readonly packetId: number
  readonly retain?: boolean
  readonly dup?: boolean
}): Publish {
  return { type: 'publish', topic, payload: Buffer.from(payload), qos, retain, dup, packetId }
}

export function acknowledgement(type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', packetId: number): Packet {
  return { type, packetId, reasonCode: 0 }
}

/** What a proof waits for comes, or the proof fails and says what did not come. */
export async function within<T>(promise: Promise<T>, what: string, milliseconds = PATIENCE): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${milliseconds / 1000} s for ${what}, in vain`)), milliseconds)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { PacketReader, encodeToBytes } from '@halyard/wire/mqtt'
import type {
  Connack,
  Connect,
  ControlPacket,
  Packet,
  PacketType,
  ProtocolVersion,
  Publish,
  Qos,
  Suback,
  Subscribe,
  Subscription,
  Unsuback,
} from '@halyard/wire/mqtt'
import { expect, onTestFinished } from 'vitest'

/** What a test says of a message; the rest is left at its usual value. */
export type PublishWish = Partial<Omit<Publish, 'type' | 'payload' | 'topic'>>
export type SubscribeWish = Partial<Omit<Subscription, 'filter'>> & { readonly identifier?: number }
export type ConnectWish = Partial<Omit<Connect, 'type'>>

/** The packet of a type; four of them share one. */
type Of<T extends PacketType, P = Packet> = P extends { readonly type: infer U } ? (T extends U ? P : never) : never

/**
 * A client that does nothing by itself: it sends what a test tells it, and hands out what came in the order in which it
 * came. That nothing came is shown by a mark behind it, a PINGRESP, never by waiting.
 */
export class RawClient {
  readonly socket: Socket
  readonly #came: Packet[] = []
  readonly #wake = new Set<() => void>()
  #version: ProtocolVersion = 4
  #reader = this.#readerOf(4)
  #isOver = false
  #packetId = 0
  connack: Connack = { type: 'connack', sessionPresent: false, reasonCode: -1 }

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      this.#reader.push(chunk)
      this.#tell()
    })
    socket.on('close', () => {
      this.#isOver = true
      this.#tell()
    })
    onTestFinished(() => void socket.destroy())
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const client = new RawClient(socket)
    await once(socket, 'connect')
    return client
  }

  get version(): ProtocolVersion {
    return this.#version
  }

  set version(version: ProtocolVersion) {
    this.#version = version
    this.#reader = this.#readerOf(version)
  }

  get nextId(): number {
    return ++this.#packetId
  }

  // What it sends.

  send(...packets: readonly Packet[]): void {
    this.sendBytes(Buffer.concat(packets.map((packet) => encodeToBytes(packet, this.#version))))
  }

  sendBytes(bytes: Uint8Array | string): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'hex') : bytes)
  }

  /** Gone without a word. */
  drop(): void {
    this.socket.destroy()
  }

  /** DISCONNECT, and nothing behind it. */
  leave(reasonCode = 0): void {
    this.send({ type: 'disconnect', reasonCode })
    this.socket.end()
  }

  // What it expects.

  async next(): Promise<Packet> {
    await this.#until(() => this.#came.length > 0)
    const packet = this.#came.shift()
    if (packet === undefined) throw new Error('the connection ended, where a packet was expected')
    return packet
  }

  async expect<T extends PacketType>(type: T, fields: Partial<Of<T>> = {}): Promise<Of<T>> {
    const packet = await this.next()
    expect(packet).toMatchObject({ type, ...fields })
    return packet as Of<T>
  }

  /** The server ended the connection, and sent nothing before that was not fetched. */
  async closed(): Promise<void> {
    await this.#until(() => this.#isOver)
    expect(this.#came).toEqual([])
  }

  /** 5.0 is told why it is closed, the others are not. */
  async closedFor(reasonCode: number): Promise<void> {
    if (this.#version === 5) await this.expect('disconnect', { reasonCode })
    await this.closed()
  }

  /** Everything that it sent was handled, and nothing came that was not fetched. */
  async quiet(): Promise<void> {
    this.send({ type: 'pingreq' })
    await this.expect('pingresp')
  }

  // What it usually does.

  async connect(wish: ConnectWish = {}): Promise<this> {
    const packet = connectPacket(wish)
    this.version = packet.version
    this.send(packet)
    this.connack = await this.expect('connack', { reasonCode: 0 })
    return this
  }

  async subscribe(filter: string, { identifier, ...wish }: SubscribeWish = {}): Promise<number> {
    const packetId = this.nextId
    this.send({
      ...subscribePacket(packetId, [{ filter, ...wish }]),
      ...(identifier !== undefined && { properties: { subscriptionIdentifier: identifier } }),
    })
    const { reasonCodes } = await this.expect('suback', { packetId } satisfies Partial<Suback>)
    return reasonCodes[0] ?? -1
  }

  async unsubscribe(...filters: readonly string[]): Promise<Unsuback> {
    const packetId = this.nextId
    this.send({ type: 'unsubscribe', packetId, filters })
    return this.expect('unsuback', { packetId })
  }

  /** Published, and handled by the server: QoS 1 and 2 to the last acknowledgement, QoS 0 to a PINGRESP. */
  async publish(topic: string, payload = '', wish: PublishWish = {}): Promise<number> {
    const { qos = 0 } = wish
    const packetId = wish.packetId ?? (qos > 0 ? this.nextId : 0)
    this.send(publishPacket(topic, payload, { ...wish, ...(qos > 0 && { packetId }) }))
    if (qos === 0) await this.quiet()
    if (qos === 1) return (await this.expect('puback', { packetId })).reasonCode
    if (qos === 2) return this.#release(packetId)
    return 0
  }

  /** A message that came; its payload as text. */
  async message(
    topic: string,
    payload?: string,
    fields: Partial<Publish> = {},
  ): Promise<Publish & { readonly text: string }> {
    const packet = await this.expect('publish', { topic, ...fields })
    const text = Buffer.from(packet.payload).toString()
    if (payload !== undefined) expect(text).toBe(payload)
    return { ...packet, text }
  }

  acknowledge(
    type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp',
    { packetId = 0 }: { readonly packetId?: number },
    reasonCode = 0,
  ): void {
    this.send({ type, packetId, reasonCode })
  }

  async #release(packetId: number): Promise<number> {
    const { reasonCode } = await this.expect('pubrec', { packetId })
    if (reasonCode >= 0x80) return reasonCode
    this.acknowledge('pubrel', { packetId })
    await this.expect('pubcomp', { packetId, reasonCode: 0 })
    return reasonCode
  }

  #readerOf(version: ProtocolVersion): PacketReader {
    const keep = (packet: ControlPacket | Publish): unknown => this.#came.push(packet)
    return new PacketReader(
      { publish: (packet) => keep(packet.toPacket()), packet: keep },
      { receiver: 'client', version, maxPacketBytes: 2 ** 24 },
    )
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#isOver) await new Promise<void>((resolve) => this.#wake.add(resolve))
  }

  #tell(): void {
    for (const wake of this.#wake) wake()
    this.#wake.clear()
  }
}

let clients = 0

export function connectPacket(wish: ConnectWish = {}): Connect {
  const { version = 4 } = wish
  return { type: 'connect', version, clientId: `client${++clients}`, cleanStart: true, keepAlive: 0, ...wish }
}

export function subscribePacket(
  packetId: number,
  wishes: readonly (SubscribeWish & { readonly filter: string })[],
): Subscribe {
  const usual = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
  return { type: 'subscribe', packetId, subscriptions: wishes.map((wish) => ({ ...usual, ...wish })) }
}

export function publishPacket(topic: string, payload: string, wish: PublishWish = {}): Publish {
  return { type: 'publish', topic, payload: Buffer.from(payload), qos: 0, retain: false, dup: false, ...wish }
}

export const QOS: readonly Qos[] = [0, 1, 2]

import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { PacketReader, encodeToBytes } from '@halyard/wire/mqtt'
import type { Connack, Connect, Packet, PacketType, ProtocolVersion, Publish } from '@halyard/wire/mqtt'
import { expect, onTestFinished } from 'vitest'

/** The packet of a type; four of them share one. */
type Of<T extends PacketType, P = Packet> = P extends { readonly type: infer U } ? (T extends U ? P : never) : never

/** One client's connection, seen from a server that does only what a test tells it. */
export class Caller {
  readonly socket: Socket
  /** What came and was not fetched. */
  readonly came: Packet[] = []
  readonly #wake = new Set<() => void>()
  readonly #reader: PacketReader
  #version: ProtocolVersion = 5
  #isOver = false

  constructor(socket: Socket) {
    this.socket = socket
    const keep = (packet: Packet): void => {
      if (packet.type === 'connect') this.#version = packet.version
      this.came.push(packet)
      this.#tell()
    }
    this.#reader = new PacketReader(
      { publish: (packet) => keep(packet.toPacket()), packet: keep },
      { receiver: 'server', maxPacketBytes: 2 ** 24 },
    )
    socket.on('error', () => {})
    socket.on('data', (chunk) => this.#reader.push(chunk))
    socket.on('close', () => {
      this.#isOver = true
      this.#tell()
    })
  }

  get version(): ProtocolVersion {
    return this.#version
  }

  get isOver(): boolean {
    return this.#isOver
  }

  send(...packets: readonly Packet[]): void {
    this.socket.write(Buffer.concat(packets.map((packet) => encodeToBytes(packet, this.#version))))
  }

  sendBytes(...bytes: readonly number[]): void {
    this.socket.write(Uint8Array.from(bytes))
  }

  async next(): Promise<Packet> {
    await this.#until(() => this.came.length > 0)
    const packet = this.came.shift()
    if (packet === undefined) throw new Error('the connection ended, where a packet was expected')
    return packet
  }

  async expect<T extends PacketType>(type: T, fields: Partial<Of<T>> = {}): Promise<Of<T>> {
    const packet = await this.next()
    expect(packet).toMatchObject({ type, ...fields })
    return packet as Of<T>
  }

  /** CONNECT came, and is accepted. */
  async accept(fields: Partial<Omit<Connack, 'type'>> = {}): Promise<Connect> {
    const connect = await this.expect('connect')
    this.send({ type: 'connack', sessionPresent: false, reasonCode: 0, ...fields })
    return connect
  }

  async grant(code = 1): Promise<Of<'subscribe'>> {
    const subscribe = await this.expect('subscribe')
    this.send({ type: 'suback', packetId: subscribe.packetId, reasonCodes: [code] })
    return subscribe
  }

  publish(topic: string, payload: string, fields: Partial<Publish> = {}): void {
    this.send(message(topic, payload, fields))
  }

  /** The client ended the connection, and sent nothing before that was not fetched. */
  async closed(): Promise<void> {
    await this.#until(() => this.#isOver)
    expect(this.came).toEqual([])
  }

  /** The client, or somebody, ended the connection. */
  async over(): Promise<void> {
    await this.#until(() => this.#isOver)
  }

  drop(): void {
    this.socket.destroy()
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#isOver) await new Promise<void>((resolve) => this.#wake.add(resolve))
  }

  #tell(): void {
    for (const wake of this.#wake) wake()
    this.#wake.clear()
  }
}

/** A server that does nothing by itself. */
export class ScriptedServer {
  readonly #callers: Caller[] = []
  readonly #wake = new Set<() => void>()
  #port = 0
  accepted = 0

  static async open(): Promise<ScriptedServer> {
    const scripted = new ScriptedServer()
    const sockets = new Set<Socket>()
    const server = createServer({ noDelay: true }, (socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      scripted.accepted++
      scripted.#callers.push(new Caller(socket))
      for (const wake of scripted.#wake) wake()
      scripted.#wake.clear()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    scripted.#port = (server.address() as AddressInfo).port
    onTestFinished(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    return scripted
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.#port}`
  }

  get port(): number {
    return this.#port
  }

  /** The next connection, from its first byte. */
  async caller(): Promise<Caller> {
    while (this.#callers.length === 0) await new Promise<void>((resolve) => this.#wake.add(resolve))
    return this.#callers.shift()!
  }

  /** The next connection, accepted. */
  async accepts(fields: Partial<Omit<Connack, 'type'>> = {}): Promise<Caller> {
    const caller = await this.caller()
    await caller.accept(fields)
    return caller
  }
}

function message(topic: string, payload: string, fields: Partial<Publish> = {}): Publish {
  const bytes = new TextEncoder().encode(payload)
  return { type: 'publish', topic, payload: bytes, qos: 0, retain: false, dup: false, ...fields }
}

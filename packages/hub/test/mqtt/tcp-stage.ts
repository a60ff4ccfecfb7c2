import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { PacketReader, encodeToBytes } from '@halyard/wire/mqtt'
import type { Packet, ProtocolVersion } from '@halyard/wire/mqtt'
import { SocketTransport } from '../../src/listen/socket-transport.ts'
import { Stage } from './stage.ts'
import type { Client } from './stage.ts'

/** A client of real bytes over a real socket. */
export class TcpClient implements Client {
  readonly version: ProtocolVersion
  readonly socket: Socket
  isOver = false
  readonly #received: Packet[] = []
  #pong: () => void = () => {}

  constructor(version: ProtocolVersion, socket: Socket) {
    this.version = version
    this.socket = socket
    const reader = new PacketReader(
      {
        publish: (packet) => this.#received.push(packet.toPacket()),
        packet: (packet) => (packet.type === 'pingresp' ? this.#pong() : this.#received.push(packet)),
      },
      { receiver: 'client', version },
    )
    socket.on('data', (chunk) => reader.push(chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.isOver = true
      this.#pong()
    })
  }

  send(...packets: readonly Packet[]): void {
    this.socket.write(Buffer.concat(packets.map((packet) => encodeToBytes(packet, this.version))))
  }

  take(): Packet[] {
    return this.#received.splice(0)
  }

  /** Gone without a word. */
  drop(): void {
    this.socket.resetAndDestroy()
  }

  /** All that it sent has been handled, and all that was meant for it has come. */
  async ping(): Promise<void> {
    if (this.isOver || this.socket.writableEnded || this.socket.destroyed) return
    const answered = new Promise<void>((resolve) => (this.#pong = resolve))
    this.send({ type: 'pingreq' })
    await answered
  }

  async over(): Promise<void> {
    if (!this.isOver) await once(this.socket, 'close')
  }
}

/** The same engine behind a real listener; only the clock is not real. */
export class TcpStage extends Stage {
  readonly tcpClients: TcpClient[] = []
  readonly #listener: Server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    const peer = { address: '127.0.0.1', host: '127.0.0.1' }
    this.server.accept(new SocketTransport(socket, { door: 'mqtt', peer }))
  })

  override async openClient(version: ProtocolVersion): Promise<Client> {
    if (!this.#listener.listening) await once(this.#listener.listen(0, '127.0.0.1'), 'listening')
    const { port } = this.#listener.address() as AddressInfo
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const client = new TcpClient(version, socket)
    this.tcpClients.push(client)
    await once(socket, 'connect')
    return client
  }

  /** Whoever has gone is gone for the hub too; then everybody asks twice: what A caused has reached B by then. */
  override async settle(): Promise<void> {
    const there = (): TcpClient[] => this.tcpClients.filter(({ isOver, socket }) => !isOver && !socket.destroyed)
    for (let round = 0; round < 2; round++) {
      await Promise.all(there().map((client) => client.ping()))
      while (this.server.connections > there().length) await super.settle()
    }
  }

  override async close(): Promise<void> {
    await super.close()
    for (const { socket } of this.tcpClients) socket.destroy()
    this.#listener.close()
  }
}

import type { Socket } from 'node:net'
import type { Peer } from '../domain/devices.ts'
import type { Transport, TransportHandler, TransportKind } from '../domain/transport.ts'

export interface SocketTransportOptions {
  readonly kind: TransportKind
  readonly door: 'front' | 'mqtt'
  readonly peer: Peer
  readonly certificateName?: string
}

/** What the peer has to close its side after ours; ms. */
const LINGER = 2000

/** A TCP or TLS connection that carries MQTT. */
export class SocketTransport implements Transport {
  readonly kind: TransportKind
  readonly door: 'front' | 'mqtt'
  readonly peer: Peer
  readonly certificateName: string | undefined
  readonly #socket: Socket

  constructor(socket: Socket, options: SocketTransportOptions) {
    this.#socket = socket
    this.kind = options.kind
    this.door = options.door
    this.peer = options.peer
    this.certificateName = options.certificateName
  }

  get pendingBytes(): number {
    return this.#socket.writableLength
  }

  start(handler: TransportHandler): void {
    const socket = this.#socket
    let isOver = false
    const over = (clean: boolean): void => {
      if (isOver) return
      isOver = true
      handler.closed(clean)
    }
    socket.on('data', (chunk: Buffer) => handler.received(chunk))
    socket.on('drain', () => handler.drained())
    // MQTT has no use for half a connection: who ends his side is gone, now, whatever we still have for him.
    socket.on('end', () => {
      over(true)
      this.end()
    })
    socket.on('close', (hadError) => over(!hadError))
  }

  write(pieces: readonly Uint8Array[]): void {
    const socket = this.#socket
    if (socket.destroyed || socket.writableEnded) return
    const [first, second] = pieces
    if (second === undefined) {
      if (first !== undefined) socket.write(first)
      return
    }
    socket.cork()
    for (const piece of pieces) socket.write(piece)
    socket.uncork()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    const socket = this.#socket
    if (socket.destroyed) return
    // What still comes is read and forgotten: closing on unread bytes would reset the connection under our last packet.
    socket.removeAllListeners('data').resume()
    if (!socket.writableEnded) socket.end()
    // By the clock, not by silence: a peer that never stops would never be silent.
    const timer = setTimeout(() => socket.destroy(), LINGER)
    socket.once('close', () => clearTimeout(timer))
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Peer } from '../domain/devices.ts'
import type { Transport, TransportHandler, TransportKind } from '../domain/transport.ts'
import { certificateNameOf } from './certificate-name.ts'

export interface SocketTransportOptions {
  readonly door: 'front' | 'mqtt'
  readonly peer: Peer
}

/** What the peer has to close its side after ours; ms. */
const LINGER = 2000
const NOTHING = new Uint8Array(0)
const TRANSPORT = Symbol('transport')

/** It knows its transport, so that one listener serves all: a closure each would be a tenth of an idle connection. */
interface CarryingSocket extends Socket {
  [TRANSPORT]?: SocketTransport
}

/** A TCP or TLS connection that carries MQTT. */
export class SocketTransport implements Transport {
  readonly kind: TransportKind
  readonly door: 'front' | 'mqtt'
  readonly peer: Peer
  readonly certificateName: string | undefined
  readonly #socket: CarryingSocket
  #handler: TransportHandler | undefined
  #isDrainedAwaited = false
  /** Of TLS, which never has written anything when `write` returns: asked for with an empty piece, each write would be two. */
  readonly #written: ((error?: Error | null) => void) | undefined
  #linger: NodeJS.Timeout | undefined

  constructor(socket: Socket, options: SocketTransportOptions) {
    this.#socket = socket
    this.kind = socket instanceof TLSSocket ? 'tls' : 'tcp'
    this.door = options.door
    this.peer = options.peer
    this.certificateName = certificateNameOf(socket)
    this.#written = this.kind === 'tls' ? (error) => this.#drained(error) : undefined
  }

  get pendingBytes(): number {
    return this.#socket.writableLength
  }

  start(handler: TransportHandler): void {
    const socket = this.#socket
    this.#handler = handler
    socket[TRANSPORT] = this
    socket.on('data', onData)
    socket.on('end', onEnd)
    socket.on('close', onClose)
  }

  /** What its socket tells. */
  received(chunk: Uint8Array): void {
    this.#handler?.received(chunk)
  }

  ended(): void {
    // MQTT has no use for half a connection: who ends his side is gone, now, whatever we still have for him.
    this.closed(true)
    this.end()
  }

  closed(clean: boolean): void {
    if (this.#socket.destroyed) clearTimeout(this.#linger)
    const handler = this.#handler
    this.#handler = undefined
    handler?.closed(clean)
  }

  write(pieces: readonly Uint8Array[]): void {
    const socket = this.#socket
    if (socket.destroyed || socket.writableEnded) return
    const [first, second] = pieces
    if (second === undefined) {
      if (first !== undefined) socket.write(first, this.#written)
    } else {
      const last = pieces.length - 1
      socket.cork()
      pieces.forEach((piece, at) => socket.write(piece, at === last ? this.#written : undefined))
      socket.uncork()
    }
    if (this.#written === undefined && socket.writableLength > 0 && !this.#isDrainedAwaited) this.#awaitDrained()
  }

  /** Node's `drain` comes only for more than it likes to hold; an empty piece comes back behind all others. */
  #awaitDrained(): void {
    this.#isDrainedAwaited = true
    this.#socket.write(NOTHING, (error) => {
      this.#isDrainedAwaited = false
      this.#drained(error)
    })
  }

  #drained(error: Error | null | undefined): void {
    if (!error && this.#socket.writableLength === 0) this.#handler?.drained()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    const socket = this.#socket
    if (socket.destroyed || this.#linger !== undefined) return
    // What still comes is read and forgotten: closing on unread bytes would reset the connection under our last packet.
    socket.removeAllListeners('data').resume()
    socket.end()
    // Not the socket's own timeout: who goes on sending would put that off for ever.
    this.#linger = setTimeout(() => socket.destroy(), LINGER).unref()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

function onData(this: CarryingSocket, chunk: Buffer): void {
  this[TRANSPORT]?.received(chunk)
}

function onEnd(this: CarryingSocket): void {
  this[TRANSPORT]?.ended()
}

function onClose(this: CarryingSocket, hadError: boolean): void {
  this[TRANSPORT]?.closed(!hadError)
}

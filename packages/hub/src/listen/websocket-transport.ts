import type { RawData, WebSocket } from 'ws'
import type { Peer } from '../domain/devices.ts'
import type { Transport, TransportHandler, TransportKind } from '../domain/transport.ts'

export interface WebSocketTransportOptions {
  readonly kind: TransportKind
  readonly peer: Peer
}

/** RFC 6455 §7.4.1 */
const NORMAL = 1000
const UNSUPPORTED_DATA = 1003
/** What the peer has to answer our close; ms. */
const LINGER = 2000
const BINARY = { binary: true }

/** A WebSocket that carries MQTT: its messages are pieces of one stream of bytes ([MQTT-6.0.0-2]). */
export class WebSocketTransport implements Transport {
  readonly kind: TransportKind
  readonly door = 'front'
  readonly peer: Peer
  /** The front door asks for none. */
  readonly certificateName = undefined
  readonly #socket: WebSocket
  #handler: TransportHandler | undefined
  #isDrainedAwaited = false
  #linger: NodeJS.Timeout | undefined

  constructor(socket: WebSocket, { kind, peer }: WebSocketTransportOptions) {
    this.#socket = socket
    this.kind = kind
    this.peer = peer
    // A message too large, text that is no UTF-8: 'close' follows and says all we need.
    socket.on('error', () => {})
  }

  get pendingBytes(): number {
    return this.#socket.bufferedAmount
  }

  start(handler: TransportHandler): void {
    this.#handler = handler
    this.#socket.on('message', (data: RawData, isBinary) => {
      if (isBinary) return this.#handler?.received(data as Buffer)
      // [MQTT-6.0.0-1]: the connection ends, and nobody waits for the client to agree.
      this.#over(false)
      this.#close(UNSUPPORTED_DATA)
    })
    this.#socket.on('close', (code) => {
      clearTimeout(this.#linger)
      this.#over(code === NORMAL)
    })
  }

  write(pieces: readonly Uint8Array[]): void {
    const socket = this.#socket
    const [first, second] = pieces
    if (first === undefined || socket.readyState !== socket.OPEN) return
    // One message for all: a header for each piece would be most of what is written.
    const bytes = second === undefined ? first : Buffer.concat(pieces)
    socket.send(bytes, BINARY, this.#written)
    if (socket.bufferedAmount > 0) this.#isDrainedAwaited = true
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#close(NORMAL)
  }

  destroy(): void {
    this.#socket.terminate()
  }

  /** Called for each message that the kernel has taken, nearly always at once: then nobody waits for it. */
  readonly #written = (): void => {
    if (!this.#isDrainedAwaited || this.#socket.bufferedAmount > 0) return
    this.#isDrainedAwaited = false
    this.#handler?.drained()
  }

  #close(code: number): void {
    if (this.#linger !== undefined) return
    const socket = this.#socket
    // A paused socket would not see the client's answer.
    socket.removeAllListeners('message').resume()
    socket.close(code)
    this.#linger = setTimeout(() => socket.terminate(), LINGER).unref()
  }

  #over(clean: boolean): void {
    const handler = this.#handler
    this.#handler = undefined
    handler?.closed(clean)
  }
}

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { RawData, WebSocket } from 'ws'
import type { Peer } from '../domain/devices.ts'
import type { Transport, TransportHandler, TransportKind } from '../domain/transport.ts'

/** §6: `mqtt`; the two old names are what clients of 3.1 and the original Emitter SDK ask for. */
const SUB_PROTOCOLS: readonly string[] = ['mqtt', 'mqttv3.1', 'mqttv3']

export interface WebSocketDoorOptions {
  /** Of one frame; a packet may lie in several, and several in one (5.0 §6). */
  readonly frameBytes: number
  readonly peerOf: (request: IncomingMessage) => Peer
  readonly onConnection: (transport: Transport) => void
}

/** WebSocket upgrades of the front door: each is MQTT. */
export class WebSocketDoor {
  readonly #server: WebSocketServer
  readonly #options: WebSocketDoorOptions

  constructor(options: WebSocketDoorOptions) {
    this.#options = options
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: options.frameBytes,
      perMessageDeflate: false,
      // [MQTT-6.0.0-4]; a client that asks for none gets none, as brokers do.
      handleProtocols: (offered) => SUB_PROTOCOLS.find((name) => offered.has(name)) ?? false,
    })
  }

  /** A request with `Upgrade: websocket`. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const peer = this.#options.peerOf(request)
    const isSecure = 'encrypted' in socket
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const kind = isSecure ? 'secure-websocket' : 'websocket'
      this.#options.onConnection(new WebSocketTransport(webSocket, kind, peer))
    })
  }
}

const UNSUPPORTED_DATA = 1003
const NORMAL = 1000
/** What the peer has to answer our close; ms. */
const LINGER = 2000

class WebSocketTransport implements Transport {
  readonly kind: TransportKind
  readonly door = 'front'
  readonly peer: Peer
  readonly certificateName = undefined
  readonly #socket: WebSocket
  #handler: TransportHandler | undefined

  constructor(socket: WebSocket, kind: TransportKind, peer: Peer) {
    this.#socket = socket
    this.kind = kind
    this.peer = peer
    // A frame too large, text that is no UTF-8: 'close' follows and says all we need.
    socket.on('error', () => {})
  }

  get pendingBytes(): number {
    return this.#socket.bufferedAmount
  }

  start(handler: TransportHandler): void {
    this.#handler = handler
    this.#socket.on('message', (data: RawData, isBinary) => {
      // [MQTT-6.0.0-1]: a frame that is not binary ends the connection.
      if (!isBinary) this.#socket.close(UNSUPPORTED_DATA)
      else handler.received(data as Buffer)
    })
    this.#socket.on('close', (code) => handler.closed(code === NORMAL))
  }

  write(pieces: readonly Uint8Array[]): void {
    const socket = this.#socket
    if (socket.readyState !== socket.OPEN) return
    const [first, second] = pieces
    if (first === undefined) return
    const bytes = second === undefined ? first : Buffer.concat(pieces)
    socket.send(bytes, { binary: true }, () => {
      if (socket.bufferedAmount === 0) this.#handler?.drained()
    })
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.removeAllListeners('message')
    this.#socket.close(NORMAL)
    setTimeout(() => this.#socket.terminate(), LINGER).unref()
  }

  destroy(): void {
    this.#socket.terminate()
  }
}

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { WebSocketServer } from 'ws'
import type { Peer } from '../domain/devices.ts'
import type { Transport } from '../domain/transport.ts'
import { WebSocketTransport } from './websocket-transport.ts'

/** §6: `mqtt`; the two old names are what clients of 3.1 and the original Emitter SDK ask for. */
const SUB_PROTOCOLS: readonly string[] = ['mqtt', 'mqttv3.1', 'mqttv3']

export interface WebSocketDoorOptions {
  /** Of one message, in however many frames; a packet may lie in several messages, and several in one (5.0 §6). */
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
      // Who is connected is known elsewhere.
      clientTracking: false,
      maxPayload: options.frameBytes,
      // MQTT's messages are small, and a client could have a megabyte grow out of a thousand bytes.
      perMessageDeflate: false,
      // [MQTT-6.0.0-3], [MQTT-6.0.0-4]; a client that asks for none gets none, as with other brokers.
      handleProtocols: (offered) => SUB_PROTOCOLS.find((name) => offered.has(name)) ?? false,
    })
  }

  /** A request with `Upgrade: websocket`. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { onConnection, peerOf } = this.#options
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const kind = socket instanceof TLSSocket ? 'secure-websocket' : 'websocket'
      onConnection(new WebSocketTransport(webSocket, { kind, peer: peerOf(request) }))
    })
  }
}

/** Loaded when the first `ws:` or `wss:` address is dialled. */
import type { ClientRequest, IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import type { ClientOptions, RawData } from 'ws'
import { addressText, urlOf } from '../address.ts'
import type { Address } from '../address.ts'
import type { Carrier, CarrierEvents, Open } from '../line.ts'
import type { DialOptions } from '../transport.ts'
import { explainClose, textFrame } from '../websocket-close.ts'
import type { Explain } from './explain.ts'
import { explainStatus } from './failures.ts'
import { NEXT_ADDRESS_AFTER } from './tcp.ts'
import { tlsOptions } from './tls.ts'

/** A larger message ends the connection; bytes. Servers send a packet or a few in one. */
const MAX_MESSAGE = 16 * 1024 * 1024

/** RFC 6455 §7.4.1 */
const NORMAL = 1000

export function openWebSocket(address: Address, { tls, protocols }: DialOptions, explain: Explain): Open {
  const options: ClientOptions & { autoSelectFamilyAttemptTimeout: number } = {
    ...(address.scheme === 'wss' ? tlsOptions(address.host, tls) : {}),
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE,
    followRedirects: false,
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER,
  }
  return (events) => {
    const socket = new WebSocket(urlOf(address), [...protocols], options)
    return new WebSocketCarrier(socket, events, { address, explain })
  }
}

interface Origin {
  readonly address: Address
  readonly explain: Explain
}

class WebSocketCarrier implements Carrier {
  readonly #socket: WebSocket
  readonly #events: CarrierEvents

  constructor(socket: WebSocket, events: CarrierEvents, { address, explain }: Origin) {
    this.#socket = socket
    this.#events = events
    const where = addressText(address)
    let isOpen = false
    let failure: Error | undefined
    socket.once('open', () => {
      isOpen = true
      events.opened()
    })
    socket.on('message', (data: RawData, isBinary) => {
      if (isBinary) events.received(data as Buffer)
      else events.closed(textFrame(where))
    })
    socket.once('unexpected-response', (request: ClientRequest, response: IncomingMessage) => {
      request.destroy()
      events.closed(explainStatus(response.statusCode ?? 0, address))
    })
    socket.on('error', (error) => (failure ??= error))
    socket.once('close', (code, reason) => {
      if (failure !== undefined) return events.closed(explain(failure, isOpen ? 'open' : 'opening'))
      events.closed(explainClose(code, reason.toString(), where))
    })
  }

  get waiting(): number {
    return this.#socket.bufferedAmount
  }

  write(bytes: Uint8Array): void {
    this.#socket.send(bytes, this.#written)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.close(NORMAL)
  }

  destroy(): void {
    this.#socket.terminate()
  }

  /** Called for each message that the kernel has taken. */
  readonly #written = (): void => {
    if (this.#socket.bufferedAmount === 0) this.#events.emptied()
  }
}

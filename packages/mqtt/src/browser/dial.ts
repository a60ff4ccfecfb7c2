/** `#dial` of a page: its browser's `WebSocket`. */
import { ConnectionError } from '@halyard/core'
import { addressText, urlOf } from '../address.ts'
import type { Address } from '../address.ts'
import { HIGH_WATER, Line } from '../line.ts'
import type { Carrier, CarrierEvents } from '../line.ts'
import type { Dial } from '../transport.ts'
import { explainClose, textFrame } from '../websocket-close.ts'

/** What is used of a `WebSocket`. */
export interface PageWebSocket {
  binaryType: string
  readonly bufferedAmount: number
  readonly protocol: string
  addEventListener(type: 'open' | 'error', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { readonly code: number; readonly reason: string }) => void): void
  send(bytes: Uint8Array<ArrayBuffer>): void
  close(code?: number): void
}

export type PageWebSocketClass = new (url: string, protocols: string[]) => PageWebSocket

/** A page is not told when its bytes have gone; ms between two looks. */
const LOOK_AGAIN = 20

export const dial: Dial = browserDial()

/**
 * Over the `WebSocket` that is given, else the global one when it dials. `pause` cannot reach the sender: what comes in the
 * meantime is kept, 16 MiB at most, then the connection ends with `ERR_MQTT_SLOW_READER`. Certificates are the browser's.
 */
export function browserDial(given?: PageWebSocketClass): Dial {
  return (address, { protocols }, events) => {
    const where = addressText(address)
    return new Line(
      () => {
        const WebSocketClass = given ?? (globalThis as { WebSocket?: PageWebSocketClass }).WebSocket
        checkAddress(address)
        if (WebSocketClass === undefined) {
          throw new ConnectionError('ERR_MQTT_TRANSPORT', 'there is no WebSocket here: MQTT needs one to leave a page')
        }
        return (told) => new PageCarrier(new WebSocketClass(urlOf(address), [...protocols]), told, { where, protocols })
      },
      (error) => refused(error, where),
      events,
    )
  }
}

function checkAddress({ scheme }: Address): void {
  if (scheme === 'ws' || scheme === 'wss') return
  throw new ConnectionError('ERR_MQTT_TRANSPORT', `a page cannot open TCP, which ${scheme}:// is; use ws:// or wss://`)
}

/** The constructor throws for what the page's own rules forbid. */
function refused(error: unknown, where: string): ConnectionError {
  if (error instanceof ConnectionError) return error
  const name = error instanceof Error ? error.name : ''
  const why =
    name === 'SecurityError'
      ? 'a page that came by https:// may open wss:// alone'
      : 'the address, or a sub-protocol, is none that a WebSocket takes'
  return new ConnectionError('ERR_MQTT_TRANSPORT', `the browser does not open ${where}: ${why}`, { cause: error })
}

interface Origin {
  readonly where: string
  readonly protocols: readonly string[]
}

class PageCarrier implements Carrier {
  readonly #socket: PageWebSocket
  readonly #events: CarrierEvents
  readonly #origin: Origin
  #look: ReturnType<typeof setTimeout> | undefined

  constructor(socket: PageWebSocket, events: CarrierEvents, origin: Origin) {
    this.#socket = socket
    this.#events = events
    this.#origin = origin
    socket.binaryType = 'arraybuffer'
    let isOpen = false
    socket.addEventListener('open', () => {
      isOpen = true
      this.#opened()
    })
    socket.addEventListener('message', ({ data }) => {
      if (data instanceof ArrayBuffer) events.received(new Uint8Array(data))
      else events.closed(textFrame(origin.where))
    })
    // 'close' follows and says as much.
    socket.addEventListener('error', () => {})
    socket.addEventListener('close', ({ code, reason }) =>
      events.closed(isOpen ? explainClose(code, reason, origin.where) : notOpened(origin.where)),
    )
  }

  get waiting(): number {
    return this.#socket.bufferedAmount
  }

  write(bytes: Uint8Array): void {
    this.#socket.send(bytes as Uint8Array<ArrayBuffer>)
    if (this.#look === undefined && this.waiting > HIGH_WATER) this.#lookAgain()
  }

  // The line keeps what comes.
  pause(): void {}
  resume(): void {}

  end(): void {
    this.#socket.close(1000)
  }

  destroy(): void {
    clearTimeout(this.#look)
    this.#socket.close()
  }

  #opened(): void {
    const { where, protocols } = this.#origin
    if (protocols.length === 0 || this.#socket.protocol !== '') return this.#events.opened()
    const text = `${where} accepts none of the sub-protocols ${protocols.join(', ')}: the path may belong to another service`
    this.#events.closed(new ConnectionError('ERR_MQTT_WEBSOCKET', text))
  }

  #lookAgain(): void {
    this.#look = setTimeout(() => {
      this.#look = undefined
      if (this.waiting > 0) this.#lookAgain()
      else this.#events.emptied()
    }, LOOK_AGAIN)
  }
}

function notOpened(where: string): ConnectionError {
  const why = 'nothing answers there, it is no WebSocket, or its certificate is not trusted'
  const text = `no WebSocket to ${where}: ${why}; a page is told no more, the console of its browser says which`
  return new ConnectionError('ERR_MQTT_UNREACHABLE', text)
}

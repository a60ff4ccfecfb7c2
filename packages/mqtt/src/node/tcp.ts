import { connect } from 'node:net'
import type { OnReadOpts, Socket, TcpNetConnectOpts } from 'node:net'
import { HIGH_WATER } from '../line.ts'
import type { Carrier, CarrierEvents, Open } from '../line.ts'
import type { Address } from '../address.ts'
import type { Explain } from './explain.ts'

/**
 * A name with several addresses has them tried one after the other, and each but the last is given up after this time;
 * ms. Node's own 250 are less than one round trip on NB-IoT, where an address that works would be passed over.
 */
export const NEXT_ADDRESS_AFTER = 3000

/** Node says `drain` for more than this, as the line wants it. It is documented for streams, and missing in `net`'s types. */
const STREAM = { writableHighWaterMark: HIGH_WATER }

/** Sockets read into one array: libuv, or the TLS layer, fills it and calls back in the same turn. */
export function openTcp({ host, port }: Address, explain: Explain, readBuffer: Uint8Array): Open {
  return (events) =>
    new SocketCarrier(events, explain, 'connect', (onread) =>
      connect({ ...socketOptions(host, port), onread: { buffer: readBuffer, callback: onread } }),
    )
}

export function socketOptions(host: string, port: number): TcpNetConnectOpts {
  return {
    ...STREAM,
    host,
    port,
    // A packet is one write; waiting for more costs a round trip.
    noDelay: true,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER,
  }
}

type OnRead = OnReadOpts['callback']

/** TCP, or TLS over it. */
export class SocketCarrier implements Carrier {
  readonly #socket: Socket
  #isEnding = false

  constructor(
    events: CarrierEvents,
    explain: Explain,
    opened: 'connect' | 'secureConnect',
    make: (onread: OnRead) => Socket,
  ) {
    let isOpen = false
    let failure: Error | undefined
    const socket = make((size, buffer) => {
      events.received(buffer.subarray(0, size))
      return true
    })
    this.#socket = socket
    socket.once(opened, () => {
      isOpen = true
      events.opened()
    })
    socket.on('drain', () => events.emptied())
    // MQTT has no use for half a connection: who ends his side is gone, whatever we still have for him, unless we end too.
    // A TLS alert is an error in front of an end.
    socket.once('end', () => {
      if (isOpen && !this.#isEnding && failure === undefined) events.closed()
    })
    socket.on('error', (error) => (failure ??= error))
    socket.once('close', () => {
      const early = isOpen ? undefined : new Error('the connection was closed before it was open')
      const error = failure ?? early
      events.closed(error && explain(error, isOpen ? 'open' : 'opening'))
    })
  }

  get waiting(): number {
    return this.#socket.writableLength
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#isEnding = true
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

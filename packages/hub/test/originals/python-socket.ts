/**
 * What the Python SDKs do with one TCP connection, as 0.1.1, 0.3.0 and develop (which calls itself 0.9.1) were watched to do it: connect, hand the
 * bytes over, read until the peer closes or is silent for `timeout` seconds (which is no error: what came so far is the
 * answer), shut down, close. They never half-close before they have read. interop/hologram/python_sdk.py is the same in
 * Python itself.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** How the bytes leave; the network may cut them like any of these. */
export type Delivery = (socket: Socket, bytes: Uint8Array) => Promise<void>

const write = (socket: Socket, bytes: Uint8Array): Promise<void> =>
  // A connection that the hub has closed takes no more; the SDK does not look at that either.
  new Promise((resolve) => socket.write(bytes, () => resolve()))

/** One `send()` call. */
export const whole: Delivery = write

export const byteByByte: Delivery = async (socket, bytes) => {
  for (let at = 0; at < bytes.length && socket.writable; at++) await write(socket, bytes.subarray(at, at + 1))
}

/** Three pieces, the terminator cut through, with so many milliseconds between them. */
export function withPauses(milliseconds: number): Delivery {
  return async (socket, bytes) => {
    const cuts = [0, Math.ceil(bytes.length / 2), Math.max(0, bytes.length - 1), bytes.length]
    for (let piece = 0; piece < 3 && socket.writable; piece++) {
      await write(socket, bytes.subarray(cuts[piece], cuts[piece + 1]))
      if (piece < 2) await pause(milliseconds)
    }
  }
}

export interface Exchange {
  readonly answer: string
  readonly end: 'closed' | 'silence' | 'full' | 'broken'
  /** from the connect on */
  readonly seconds: number
}

export interface ExchangeOptions {
  /** seconds; 5 */
  readonly timeout?: number
  /** whole */
  readonly delivery?: Delivery
  /** Reads no more than this; 0.9.1 stops at 1024, the others at nothing. */
  readonly maxAnswer?: number
}

export async function exchange(port: number, bytes: Uint8Array, options: ExchangeOptions = {}): Promise<Exchange> {
  const { timeout = 5, delivery = whole, maxAnswer = Infinity } = options
  const begun = performance.now()
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  await once(socket, 'connect')
  let answer = ''
  const ended = new Promise<Exchange['end']>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1')
      if (answer.length >= maxAnswer) resolve('full')
    })
    socket.on('end', () => resolve('closed'))
    socket.on('error', () => resolve('broken'))
    // Node's timer of a socket starts anew with everything that is sent or received: a timeout of each recv().
    socket.setTimeout(timeout * 1000, () => resolve('silence'))
  })
  // An answer may come before all was sent, so both go on at once.
  const sent = delivery(socket, bytes)
  const end = await ended
  socket.end().destroy()
  await sent
  return { answer, end, seconds: (performance.now() - begun) / 1000 }
}

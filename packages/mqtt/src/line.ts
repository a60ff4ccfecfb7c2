/**
 * What every transport owes its owner, whatever carries the bytes: order, silence after the end, and bounds. The carriers
 * below it (`node/`, `browser/`) only move bytes.
 *
 * ```
 *  opening ──opened──► open ──end()──► ending ──all written, or 5 s──► over
 *     └───────────── closed by the peer, failed, or destroy() ──────────►
 * ```
 */
import { ConnectionError } from '@halyard/core'
import type { Transport, TransportEvents } from './transport.ts'

/** What really carries bytes. It is given nothing before it has opened, and never throws. */
export interface Carrier {
  /** Bytes that the operating system, or the page's browser, has not taken yet. */
  readonly waiting: number
  write(bytes: Uint8Array): void
  pause(): void
  resume(): void
  /** Closes it behind what was written. */
  end(): void
  destroy(): void
}

/** What a carrier tells; never from inside a call. The bytes may change as soon as `received` is back. */
export interface CarrierEvents {
  opened(): void
  received(bytes: Uint8Array): void
  /** Nothing waits any more; told at least when more than {@link HIGH_WATER} waited. */
  emptied(): void
  /** Over. Without an error: in good order, everything that the peer sent has been told. */
  closed(error?: ConnectionError): void
}

/** Begins to connect. What it throws ends the connection. */
export type Open = (events: CarrierEvents) => Carrier

/** More than this waits: `write` answers false. Bytes. */
export const HIGH_WATER: number = 64 * 1024
/** What may come while nothing is read, where the sender cannot be stopped: in a page. Bytes. */
export const HELD_LIMIT: number = 16 * 1024 * 1024
/** What an array costs besides its bytes, so that many small ones count too. */
const PIECE_COST = 128
/** From `end()` to `closed`; ms. */
const END_LIMIT = 5000

export class Line implements Transport {
  readonly #events: TransportEvents
  #state: 'opening' | 'open' | 'ending' | 'over' = 'opening'
  #carrier: Carrier | undefined
  /** Written before it was open. */
  #early: Uint8Array[] = []
  #isDrainAwaited = false
  #isPaused = false
  /** Came while nothing was to be received. */
  #held: Uint8Array[] = []
  #heldBytes = 0
  #isReleasing = false
  /** The peer has closed in good order behind what is held. */
  #isClosedBehindHeld = false
  #endLimit: ReturnType<typeof setTimeout> | undefined

  /** `load` gives a promise where a module must be loaded first; what it or `open` throws is told as `explain` says. */
  constructor(load: () => Open | Promise<Open>, explain: (error: unknown) => ConnectionError, events: TransportEvents) {
    this.#events = events
    const fail = (error: unknown): void => this.#closed(explain(error))
    try {
      const open = load()
      if (typeof open === 'function') this.#open(open)
      else open.then((loaded) => this.#open(loaded)).catch(fail)
    } catch (error) {
      queueMicrotask(() => fail(error))
    }
  }

  get waiting(): number {
    return (this.#carrier?.waiting ?? 0) + sizeOf(this.#early)
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state === 'open') this.#carrier?.write(bytes)
    else if (this.#state === 'opening') this.#early.push(bytes)
    else return false
    if (this.waiting <= HIGH_WATER) return true
    this.#isDrainAwaited = true
    return false
  }

  pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    if (this.#state === 'open') this.#carrier?.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    if (this.#held.length > 0 || this.#isClosedBehindHeld) this.#releaseSoon()
    else if (this.#state === 'open') this.#carrier?.resume()
  }

  end(): void {
    const state = this.#state
    if (state === 'over' || state === 'ending') return
    this.#state = 'ending'
    this.#forgetHeld()
    const isUnused = state === 'opening' && this.#early.length === 0
    if (isUnused || this.#isClosedBehindHeld) return queueMicrotask(() => this.#closed())
    this.#endLimit = setTimeout(() => this.#closed(), END_LIMIT)
    if (state === 'open') this.#endCarrier()
  }

  destroy(): void {
    this.#state = 'over'
    clearTimeout(this.#endLimit)
    this.#early = []
    this.#forgetHeld()
    this.#carrier?.destroy()
  }

  #open(open: Open): void {
    if (this.#state === 'over') return
    this.#carrier = open({
      opened: () => this.#opened(),
      received: (bytes) => this.#received(bytes),
      emptied: () => this.#emptied(),
      closed: (error) => this.#closed(error),
    })
  }

  #opened(): void {
    const carrier = this.#carrier
    if (carrier === undefined || this.#state === 'over') return
    const isEnding = this.#state === 'ending'
    if (!isEnding) this.#state = 'open'
    const early = this.#early
    this.#early = []
    if (early.length > 0) carrier.write(joined(early))
    if (isEnding) return this.#endCarrier()
    if (this.#isPaused) carrier.pause()
    this.#events.opened()
    this.#emptied()
  }

  /** What still comes is read and forgotten: closing on unread bytes would reset the connection under our last ones. */
  #endCarrier(): void {
    if (this.#isPaused) this.#carrier?.resume()
    this.#carrier?.end()
  }

  #received(bytes: Uint8Array): void {
    if (this.#state !== 'open' || bytes.length === 0) return
    if (!this.#isPaused && this.#held.length === 0) return this.#events.received(bytes)
    // A copy, for the carrier may use its array again; `slice` of a Buffer is none.
    this.#held.push(Uint8Array.from(bytes))
    this.#heldBytes += bytes.length + PIECE_COST
    if (this.#heldBytes <= HELD_LIMIT) return
    const text = `more than ${HELD_LIMIT / 2 ** 20} MiB came while nothing was read: read faster, or subscribe to less`
    this.#closed(new ConnectionError('ERR_MQTT_SLOW_READER', text))
  }

  #releaseSoon(): void {
    if (this.#isReleasing) return
    this.#isReleasing = true
    queueMicrotask(() => this.#release())
  }

  #release(): void {
    const held = this.#held
    let count = 0
    for (const bytes of held) {
      if (this.#isPaused || this.#state !== 'open') break
      count++
      this.#heldBytes -= bytes.length + PIECE_COST
      this.#events.received(bytes)
    }
    held.splice(0, count)
    this.#isReleasing = false
    if (this.#isPaused || this.#state !== 'open') return
    if (held.length > 0) return this.#releaseSoon()
    if (this.#isClosedBehindHeld) return this.#closed()
    this.#carrier?.resume()
  }

  #forgetHeld(): void {
    this.#held = []
    this.#heldBytes = 0
  }

  #emptied(): void {
    if (!this.#isDrainAwaited || this.#state !== 'open' || this.waiting > 0) return
    this.#isDrainAwaited = false
    this.#events.drained()
  }

  #closed(error?: ConnectionError): void {
    const state = this.#state
    if (state === 'over') return
    if (error === undefined && state === 'open' && this.#held.length > 0) {
      this.#isClosedBehindHeld = true
      return
    }
    const unsent = this.waiting
    this.destroy()
    if (state !== 'ending') return this.#events.closed(error)
    // Who ends it himself is told only of what was lost by it.
    this.#events.closed(unsent === 0 ? undefined : (error ?? notTaken(unsent)))
  }
}

function notTaken(bytes: number): ConnectionError {
  return new ConnectionError(
    'ERR_MQTT_CONNECTION_LOST',
    `the connection ended before the peer took the last ${bytes} bytes`,
  )
}

function sizeOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((total, { length }) => total + length, 0)
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [first, second] = pieces
  if (first !== undefined && second === undefined) return first
  const whole = new Uint8Array(sizeOf(pieces))
  let offset = 0
  for (const piece of pieces) {
    whole.set(piece, offset)
    offset += piece.length
  }
  return whole
}

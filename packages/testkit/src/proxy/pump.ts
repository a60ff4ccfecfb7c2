import type { Socket } from 'node:net'
import type { Clock, Timer } from '@halyard/core'
import type { SeededRandom } from '../random.ts'
import type { FaultDirection } from './direction.ts'

/** Bytes of one connection that may wait in one direction; above it the sender is not read from. */
const MAX_HELD = 1_048_576
/** A throttled direction sends this many pieces a second, so that it flows rather than bursts. */
const PIECES_PER_SECOND = 20

/**
 * libuv reports bytes and a reset that it finds together as bytes and an ordinary end. A receiver in this process has
 * read the bytes after so many turns of the event loop (one to accept, one to read, the rest to spare).
 */
const TURNS_TO_READ = 4

export interface PumpOptions {
  readonly from: Socket
  readonly to: Socket
  readonly direction: FaultDirection
  readonly clock: Clock
  readonly random: SeededRandom
  /** True while nothing may pass. */
  readonly blocked: () => boolean
  readonly cut: (how: 'reset' | 'fin') => void
  readonly changed: () => void
  /** So much went out. */
  readonly sent: (bytes: Uint8Array) => void
}

/** One direction of one connection: bytes come in, wait as long as they must, and go out as the faults leave them. */
export class Pump {
  readonly #options: PumpOptions
  #queue: { bytes: Uint8Array; readonly since: number }[] = []
  #held = 0
  #passed = 0
  /** When the rate lets the next byte go. */
  #freeAt = 0
  #sourceEnded = false
  #endedAt = 0
  #waiting: 'drain' | Timer | undefined
  #stopped = false

  constructor(options: PumpOptions) {
    this.#options = options
    const { from, to, clock } = options
    from.on('data', (bytes: Buffer) => {
      if (this.#stopped) return
      this.#queue.push({ bytes, since: clock.monotonic() })
      this.#hold(bytes.length)
      this.run()
    })
    from.on('end', () => {
      this.#sourceEnded = true
      this.#endedAt = clock.monotonic()
      this.run()
    })
    to.on('drain', () => {
      if (this.#waiting !== 'drain') return
      this.#waiting = undefined
      this.run()
    })
  }

  /** Bytes that went through. */
  get passed(): number {
    return this.#passed
  }

  /** Sends what may go now. Called whenever that may have changed. */
  run(): void {
    const { from, to, blocked } = this.#options
    if (this.#stopped) return
    if (this.#waiting !== undefined && this.#waiting !== 'drain') {
      this.#waiting.cancel()
      this.#waiting = undefined
    }
    if (blocked()) {
      from.pause()
      return
    }
    while (this.#waiting === undefined && !this.#stopped) {
      const head = this.#queue[0]
      if (head === undefined) break
      if (!this.#due(head.since)) break
      this.#send(head)
    }
    if (this.#stopped) return
    if (this.#held < MAX_HELD) from.resume()
    else from.pause()
    const flushed = this.#sourceEnded && this.#queue.length === 0 && this.#waiting === undefined
    if (flushed && !to.writableEnded && this.#due(this.#endedAt)) to.end()
  }

  /** Nothing more is sent; what was held is forgotten. */
  stop(): void {
    this.#stopped = true
    if (this.#waiting !== 'drain') this.#waiting?.cancel()
    this.#queue = []
    this.#hold(-this.#held)
  }

  /** Whether what came at this time may go; if not, comes back when it may. */
  #due(since: number): boolean {
    const { clock, direction } = this.#options
    const { delay = 0, rate } = direction.faults
    const wait = Math.max(since + delay * 1000, rate === undefined ? 0 : this.#freeAt) - clock.monotonic()
    if (wait <= 0) return true
    this.#waiting = clock.setTimer(wait, () => {
      this.#waiting = undefined
      this.run()
    })
    return false
  }

  #send(head: { bytes: Uint8Array }): void {
    const { to, direction, clock, cut, changed, sent } = this.#options
    const { rate, cutAfter = Infinity, cut: how = 'reset' } = direction.faults
    const most = Math.min(
      rate === undefined ? Infinity : Math.max(1, Math.floor(rate / PIECES_PER_SECOND)),
      Math.max(0, cutAfter - this.#passed),
    )
    const piece = this.#corrupted(head.bytes.subarray(0, most))
    if (piece.length === head.bytes.length) this.#queue.shift()
    else head.bytes = head.bytes.subarray(piece.length)
    if (rate !== undefined) this.#freeAt = Math.max(this.#freeAt, clock.monotonic()) + (piece.length / rate) * 1000
    this.#hold(-piece.length)
    this.#passed += piece.length
    direction.bytes += piece.length
    if (this.#passed >= cutAfter) {
      this.stop()
      // The bytes before the cut are handed over first: a reset would take them back.
      if (piece.length === 0) cut(how)
      else to.write(piece, () => afterTurns(TURNS_TO_READ, () => cut(how)))
    } else if (!to.write(piece)) {
      this.#waiting = 'drain'
    }
    if (piece.length > 0) sent(piece)
    changed()
  }

  #corrupted(piece: Uint8Array): Uint8Array {
    const { direction, random } = this.#options
    const { corruptAt = [], corruptChance = 0 } = direction.faults
    const hits = corruptAt.map((offset) => offset - this.#passed).filter((index) => index >= 0 && index < piece.length)
    if (hits.length === 0 && corruptChance === 0) return piece
    const bytes = piece.slice()
    for (const index of hits) bytes[index]! ^= 0xff
    if (corruptChance > 0) {
      for (let index = 0; index < bytes.length; index++) {
        if (random.chance(corruptChance)) bytes[index]! ^= 1 << random.integer(8)
      }
    }
    return bytes
  }

  #hold(bytes: number): void {
    this.#held += bytes
    this.#options.direction.held += bytes
    if (bytes > 0) this.#options.changed()
  }
}

function afterTurns(turns: number, callback: () => void): void {
  setImmediate(() => (turns > 1 ? afterTurns(turns - 1, callback) : callback()))
}

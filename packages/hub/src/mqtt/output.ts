import type { Flushable, Flusher } from './flush.ts'
import type { Region, Slab, SlabPool } from './slab.ts'
import type { Transport } from '../domain/transport.ts'

/** Pieces up to this size are copied together; larger ones are written as they are. */
const SMALL = 2048
/** Of one write: what a slow client takes of a long row is seen so much at a time. */
const MOST = 65_536
const LEAST_WISH = 256
const GREATEST_WISH = 65_536
/** Written before the turn ends if others have much too: what is still in the cache is copied for less. */
const EARLY = 8192
const NO_BYTES = new Uint8Array(0)

export interface OutputParts {
  readonly transport: Transport
  readonly flusher: Flusher
  readonly slabs: SlabPool
  /** Called when more than `much` bytes have waited here and the kernel has taken all of them at once. */
  readonly emptied: () => void
  readonly much: number
}

/**
 * What goes to one connection, collected over a turn and written at once: one `write` per message is what makes brokers
 * slow. Frames are encoded straight into the region, whose size follows what the connection took last time.
 */
export class Output implements Flushable {
  readonly #transport: Transport
  readonly #flusher: Flusher
  readonly #slabs: SlabPool
  readonly #much: number
  readonly #emptied: () => void
  readonly #region: Region = { bytes: NO_BYTES, slab: undefined, start: 0, at: 0, end: 0 }
  #pieces: Uint8Array[] = []
  /** In which the pieces lie. */
  readonly #lent: Slab[] = []
  /** The first of them that was not written yet. */
  #next = 0
  /** Of the pieces and the region. */
  #bytes = 0
  #wish = LEAST_WISH
  #handed = 0
  /** When the turn began. */
  #handedBefore = 0
  #isMarked = false
  #isOpen = true

  constructor(parts: OutputParts) {
    this.#transport = parts.transport
    this.#flusher = parts.flusher
    this.#slabs = parts.slabs
    this.#much = parts.much
    this.#emptied = parts.emptied
  }

  /** Not yet with the kernel. */
  get waiting(): number {
    return this.#bytes + this.#transport.pendingBytes
  }

  /** Bytes that have gone to the kernel since the start: what grows while the client reads. */
  get taken(): number {
    return this.#handed - this.#transport.pendingBytes
  }

  /**
   * Room for a frame of `size` bytes: write it into `region.bytes` from `region.at` on, then call {@link wrote}.
   */
  reserve(size: number): Region {
    const region = this.#region
    if (region.end - region.at < size) {
      // Not if so much has waited that somebody must be told when it goes: that is for the end of the turn.
      if (this.#bytes >= EARLY && this.#bytes <= this.#much && this.#slabs.isStrained) this.#send()
      this.#seal()
      // What waits for a slow client has memory of its own: a hundred bytes would hold 64 KiB of a slab otherwise.
      if (this.#transport.pendingBytes > 0) this.#slabs.allot(region, Math.max(size, Math.min(MOST, this.#bytes)))
      else this.#slabs.carve(region, size, Math.max(size, this.#wish))
    }
    return region
  }

  /** The frame ends at `end`. */
  wrote(end: number): void {
    const region = this.#region
    this.#bytes += end - region.at
    region.at = end
    if (!this.#isMarked) this.#mark()
  }

  /** Takes a frame that nobody changes any more; a large one, or the only one of a turn, is not copied. */
  append(frame: Uint8Array): void {
    const { length } = frame
    if (length > SMALL || this.#bytes === 0) {
      this.#seal()
      this.#pieces.push(frame)
      this.#bytes += length
      if (!this.#isMarked) this.#mark()
      return
    }
    const { bytes, at } = this.reserve(length)
    bytes.set(frame, at)
    this.wrote(at + length)
  }

  /** Writes what there is; while the client does not read, it waits here, and the next call is that of `drained`. */
  flush(): void {
    this.#isMarked = false
    if (!this.#isOpen) return
    const wasMuch = this.#bytes > this.#much
    this.#send()
    const turn = this.#handed - this.#handedBefore
    this.#handedBefore = this.#handed
    this.#wish = Math.min(GREATEST_WISH, Math.max(LEAST_WISH, nextPowerOfTwo(turn)))
    // The transport tells of what it did not write at once, and of nothing else.
    if (wasMuch && this.waiting === 0) this.#emptied()
  }

  /** Hands everything over, also to a client that does not read: it is the last that it gets. */
  finish(): void {
    if (!this.#isOpen || this.#bytes === 0) return
    this.#seal()
    this.#write(Infinity)
  }

  /** Nothing is written any more. */
  close(): void {
    this.#isOpen = false
    this.#seal()
    // What `finish` wrote may still be with the transport.
    this.#settle(this.#transport.pendingBytes === 0)
    this.#forget()
    this.#bytes = 0
  }

  #send(): void {
    const transport = this.#transport
    if (this.#bytes === 0 || transport.pendingBytes > 0) return
    this.#seal()
    do this.#write(MOST)
    while (this.#bytes > 0 && transport.pendingBytes === 0)
    this.#settle(transport.pendingBytes === 0)
  }

  /** Pieces of about `most` bytes in sum, and at least one. */
  #write(most: number): void {
    const pieces = this.#pieces
    if (this.#bytes <= most && this.#next === 0) {
      this.#handed += this.#bytes
      this.#forget()
      this.#bytes = 0
      this.#transport.write(pieces)
      return
    }
    let bytes = 0
    const first = this.#next
    for (let piece = pieces[this.#next]; piece !== undefined && bytes < most; piece = pieces[this.#next]) {
      bytes += piece.length
      this.#next++
    }
    const part = pieces.slice(first, this.#next)
    if (this.#next === pieces.length) this.#forget()
    this.#handed += bytes
    this.#bytes -= bytes
    this.#transport.write(part)
  }

  #forget(): void {
    this.#pieces = []
    this.#next = 0
  }

  #mark(): void {
    this.#isMarked = true
    this.#flusher.mark(this)
  }

  /** What is in the region becomes a piece. */
  #seal(): void {
    const region = this.#region
    const { slab } = region
    if (region.at > region.start) this.#pieces.push(region.bytes.subarray(region.start, region.at))
    this.#slabs.close(region)
    region.start = region.at
    if (slab === undefined) return
    this.#lent.push(slab)
    region.slab = undefined
  }

  /** The kernel has taken all of the pieces; if not, it may keep any of them. */
  #settle(isTaken: boolean): void {
    for (const slab of this.#lent) {
      if (isTaken) this.#slabs.release(slab)
      else this.#slabs.lose(slab)
    }
    this.#lent.length = 0
  }
}

function nextPowerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(value))
}

import type { Flushable, Flusher } from './flush.ts'
import { NO_REGION } from './slab.ts'
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
/** Of an output in which nothing waits. Nobody adds to them. */
const NO_PIECES: Uint8Array[] = []
const NO_SLABS: Slab[] = []

/** What all outputs of a server share. */
export interface OutputShare {
  readonly flusher: Flusher
  readonly slabs: SlabPool
  /** Above it the owner is told when the kernel has taken all at once. */
  readonly much: number
}

export interface OutputOwner {
  /** There is room again: more than `much` bytes have waited here, and the kernel has taken all of them at once. */
  goOn(): void
}

/**
 * What goes to one connection, collected over a turn and written at once: one `write` per message is what makes brokers
 * slow. Frames are encoded straight into the region, whose size follows what the connection took last time. Between two
 * turns it holds no memory but itself: most connections are idle.
 */
export class Output implements Flushable {
  readonly #transport: Transport
  readonly #share: OutputShare
  readonly #owner: OutputOwner
  #region: Region = NO_REGION
  #pieces: Uint8Array[] = NO_PIECES
  /** In which the pieces lie. */
  #lent: Slab[] = NO_SLABS
  /** The first of the pieces that was not written yet. */
  #next = 0
  /** Of the pieces and the region. */
  #bytes = 0
  #wish = LEAST_WISH
  #handed = 0
  /** When the turn began. */
  #handedBefore = 0
  #isMarked = false
  #isOpen = true

  constructor(transport: Transport, share: OutputShare, owner: OutputOwner) {
    this.#transport = transport
    this.#share = share
    this.#owner = owner
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
    if (region.end - region.at >= size) return region
    const { slabs, much } = this.#share
    // Not if so much has waited that somebody must be told when it goes: that is for the end of the turn.
    if (this.#bytes >= EARLY && this.#bytes <= much && slabs.isStrained) this.#send()
    this.#seal()
    // What waits for a slow client has memory of its own: a hundred bytes would hold 64 KiB of a slab otherwise.
    return (this.#region =
      this.#transport.pendingBytes > 0
        ? slabs.allot(Math.max(size, Math.min(MOST, this.#bytes)))
        : slabs.carve(size, Math.max(size, this.#wish)))
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
      this.#add(frame)
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
    const wasMuch = this.#bytes > this.#share.much
    this.#send()
    const turn = this.#handed - this.#handedBefore
    this.#handedBefore = this.#handed
    this.#wish = wishAfter(turn)
    // The transport tells of what it did not write at once, and of nothing else.
    if (wasMuch && this.waiting === 0) this.#owner.goOn()
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
    this.#pieces = NO_PIECES
    this.#next = 0
  }

  #mark(): void {
    this.#isMarked = true
    this.#share.flusher.mark(this)
  }

  /** What is in the region becomes a piece. */
  #seal(): void {
    const region = this.#region
    if (region === NO_REGION) return
    const { slab, bytes, start, at } = region
    if (at > start) this.#add(bytes.subarray(start, at))
    this.#region = NO_REGION
    this.#share.slabs.close(region)
    if (slab === undefined) return
    if (this.#lent === NO_SLABS) this.#lent = [slab]
    else this.#lent.push(slab)
  }

  #add(piece: Uint8Array): void {
    if (this.#pieces === NO_PIECES) this.#pieces = [piece]
    else this.#pieces.push(piece)
  }

  /** The kernel has taken all of the pieces; if not, it may keep any of them. */
  #settle(isTaken: boolean): void {
    const lent = this.#lent
    if (lent === NO_SLABS) return
    this.#lent = NO_SLABS
    const { slabs } = this.#share
    for (const slab of lent) {
      if (isTaken) slabs.release(slab)
      else slabs.lose(slab)
    }
  }
}

/** As much as the turn took, up to the next power of two. */
function wishAfter(turn: number): number {
  if (turn <= LEAST_WISH) return LEAST_WISH
  return turn >= GREATEST_WISH ? GREATEST_WISH : 1 << (32 - Math.clz32(turn - 1))
}

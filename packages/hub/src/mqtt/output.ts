import type { Flushable, Flusher } from './flush.ts'
import type { Region, Slab, SlabPool } from './slab.ts'
import type { Transport } from '../domain/transport.ts'

/** Pieces up to this size are copied together; larger ones are written as they are. */
const SMALL = 2048
const LEAST_WISH = 256
const GREATEST_WISH = 65_536
/** Written before the turn ends if others have much too: what is still in the cache is copied for less. */
const MUCH = 8192
const NO_BYTES = new Uint8Array(0)

/**
 * What goes to one connection, collected over a turn and written at once: one `write` per message is what makes brokers
 * slow. Frames are encoded straight into the region, whose size follows what the connection took last time.
 */
export class Output implements Flushable {
  readonly #transport: Transport
  readonly #flusher: Flusher
  readonly #slabs: SlabPool
  readonly #region: Region = { bytes: NO_BYTES, slab: undefined, start: 0, at: 0, end: 0 }
  #pieces: Uint8Array[] = []
  /** In which the pieces lie. */
  readonly #lent: Slab[] = []
  /** Of the pieces and the region. */
  #bytes = 0
  #wish = LEAST_WISH
  #handed = 0
  /** When the turn began. */
  #handedBefore = 0
  #isMarked = false
  #isOpen = true

  constructor(transport: Transport, flusher: Flusher, slabs: SlabPool) {
    this.#transport = transport
    this.#flusher = flusher
    this.#slabs = slabs
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
      if (this.#bytes >= MUCH && this.#slabs.isStrained) this.#send()
      this.#seal()
      this.#slabs.carve(region, size, Math.max(size, this.#wish))
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

  flush(): void {
    this.#isMarked = false
    if (!this.#isOpen) return
    if (this.#bytes > 0) this.#send()
    const turn = this.#handed - this.#handedBefore
    this.#handedBefore = this.#handed
    this.#wish = Math.min(GREATEST_WISH, Math.max(LEAST_WISH, nextPowerOfTwo(turn)))
  }

  #send(): void {
    this.#seal()
    const pieces = this.#pieces
    const transport = this.#transport
    this.#handed += this.#bytes
    this.#pieces = []
    if (transport.pendingBytes > 0 && this.#lent.length > 0) {
      // A slow reader: its bytes are copied, since a hundred of them would keep a whole slab.
      transport.write([joined(pieces, this.#bytes)])
      this.#return(true)
    } else {
      transport.write(pieces)
      if (this.#lent.length > 0) this.#return(transport.pendingBytes === 0)
    }
    this.#bytes = 0
  }

  /** Nothing is written any more. */
  close(): void {
    this.#isOpen = false
    this.#seal()
    this.#return(true)
    this.#pieces = []
    this.#bytes = 0
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

  #return(isFree: boolean): void {
    for (const slab of this.#lent) {
      if (isFree) this.#slabs.release(slab)
      else this.#slabs.lose(slab)
    }
    this.#lent.length = 0
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(length)
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

function nextPowerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(value))
}

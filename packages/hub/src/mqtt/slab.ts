/** Memory for what is about to be written: carved from slabs, one piece behind the other. */

const SLAB = 65_536
/** Slabs that lie ready. */
const SPARE = 32
/** So many are in use at once while everything stays in the processor's cache. */
const IN_CACHE = 8
/** What an output gets at a time when there are more. */
const MODEST = 16_384
const LEAST_OWN = 1024
/** Regions that lie ready: as many outputs as have something to write in one turn. */
const SPARE_REGIONS = 1024
const NO_BYTES = new Uint8Array(0)

export interface Slab {
  readonly bytes: Uint8Array
  used: number
  /** Regions whose bytes are not with the kernel yet. */
  lent: number
  /** A slow reader has a part of it: never used again. */
  isLost: boolean
}

/** A piece of a slab that belongs to one output until its bytes are with the kernel. */
export interface Region {
  bytes: Uint8Array
  /** `undefined`: memory of its own. */
  slab: Slab | undefined
  /** Where it begins. */
  start: number
  /** Where the next byte goes. */
  at: number
  /** Where it ends. */
  end: number
}

/** Of an output that has none: there is no room in it. */
export const NO_REGION: Region = { bytes: NO_BYTES, slab: undefined, start: 0, at: 0, end: 0 }

/**
 * A slab is used again when everything in it has been taken by the kernel, which nearly always is at once: memory that is
 * made anew for each turn would be most of what the garbage collector has to do. A slab of which a slow reader has a part
 * is never used again; it goes with its last view.
 */
export class SlabPool {
  #slab: Slab = makeSlab()
  readonly #spare: Slab[] = []
  readonly #regions: Region[] = []
  /** Slabs with regions that are not with the kernel yet. */
  #busy = 0

  /** So much is waiting for the end of the turn that it had better go now. */
  get isStrained(): boolean {
    return this.#busy > IN_CACHE
  }

  /** Of at least `least` bytes, more if `wish` is larger and there is room. */
  carve(least: number, wish: number): Region {
    if (least > SLAB / 2) return this.allot(Math.max(least, wish))
    let slab = this.#slab
    if (SLAB - slab.used < least) this.#slab = slab = this.#spare.pop() ?? makeSlab()
    const { used } = slab
    slab.used = Math.min(SLAB, used + Math.max(least, this.isStrained ? Math.min(wish, MODEST) : wish))
    if (slab.lent++ === 0 && !slab.isLost) this.#busy++
    return this.#open(slab.bytes, slab, used, slab.used)
  }

  /** Memory of its own, for what may wait long. */
  allot(size: number): Region {
    const bytes = Buffer.allocUnsafeSlow(Math.max(size, LEAST_OWN))
    return this.#open(bytes, undefined, 0, bytes.length)
  }

  /** Nothing more is written into it: its object serves another one. What was not used goes back if nobody has carved behind it. */
  close(region: Region): void {
    const { slab, at } = region
    if (slab !== undefined && region.end === slab.used) slab.used = at
    region.bytes = NO_BYTES
    region.slab = undefined
    region.start = region.at = region.end = 0
    if (this.#regions.length < SPARE_REGIONS) this.#regions.push(region)
  }

  #open(bytes: Uint8Array, slab: Slab | undefined, start: number, end: number): Region {
    const region = this.#regions.pop()
    if (region === undefined) return { bytes, slab, start, at: start, end }
    region.bytes = bytes
    region.slab = slab
    region.start = region.at = start
    region.end = end
    return region
  }

  /** The bytes of one of its regions are with the kernel, or nobody wants them. */
  release(slab: Slab): void {
    slab.lent--
    if (slab.lent > 0 || slab.isLost) return
    this.#busy--
    slab.used = 0
    if (slab !== this.#slab && this.#spare.length < SPARE) this.#spare.push(slab)
  }

  /** The bytes of one of its regions wait for a slow reader. */
  lose(slab: Slab): void {
    if (!slab.isLost) this.#busy--
    slab.isLost = true
  }
}

function makeSlab(): Slab {
  return { bytes: Buffer.allocUnsafeSlow(SLAB), used: 0, lent: 0, isLost: false }
}

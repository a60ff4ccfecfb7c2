/** Memory for what is about to be written: carved from slabs, one piece behind the other. */

const SLAB = 65_536
/** Slabs that lie ready. */
const SPARE = 32
/** So many are in use at once while everything stays in the processor's cache. */
const IN_CACHE = 8
/** What an output gets at a time when there are more. */
const MODEST = 16_384
const LEAST_OWN = 1024

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

/**
 * A slab is used again when everything in it has been taken by the kernel, which nearly always is at once: memory that is
 * made anew for each turn would be most of what the garbage collector has to do. A slab of which a slow reader has a part
 * is never used again; it goes with its last view.
 */
export class SlabPool {
  #slab: Slab = makeSlab()
  readonly #spare: Slab[] = []
  /** Slabs with regions that are not with the kernel yet. */
  #busy = 0

  /** So much is waiting for the end of the turn that it had better go now. */
  get isStrained(): boolean {
    return this.#busy > IN_CACHE
  }

  /** Of at least `least` bytes, more if `wish` is larger and there is room. */
  carve(region: Region, least: number, wish: number): void {
    if (least > SLAB / 2) {
      this.allot(region, Math.max(least, wish))
      return
    }
    let slab = this.#slab
    if (SLAB - slab.used < least) this.#slab = slab = this.#spare.pop() ?? makeSlab()
    region.bytes = slab.bytes
    region.slab = slab
    region.start = region.at = slab.used
    region.end = Math.min(SLAB, slab.used + Math.max(least, this.isStrained ? Math.min(wish, MODEST) : wish))
    slab.used = region.end
    if (slab.lent++ === 0 && !slab.isLost) this.#busy++
  }

  /** Memory of its own, for what may wait long. */
  allot(region: Region, size: number): void {
    region.bytes = Buffer.allocUnsafeSlow(Math.max(size, LEAST_OWN))
    region.slab = undefined
    region.start = region.at = 0
    region.end = region.bytes.length
  }

  /** What was not used goes back if nobody has carved behind it. */
  close(region: Region): void {
    const { slab } = region
    if (slab !== undefined && region.end === slab.used) slab.used = region.at
    region.end = region.at
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

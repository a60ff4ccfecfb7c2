/** Memory for what is about to be written: carved from slabs, one piece behind the other. */

const SLAB = 65_536
/** Slabs that lie ready. */
const SPARE = 16

export interface Slab {
  readonly bytes: Uint8Array
  used: number
  /** Regions whose bytes are not with the kernel yet. */
  lent: number
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

  /** Of at least `least` bytes, more if `wish` is larger and there is room. */
  carve(region: Region, least: number, wish: number): void {
    if (least > SLAB / 2) {
      region.bytes = Buffer.allocUnsafeSlow(Math.max(least, wish))
      region.slab = undefined
      region.start = region.at = 0
      region.end = region.bytes.length
      return
    }
    let slab = this.#slab
    if (SLAB - slab.used < least) this.#slab = slab = this.#spare.pop() ?? makeSlab()
    region.bytes = slab.bytes
    region.slab = slab
    region.start = region.at = slab.used
    region.end = Math.min(SLAB, slab.used + Math.max(least, wish))
    slab.used = region.end
    slab.lent++
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
    if (slab.lent > 0) return
    slab.used = 0
    if (slab !== this.#slab && this.#spare.length < SPARE) this.#spare.push(slab)
  }
}

function makeSlab(): Slab {
  return { bytes: Buffer.allocUnsafeSlow(SLAB), used: 0, lent: 0 }
}

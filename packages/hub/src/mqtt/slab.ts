/** Memory for what is about to be written: carved from slabs, one after the other, and freed with the last view of a slab. */

const SLAB = 65_536
const LEAST_OWN = 1024

/** A piece of a slab that belongs to one output until it is flushed. */
export interface Region {
  bytes: Uint8Array
  /** Where it begins. */
  start: number
  /** Where the next byte goes. */
  at: number
  /** Where it ends. */
  end: number
}

/** Views of a slab are handed to sockets, which keep it alive until it is written: so slabs are never used twice. */
export class SlabPool {
  #slab: Uint8Array = Buffer.allocUnsafeSlow(SLAB)
  #used = 0

  /** Of at least `least` bytes, more if `wish` is larger and there is room. */
  carve(region: Region, least: number, wish: number): void {
    if (least > SLAB / 2) {
      this.allot(region, Math.max(least, wish))
      return
    }
    if (SLAB - this.#used < least) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB)
      this.#used = 0
    }
    region.bytes = this.#slab
    region.start = region.at = this.#used
    region.end = Math.min(SLAB, this.#used + Math.max(least, wish))
    this.#used = region.end
  }

  /** Memory of its own, for what may wait long. */
  allot(region: Region, size: number): void {
    region.bytes = Buffer.allocUnsafeSlow(Math.max(size, LEAST_OWN))
    region.start = region.at = 0
    region.end = region.bytes.length
  }

  /** What was not used goes back if nobody has carved behind it. */
  close(region: Region): void {
    if (region.bytes === this.#slab && region.end === this.#used) this.#used = region.at
    region.end = region.at
  }
}

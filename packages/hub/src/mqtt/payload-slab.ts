/** Smaller ones V8 has in its own heap. */
const SMALL = 64
/** Larger ones have bytes of their own. */
const LARGE = 256
/** One message that stays keeps no more than this. */
const SLAB = 2048

/**
 * Copies of payloads that somebody holds. A buffer of its own costs V8 an allocation outside its heap and work in each
 * collection, more than a message of a hundred bytes is worth: some share one.
 */
export class PayloadSlab {
  #slab = new Uint8Array(0)
  #at = 0

  copy(bytes: Uint8Array, at: number, end: number): Uint8Array {
    const size = end - at
    const isShared = size > SMALL && size <= LARGE
    const copy = isShared ? this.#take(size) : new Uint8Array(size)
    copy.set(bytes.subarray(at, end))
    return copy
  }

  #take(size: number): Uint8Array {
    if (this.#at + size > this.#slab.length) {
      this.#slab = new Uint8Array(SLAB)
      this.#at = 0
    }
    const taken = new Uint8Array(this.#slab.buffer, this.#at, size)
    this.#at += size
    return taken
  }
}

import type { IncomingPublish } from '@halyard/wire/mqtt'

/** One message that is kept keeps its slab, so a slab is small. Bytes. */
const SLAB_BYTES = 8 * 1024
/** A larger payload has memory of its own. Bytes. */
const MAX_SMALL = 1024

const NOTHING = new Uint8Array(0)

/**
 * Payloads of messages that came, copied: an array of its own for each small one costs more than the rest of a message.
 * And they are not even copied one by one: with the first one comes as much of the chunk behind it as the slab has room
 * for, headers and all, and the next ones are cut from that.
 *
 * ```
 * chunk  |…header|payload|header|payload|header|pay…
 * slab   |earlier|payload|header|payload|header|      8 KiB
 *                 ^from                        ^end    of the chunk
 * ```
 */
export class Payloads {
  #slab = NOTHING
  #used = 0
  /** `#bytes[#from, #end)` of this chunk lies in the slab, `#shift` bytes further on. */
  #chunk = -1
  #bytes: Uint8Array = NOTHING
  #from = 0
  #end = 0
  #shift = 0

  /** `chunk`: another number whenever there may be something else in the memory in which the packet lies. */
  copyOf(packet: IncomingPublish, chunk: number): Uint8Array {
    const { bytes, payloadAt, payloadEnd } = packet
    const length = payloadEnd - payloadAt
    if (length > MAX_SMALL) return packet.copyPayload()
    const isThere = chunk === this.#chunk && bytes === this.#bytes && payloadAt >= this.#from && payloadEnd <= this.#end
    if (!isThere) this.#copy(bytes, payloadAt, length, chunk)
    return new Uint8Array(this.#slab.buffer, payloadAt + this.#shift, length)
  }

  #copy(bytes: Uint8Array, from: number, least: number, chunk: number): void {
    if (this.#used + least > this.#slab.length) {
      this.#slab = new Uint8Array(SLAB_BYTES)
      this.#used = 0
    }
    const end = Math.min(bytes.length, from + this.#slab.length - this.#used)
    this.#slab.set(bytes.subarray(from, end), this.#used)
    this.#chunk = chunk
    this.#bytes = bytes
    this.#from = from
    this.#end = end
    this.#shift = this.#used - from
    this.#used += end - from
  }
}

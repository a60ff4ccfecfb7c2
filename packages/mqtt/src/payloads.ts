import type { IncomingPublish } from '@halyard/wire/mqtt'

/** One message that is kept keeps its slab, so a slab is small. Bytes. */
const SLAB_BYTES = 8 * 1024
/** A larger payload has memory of its own. Bytes. */
const MAX_SMALL = 1024

/** Payloads of messages that came, copied: an array of its own for each small one costs more than the rest of a message. */
export class Payloads {
  #slab = new ArrayBuffer(0)
  #used = Infinity

  copyOf(packet: IncomingPublish): Uint8Array {
    const { bytes, payloadAt, payloadEnd } = packet
    const length = payloadEnd - payloadAt
    if (length > MAX_SMALL) return packet.copyPayload()
    if (this.#used + length > SLAB_BYTES) {
      this.#slab = new ArrayBuffer(SLAB_BYTES)
      this.#used = 0
    }
    const copy = new Uint8Array(this.#slab, this.#used, length)
    this.#used += length
    // A loop is faster than the call for as long as it is short.
    if (length <= 64) for (let i = 0; i < length; i++) copy[i] = bytes[payloadAt + i]!
    else copy.set(packet.payload())
    return copy
  }
}

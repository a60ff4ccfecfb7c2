const NOTHING: Uint8Array = new Uint8Array(0)

/** Bytes that come in pieces; the room doubles, so that single bytes cost no more than one large piece. */
export class GrowingBytes {
  #room: Uint8Array = NOTHING
  #length = 0

  get length(): number {
    return this.#length
  }

  get bytes(): Uint8Array {
    return this.#room.subarray(0, this.#length)
  }

  append(piece: Uint8Array): Uint8Array {
    const length = this.#length + piece.length
    if (length > this.#room.length) {
      const room = new Uint8Array(Math.max(length, 2 * this.#room.length))
      room.set(this.bytes)
      this.#room = room
    }
    this.#room.set(piece, this.#length)
    this.#length = length
    return this.bytes
  }
}

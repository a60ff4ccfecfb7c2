import type { Transport, TransportHandler } from '../../src/domain/transport.ts'

/** A connection without a socket, moved by the test step by step. It is strict: what a transport may not be asked throws. */
export class MemoryTransport implements Transport {
  readonly kind = 'tcp'
  readonly door = 'mqtt'
  readonly peer: Transport['peer'] = { address: '192.0.2.1', host: '192.0.2.1' }
  readonly certificateName = undefined
  /** What the hub writes; called at once, unless the peer does not read. */
  onWritten: (bytes: Uint8Array) => void = () => {}
  /** A peer that reads nothing. */
  isStuck = false
  writes = 0
  isPaused = false
  isEnded = false
  isClosed = false
  pendingBytes = 0
  /** Pieces that were changed after they were written and before they were taken. */
  spoilt = 0
  /** Every piece with what it held when it was written: nobody may change it before all has been taken. */
  readonly #pending: { readonly piece: Uint8Array; readonly copy: Uint8Array }[] = []
  #given: { readonly piece: Uint8Array; readonly copy: Uint8Array }[] = []
  #handler: TransportHandler | undefined

  start(handler: TransportHandler): void {
    if (this.#handler) throw new Error('started twice')
    this.#handler = handler
  }

  write(pieces: readonly Uint8Array[]): void {
    if (this.isEnded || this.isClosed) throw new Error('written behind the end')
    if (pieces.length === 0 || pieces.some(({ length }) => length === 0)) throw new Error('an empty write')
    this.writes++
    for (const piece of pieces) {
      const written = { piece, copy: new Uint8Array(piece) }
      this.#given.push(written)
      this.#pending.push(written)
      this.pendingBytes += piece.length
    }
    if (!this.isStuck) this.#pass(Infinity)
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  end(): void {
    if (this.isEnded || this.isClosed) return
    this.isEnded = true
    queueMicrotask(() => this.close(true))
  }

  destroy(): void {
    queueMicrotask(() => this.close(false))
  }

  // The peer's side.

  /** Bytes from the peer, in a chunk that is spoilt when the hub has returned. */
  arrive(bytes: Uint8Array): void {
    if (this.isEnded || this.isClosed) return
    if (this.isPaused) throw new Error('read while it is paused')
    const chunk = new Uint8Array(bytes)
    this.#handler?.received(chunk)
    chunk.fill(0xee)
  }

  /** The peer takes about so many bytes, and more if a piece is larger. */
  take(bytes: number): void {
    this.#pass(bytes)
    if (this.pendingBytes === 0) this.#handler?.drained()
  }

  close(clean: boolean): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#handler?.closed(clean)
  }

  #pass(bytes: number): void {
    let passed = 0
    this.spoilt += this.#given.filter(({ piece, copy }) => Buffer.compare(piece, copy) !== 0).length
    for (let one = this.#pending[0]; one !== undefined && passed < bytes; one = this.#pending[0]) {
      this.#pending.shift()
      passed += one.copy.length
      this.pendingBytes -= one.copy.length
      this.onWritten(one.copy)
    }
    if (this.pendingBytes === 0) this.#given = []
  }
}

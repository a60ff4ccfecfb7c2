import { encode, encodeAcknowledgement, encodePublish, sizeOf, sizeOfPublishParts } from '@halyard/wire/mqtt'
import type { Acknowledgement, Packet, PublishParts, Qos } from '@halyard/wire/mqtt'
import type { Transport } from './transport.ts'

/** bytes; packets are gathered in pieces that grow from the one to the other, so that an idle client holds little */
const FIRST_PIECE = 512
const PIECE = 64 * 1024
/** bytes */
const ACKNOWLEDGEMENT = 4
/** bytes; so much is written without waiting for the end of the turn */
const FULL = 32 * 1024

const NOTHING: Uint8Array = new Uint8Array(0)

/** Who waits for bytes to leave. */
export interface Written {
  /** False: they did not. */
  written(ok: boolean): void
}

/**
 * What leaves on one connection: packets are encoded next to each other and written together at the end of the turn, so
 * that a hundred of them cost one system call.
 *
 * ```
 * piece   |written, the transport's|packets of this turn|room|
 *                                  ^start               ^end
 * ```
 *
 * When the transport holds nothing any more, the piece is written from its beginning again; that of one large packet is
 * the transport's alone.
 */
export class Outlet {
  readonly #transport: Transport
  readonly #version: 4 | 5
  #piece: Uint8Array = NOTHING
  #pieceBytes = FIRST_PIECE
  #start = 0
  #end = 0
  #scheduled = false
  #lazily = false
  #open = true
  /** Called when what was sent before has left this process. */
  #waiters: Written[] = []
  #slow = false
  packets = 0
  bytes = 0

  constructor(transport: Transport, version: 4 | 5) {
    this.#transport = transport
    this.#version = version
  }

  /** Bytes that have not left this process. */
  get waiting(): number {
    return this.#end - this.#start + this.#transport.waiting
  }

  /** The peer takes less than it is sent. */
  get slow(): boolean {
    return this.#slow
  }

  /** @throws {MqttEncodeError} for a packet that the standard forbids: nothing is sent */
  packet(packet: Packet): void {
    this.#reserve(sizeOf(packet, this.#version))
    this.#end = encode(packet, this.#version, this.#piece, this.#end)
    this.#sent()
  }

  /**
   * For a message that came. A loop asks for the next one between two microtasks, so those of a hundred messages would go
   * one by one: they wait until all that runs now has run.
   */
  acknowledge(type: Acknowledgement['type'], packetId: number): void {
    this.#reserve(ACKNOWLEDGEMENT)
    this.#end = encodeAcknowledgement(type, packetId, this.#piece, this.#end)
    this.packets++
    if (this.#end - this.#start >= FULL) return this.flush()
    if (this.#lazily) return
    this.#lazily = true
    afterMicrotasks(this.#lazyTurn)
  }

  publish(parts: PublishParts, qos: Qos, retain: boolean, dup: boolean, packetId: number): void {
    this.#reserve(sizeOfPublishParts(parts, qos))
    this.#end = encodePublish(parts, qos, retain, dup, packetId, this.#piece, this.#end)
    this.#sent()
  }

  /** Tells when everything that was sent so far has left this process, or that it did not. */
  whenWritten(waiter: Written): void {
    this.#waiters.push(waiter)
    this.#schedule()
  }

  flush(): void {
    if (this.#end > this.#start && this.#open) {
      const part = this.#piece.subarray(this.#start, this.#end)
      this.#start = this.#end
      this.bytes += part.length
      if (!this.#transport.write(part)) this.#slow = true
      if (this.#piece.length > PIECE) this.#piece = NOTHING
      if (this.#piece === NOTHING || this.#transport.waiting === 0) this.#start = this.#end = 0
    }
    if (!this.#slow) this.#tell(true)
  }

  /** The transport took everything. */
  drained(): void {
    this.#slow = false
    this.#tell(true)
  }

  close(): void {
    this.#open = false
    this.#tell(false)
    this.#piece = NOTHING
    this.#start = this.#end = 0
  }

  #reserve(bytes: number): void {
    if (this.#piece.length - this.#end >= bytes) return
    this.flush()
    // The transport may still hold the old one.
    this.#piece = new Uint8Array(Math.max(this.#pieceBytes, bytes))
    this.#pieceBytes = Math.min(PIECE, this.#pieceBytes * 2)
    this.#start = this.#end = 0
  }

  #sent(): void {
    this.packets++
    if (this.#end - this.#start >= FULL) this.flush()
    else this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(this.#turn)
  }

  readonly #lazyTurn = (): void => {
    this.#lazily = false
    this.flush()
  }

  readonly #turn = (): void => {
    this.#scheduled = false
    this.flush()
  }

  #tell(ok: boolean): void {
    if (this.#waiters.length === 0) return
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter.written(ok)
  }
}

/** A page has no such thing; there a write is no system call either. */
function afterMicrotasks(callback: () => void): void {
  const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown }
  if (setImmediate === undefined) queueMicrotask(callback)
  else setImmediate(callback)
}

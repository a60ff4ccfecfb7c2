/**
 * The calls of the messages: what a deliverer is handed. Without a path they are in memory, with one they are read from
 * the disk when they go out, apart from a few that are about to.
 */
import type { Item } from './item.ts'
import type { Lane } from './lane.ts'
import type { Intake } from './options.ts'
import { RecordDecoder } from './record.ts'
import type { KeptCall } from './record.ts'
import type { OutboxStore } from './store.ts'

/** Bodies of messages that have a path are kept in memory up to this many bytes. */
const MAX_CACHED_BYTES = 1024 * 1024
/** Of each priority of a pipeline so many messages are read together, and so many bytes of their records at most. */
const AHEAD = 512
const AHEAD_BYTES = 256 * 1024

/** One that stays keeps its slab, so a slab is small. */
const SLAB_BYTES = 8 * 1024
const MAX_SMALL_BODY = 1024

export class Calls {
  readonly #store: () => OutboxStore
  readonly #decoder = new RecordDecoder()
  #bytes = 0
  #slab = new ArrayBuffer(0)
  #slabUsed = Infinity

  constructor(store: () => OutboxStore) {
    this.#store = store
  }

  /** Bytes of the calls in memory. */
  get cachedBytes(): number {
    return this.#bytes
  }

  /** Keeps the call if there is no other place for it, or if it will go out at once. */
  remember(item: Item, { submission: { kind, body }, options, plain }: Intake): void {
    const bytes = body.length + options.length
    if (this.#store().durable && !(item.destination.open && this.#bytes + bytes <= MAX_CACHED_BYTES)) return
    this.#bytes += bytes
    item.alive.call = { kind, options, plain, body: this.#copyOf(body) }
  }

  /** Small bodies share a buffer: one for each would cost more than the rest of a message. */
  #copyOf(body: Uint8Array): Uint8Array {
    const { length } = body
    // Not slice(): of a Buffer that is no copy.
    if (length > MAX_SMALL_BODY) return new Uint8Array(body)
    if (this.#slabUsed + length > SLAB_BYTES) {
      this.#slab = new ArrayBuffer(SLAB_BYTES)
      this.#slabUsed = 0
    }
    const copy = new Uint8Array(this.#slab, this.#slabUsed, length)
    copy.set(body)
    this.#slabUsed += length
    return copy
  }

  /** It need not wait in memory for its turn, which may come tomorrow. */
  uncache(item: Item): void {
    if (this.#store().durable) this.forget(item)
  }

  forget({ live }: Item): void {
    if (live?.call === undefined) return
    this.#bytes -= live.call.body.length + live.call.options.length
    live.call = undefined
  }

  /** From memory if it is there, else from the disk. */
  async get(item: Item): Promise<KeptCall> {
    const call = this.inMemory(item)
    if (call !== undefined) return call
    if (item.live !== undefined) item.live.alone = false
    return this.#decoder.call(await this.#read(item))
  }

  inMemory({ live }: Item): KeptCall | undefined {
    return live?.call
  }

  /**
   * Whether the first message of a lane can go out: its call is in memory, or is to be read alone. Reads those at the
   * front together, and the next before they are needed; `onRead` follows when more are there. What is read belongs to
   * messages that wait like the others: they may be dropped, or their link may go.
   */
  ahead(lane: Lane<Item>, onRead: () => void): boolean {
    const { head } = lane
    if (head === undefined || !this.#store().durable) return true
    const isThere = head.live?.call !== undefined || head.live?.alone === true || head.atMostOnce
    if (lane.ahead > 0 && isThere) {
      lane.ahead--
      return true
    }
    if (!lane.reading) this.#readAhead(lane, onRead)
    return isThere
  }

  #readAhead(lane: Lane<Item>, onRead: () => void): void {
    const wanted: Item[] = []
    let bytes = 0
    let there = 0
    for (let item = lane.head; item !== undefined && there < AHEAD; item = item.next) {
      // One that may go out once is prepared alone anyway.
      if (item.live?.call !== undefined || item.live?.alone === true || item.atMostOnce) {
        there++
        continue
      }
      bytes += item.recordBytes
      if (wanted.length >= AHEAD || (wanted.length > 0 && bytes > AHEAD_BYTES)) break
      wanted.push(item)
    }
    lane.ahead = there >> 1
    if (wanted.length === 0) return
    lane.reading = true
    const places = wanted.map(({ segment, offset, recordBytes }) => ({ segment, offset, bytes: recordBytes }))
    void this.#store()
      .readMany(places)
      .then((records) => {
        lane.reading = false
        for (const [index, item] of wanted.entries()) this.#take(item, places[index]?.segment, records[index])
        onRead()
      })
  }

  /** One that was read ahead. */
  #take(item: Item, segment: number | undefined, record: Uint8Array | undefined): void {
    // Held meanwhile: it may wait for days, and need not do so in memory.
    if (item.phase !== 'waiting' || !item.destination.open || item.live?.call !== undefined) return
    try {
      if (record === undefined) throw new TypeError('not there')
      const call = this.#decoder.call(record)
      this.#bytes += call.body.length + call.options.length
      item.alive.call = call
    } catch {
      // It may also have been copied to the end of the log meanwhile: then it is read with others again.
      if (item.segment === segment) item.alive.alone = true
    }
  }

  async #read(item: Item): Promise<Uint8Array> {
    for (;;) {
      const { segment, offset } = item
      try {
        return await this.#store().read(segment, offset)
      } catch (error) {
        // It may have been copied to the end of the log meanwhile, and its segment be gone.
        if (item.segment === segment) throw error
      }
    }
  }
}

/**
 * The calls of the messages: what a deliverer is handed. Without a path they are in memory, with one they are read from
 * the disk when they go out, apart from a few that are about to.
 */
import type { Item } from './item.ts'
import type { Intake } from './options.ts'
import { RecordDecoder } from './record.ts'
import type { KeptCall } from './record.ts'
import type { OutboxStore } from './store.ts'
import type { OutboxMessage } from './types.ts'

/** The call as the deliverer gets it. */
export type Call = Pick<OutboxMessage, 'kind' | 'body' | 'options'>

/** Bodies of messages that have a path are kept in memory up to this many bytes. */
const MAX_CACHED_BYTES = 1024 * 1024

export class Calls {
  readonly #store: () => OutboxStore
  readonly #decoder = new RecordDecoder()
  #bytes = 0

  constructor(store: () => OutboxStore) {
    this.#store = store
  }

  /** Bytes of the calls in memory. */
  get cachedBytes(): number {
    return this.#bytes
  }

  /** Keeps the call if there is no other place for it, or if it will go out at once. */
  remember(item: Item, { submission: { kind, body }, options }: Intake): void {
    const bytes = body.length + options.length
    if (this.#store().durable && !(item.destination.open && this.#bytes + bytes <= MAX_CACHED_BYTES)) return
    this.#bytes += bytes
    // Not slice(): of a Buffer that is no copy.
    item.alive.call = { kind, options, body: new Uint8Array(body) }
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

  /** From memory if it is there, else from the disk. The options are an object of their own. */
  async get(item: Item): Promise<Call> {
    return this.inMemory(item) ?? opened(this.#decoder.call(await this.#read(item)))
  }

  inMemory({ live }: Item): Call | undefined {
    return live?.call && opened(live.call)
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

function opened({ kind, options, body }: KeptCall): Call {
  return { kind, body, options: options === '' ? {} : (JSON.parse(options) as Record<string, unknown>) }
}

import type { Engine } from './engine.ts'
import type {
  AttachOptions,
  Attachment,
  Deliver,
  EntryFilter,
  OutboxEntry,
  OutboxOptions,
  OutboxPorts,
  OutboxState,
  OutboxSubmission,
  QueuedMessage,
  SendControl,
  WaitOptions,
} from './types.ts'

/**
 * Messages that nobody may lose. With a `path` each is on disk before it goes out and stays there until its fate is
 * known; without one it lives as long as the process.
 *
 * @example
 * ```ts
 * import { Outbox } from '@halyard/core'
 *
 * await using outbox = await Outbox.open()
 * outbox.attach('demo:me', async (message) => {
 *   console.log(new TextDecoder().decode(message.body)) // hello
 *   return { outcome: 'delivered' }
 * })
 * const body = new TextEncoder().encode('hello')
 * const entry = await outbox.submit({ destination: 'demo:me', kind: 'text', body })
 * console.log(entry.state) // delivered
 * ```
 */
export class Outbox implements AsyncDisposable {
  readonly #engine: Engine

  private constructor(engine: Engine) {
    this.#engine = engine
  }

  /**
   * Opens the directory, finds what earlier processes queued, and takes its lock (not with `readOnly`).
   *
   * @throws {HalyardError} `ERR_USAGE`, `ERR_STORE_LOCKED`, `ERR_STORE_FOREIGN`, `ERR_STORE_FORMAT`,
   * `ERR_STORE_PERMISSION`, `ERR_STORE_PATH`, `ERR_STORE_FULL`, `ERR_STORE_IO`
   */
  static async open(options: OutboxOptions = {}, ports: OutboxPorts = {}): Promise<Outbox> {
    const { Engine } = await import('./engine.ts')
    return new Outbox(await Engine.open(options, ports))
  }

  on(event: OutboxState, callback: (entry: OutboxEntry) => void): this {
    this.#engine.on(event, callback)
    return this
  }

  off(event: OutboxState, callback: (entry: OutboxEntry) => void): this {
    this.#engine.off(event, callback)
    return this
  }

  /** Messages that still have to go out. */
  get depth(): number {
    return this.#engine.depth
  }

  /** Bytes of their bodies. */
  get bytes(): number {
    return this.#engine.bytes
  }

  /** Messages that still have to go out to one destination: they wait, or are on the wire. */
  depthOf(destination: string): number {
    return this.#engine.depthOf(destination)
  }

  /** The ledger, oldest first, then what is owed. */
  entries(filter: EntryFilter = {}): AsyncGenerator<OutboxEntry> {
    return this.#engine.entries(filter)
  }

  /** The line of one message; `undefined` if it is not known (any more). */
  why(id: string): OutboxEntry | undefined {
    return this.#engine.why(id)
  }

  /**
   * Resolves when the message is delivered or dropped; never rejects for its fate.
   *
   * @throws {HalyardError} `ERR_OUTBOX_UNKNOWN` for an id that is not known, `ERR_ABORTED`, `ERR_OUTBOX_CLOSED`,
   * `ERR_OUTBOX_READ_ONLY`
   */
  settled(id: string, options: WaitOptions = {}): Promise<OutboxEntry> {
    return this.#engine.settled(id, options)
  }

  /**
   * Who delivers for a destination: for writers of clients. `deliver` is handed the oldest message first; what it throws
   * counts as `retry`. The call and its options are stored, never a client's credentials.
   *
   * With a `pipeline` several are on the wire at once. When one of them comes back with `retry`, or after `hold()`,
   * nothing new goes out in its priority until all of them have an answer: so those that come back go first again, in
   * their order.
   *
   * @throws {HalyardError} `ERR_USAGE`, `ERR_OUTBOX_ATTACHED` if somebody delivers there already, `ERR_OUTBOX_CLOSED`,
   * `ERR_OUTBOX_READ_ONLY`
   */
  attach(destination: string, deliver: Deliver, options: AttachOptions = {}): Attachment {
    return this.#engine.attach(destination, deliver, options)
  }

  /**
   * Keeps a message and sends it when it can go. Resolves with `delivered`, with `dropped` if the service refuses it (or
   * the outbox is full and drops the newest), or with `queued` if it can't go now.
   *
   * @throws {HalyardError} `ERR_USAGE`, `ERR_OUTBOX_FULL`, `ERR_OUTBOX_CLOSED`, `ERR_OUTBOX_READ_ONLY`, `ERR_ABORTED`,
   * `ERR_STORE_FULL`, `ERR_STORE_IO`, `ERR_STORE_RECORD`
   */
  submit(submission: OutboxSubmission, control: SendControl = {}): Promise<OutboxEntry> {
    return this.#engine.submit(submission, control)
  }

  /** What is queued, with its body: for looking at it and for taking it elsewhere. */
  messages(): AsyncGenerator<QueuedMessage> {
    return this.#engine.messages()
  }

  /**
   * Takes a message back. False if it is not known, or has gone out: of one that is on the wire the deliverer is asked to
   * let go (its signal fires), and what it answers decides.
   *
   * @throws {HalyardError} `ERR_OUTBOX_CLOSED`, `ERR_OUTBOX_READ_ONLY`
   */
  drop(id: string): Promise<boolean> {
    return this.#engine.drop(id)
  }

  /**
   * Resolves when nothing is owed any more.
   *
   * @throws {HalyardError} `ERR_ABORTED`, `ERR_OUTBOX_CLOSED`, `ERR_OUTBOX_READ_ONLY`
   */
  idle(options: WaitOptions = {}): Promise<void> {
    return this.#engine.idle(options)
  }

  /**
   * Waits for what is on the wire, sends nothing more. What is queued stays if there is a path; in memory it is dropped
   * with reason `closed`. Idempotent.
   */
  close(): Promise<void> {
    return this.#engine.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

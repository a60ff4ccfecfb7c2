import { systemClock } from '../clock.ts'
import type { Clock, Timer } from '../clock.ts'
import type { Disk } from '../disk.ts'
import { AbortError, HalyardError, UsageError } from '../errors.ts'
import { EventBus } from '../events.ts'
import { loggerFor } from '../logger.ts'
import type { Logger } from '../logger.ts'
import { Compactor } from './compactor.ts'
import { Custody, closedError } from './custody.ts'
import type { Intake, OutboxEvents } from './custody.ts'
import { Dispatcher } from './dispatcher.ts'
import { Expiry } from './expiry.ts'
import type { Item, Waiter } from './item.ts'
import { KeepAlive } from './keep-alive.ts'
import { DEFAULTS, checkOptions, checkSubmission, priorityNumber } from './options.ts'
import { MemoryStore } from './store.ts'
import type {
  Attachment,
  Deliver,
  OutboxEntry,
  OutboxMessage,
  OutboxOptions,
  OutboxState,
  OutboxSubmission,
  SendControl,
  WaitOptions,
} from './types.ts'

/** What an outbox stands on; all have defaults. For tests, and for whoever has a disk or clock of his own. */
export interface OutboxPorts {
  readonly clock?: Clock
  readonly logger?: Logger
  readonly disk?: Disk
  /** 0 ≤ x < 1; `Math.random` */
  readonly random?: () => number
  /** The log is written in files of so many bytes; 1 MiB */
  readonly segmentBytes?: number
}

/** On the wire when the outbox is closed: so long it may take, in milliseconds. */
const CLOSE_WITHIN = 10_000
/** … and so long after its signal has fired. */
const ABORT_WITHIN = 1_000

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
  readonly #options: OutboxOptions
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #events: EventBus<OutboxEvents>
  readonly #custody: Custody
  readonly #dispatcher: Dispatcher
  readonly #compactor: Compactor
  readonly #expiry: Expiry
  readonly #keepAlive = new KeepAlive()
  readonly #idle: Waiter<void>[] = []
  /** Ids of this process: random letters, then a count. */
  readonly #idPrefix = randomLetters()
  #ids = 0
  #closed: Promise<void> | undefined

  private constructor(options: OutboxOptions, ports: OutboxPorts) {
    this.#options = options
    this.#clock = ports.clock ?? systemClock()
    this.#logger = loggerFor('Outbox', ports.logger)
    this.#events = new EventBus(this.#logger)
    this.#custody = new Custody({
      clock: this.#clock,
      logger: this.#logger,
      events: this.#events,
      maxAge: (options.maxAge ?? Infinity) * 1000,
      onKept: (item) => this.#dispatcher.offer(item),
      onSettled: () => this.#onSettled(),
    })
    this.#dispatcher = new Dispatcher({
      custody: this.#custody,
      clock: this.#clock,
      logger: this.#logger,
      random: ports.random ?? Math.random,
      concurrency: options.concurrency ?? DEFAULTS.concurrency,
      ordered: options.ordered ?? DEFAULTS.ordered,
      drainRate: options.drainRate ?? Infinity,
    })
    this.#compactor = new Compactor(this.#custody, this.#logger, ports.segmentBytes)
    this.#expiry = new Expiry(this.#custody, this.#clock)
  }

  /**
   * Opens the directory, finds what earlier processes queued, and takes its lock (not with `readOnly`).
   *
   * @throws {HalyardError} `ERR_USAGE`, `ERR_STORE_LOCKED`, `ERR_STORE_FOREIGN`, `ERR_STORE_FORMAT`,
   * `ERR_STORE_PERMISSION`, `ERR_STORE_PATH`, `ERR_STORE_FULL`, `ERR_STORE_IO`
   */
  static async open(options: OutboxOptions = {}, ports: OutboxPorts = {}): Promise<Outbox> {
    checkOptions(options)
    const { path, readOnly = false } = options
    if (path === undefined) {
      const outbox = new Outbox(options, ports)
      outbox.#custody.begin(new MemoryStore(), false)
      return outbox
    }
    const { openStore, systemClock: clockOfMachine } = await import('#storage')
    const outbox = new Outbox(options, { clock: clockOfMachine(), ...ports })
    const custody = outbox.#custody
    const store = await openStore({
      path,
      readOnly,
      disk: ports.disk,
      segmentBytes: ports.segmentBytes,
      replay: (record) => custody.replay(record),
      reset: () => custody.reset(),
      report: (object, message) => outbox.#logger.error(object, message),
    })
    custody.begin(store, readOnly)
    if (!readOnly) for (const item of custody.items.values()) outbox.#expiry.watch(item)
    return outbox
  }

  on(event: OutboxState, callback: (entry: OutboxEntry) => void): this {
    this.#events.on(event, callback)
    return this
  }

  off(event: OutboxState, callback: (entry: OutboxEntry) => void): this {
    this.#events.off(event, callback)
    return this
  }

  /** Messages that still have to go out. */
  get depth(): number {
    return this.#custody.depth
  }

  /** Bytes of their bodies. */
  get bytes(): number {
    return this.#custody.bytes
  }

  /** The ledger, oldest first, then what is owed. */
  async *entries(filter: { state?: OutboxState; destination?: string } = {}): AsyncGenerator<OutboxEntry> {
    const matches = ({ state, destination }: OutboxEntry): boolean =>
      (filter.state ?? state) === state && (filter.destination ?? destination) === destination
    for (const entry of [...this.#custody.ledger.entries()]) if (matches(entry)) yield entry
    for (const item of [...this.#custody.items.values()]) {
      const entry = item.entry()
      if (matches(entry)) yield entry
    }
  }

  /** The line of one message; `undefined` if it is not known (any more). */
  why(id: string): OutboxEntry | undefined {
    return this.#custody.items.get(id)?.entry() ?? this.#custody.ledger.get(id)
  }

  /**
   * Resolves when the message is delivered or dropped; never rejects for its fate.
   *
   * @throws {HalyardError} `ERR_OUTBOX_UNKNOWN` for an id that is not known, `ERR_ABORTED`, `ERR_OUTBOX_CLOSED`
   */
  settled(id: string, options: WaitOptions = {}): Promise<OutboxEntry> {
    const item = this.#custody.items.get(id)
    if (item !== undefined) return this.#wait(item.alive.fates, options.signal)
    const entry = this.#custody.ledger.get(id)
    if (entry !== undefined) return Promise.resolve(entry)
    return Promise.reject(new UsageError('ERR_OUTBOX_UNKNOWN', `the outbox knows no message ${id}`))
  }

  /**
   * Who delivers for a destination: for writers of clients. `deliver` is handed the oldest message first; what it throws
   * counts as `retry`, for a message that goes out at most once as its end (reason `interrupted`). The call and its options are stored, never a client's credentials.
   *
   * @throws {UsageError} `ERR_OUTBOX_ATTACHED` if somebody delivers there already
   */
  attach(destination: string, deliver: Deliver): Attachment {
    const target = this.#custody.destination(destination)
    if (target.deliver !== undefined) {
      const what = `another client delivers for ${destination} with this outbox`
      throw new UsageError('ERR_OUTBOX_ATTACHED', `${what}; close that one first`)
    }
    this.#dispatcher.attach(target, deliver)
    return {
      hold: () => this.#dispatcher.hold(target),
      release: () => this.#dispatcher.release(target),
      [Symbol.dispose]: () => {
        if (target.deliver === deliver) this.#dispatcher.detach(target)
      },
    }
  }

  /**
   * Keeps a message and sends it when it can go. Resolves with `delivered`, with `dropped` if the service refuses it (or
   * the outbox is full and drops the newest), or with `queued` if it can't go now.
   *
   * @throws {HalyardError} `ERR_USAGE`, `ERR_OUTBOX_FULL`, `ERR_OUTBOX_CLOSED`, `ERR_OUTBOX_READ_ONLY`, `ERR_ABORTED`,
   * `ERR_STORE_FULL`, `ERR_STORE_IO`, `ERR_STORE_RECORD`
   */
  submit(submission: OutboxSubmission, control: SendControl = {}): Promise<OutboxEntry> {
    try {
      checkSubmission(submission, control)
      if (control.signal?.aborted) throw new AbortError(control.signal.reason)
      if (this.#options.readOnly === true) {
        throw new UsageError('ERR_OUTBOX_READ_ONLY', 'the outbox is open for reading only; open it without readOnly')
      }
      if (this.#closed !== undefined) throw closedError()
      const id = control.id ?? `${this.#idPrefix}${(this.#ids++).toString(36)}`
      const known = control.id === undefined ? undefined : this.#known(control.id, control.signal)
      return known ?? this.#take(id, submission, control)
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  /** What is queued, with its body: for looking at it and for taking it elsewhere. */
  async *messages(): AsyncGenerator<OutboxMessage & { readonly destination: string }> {
    for (const item of [...this.#custody.items.values()]) {
      if (item.phase === 'settling') continue
      const call = await this.#custody.call(item)
      yield { id: item.id, destination: item.destination.name, attempts: item.attempts, ...call }
    }
  }

  /** Takes a message back. False if it is not known, or has gone out: one that is on the wire cannot be called back. */
  async drop(id: string): Promise<boolean> {
    const item = this.#custody.items.get(id)
    if (item === undefined || item.phase === 'settling') return false
    const fate = this.#wait(item.alive.fates, undefined)
    this.#custody.withdraw(item, 'dropped')
    item.live?.abort?.()
    const { state, reason } = await fate
    return state === 'dropped' && reason === 'dropped'
  }

  /** Resolves when nothing is owed any more. */
  idle(options: WaitOptions = {}): Promise<void> {
    if (this.#custody.items.size === 0) return Promise.resolve()
    return this.#wait(this.#idle, options.signal)
  }

  /**
   * Waits for what is on the wire, sends nothing more. What is queued stays if there is a path; in memory it is dropped
   * with reason `closed`. Idempotent.
   */
  close(): Promise<void> {
    return (this.#closed ??= this.#finish())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The entry of a message whose id was used before, when it is there. */
  #known(id: string, signal: AbortSignal | undefined): Promise<OutboxEntry> | undefined {
    const item = this.#custody.items.get(id)
    if (item !== undefined && !item.told && item.phase !== 'settling') return this.#wait(item.alive.sends, signal)
    const entry = this.why(id)
    return entry && Promise.resolve(entry)
  }

  #take(id: string, submission: OutboxSubmission, control: SendControl): Promise<OutboxEntry> {
    const intake: Intake = {
      id,
      submission,
      options: submission.options === undefined ? '' : JSON.stringify(submission.options),
      priority: priorityNumber(control.priority),
      expires: control.expires ?? 0,
      latest: control.latest ?? '',
    }
    if (!this.#makeRoom(submission.body.length, intake.priority)) return this.#custody.refuse(intake, 'overflow')
    const item = this.#custody.take(intake)
    this.#expiry.watch(item)
    return this.#wait(item.alive.sends, control.signal)
  }

  /** False if the message itself has to give way. */
  #makeRoom(size: number, priority: number): boolean {
    const {
      maxMessages = DEFAULTS.maxMessages,
      maxBytes = DEFAULTS.maxBytes,
      overflow = DEFAULTS.overflow,
    } = this.#options
    const fits = (): boolean => this.depth < maxMessages && this.bytes + size <= maxBytes
    if (size > maxBytes) {
      throw new UsageError(
        'ERR_OUTBOX_MESSAGE',
        `a message of ${size} bytes is larger than maxBytes (${maxBytes}); split it`,
      )
    }
    while (!fits()) {
      if (overflow === 'drop-newest') return false
      const oldest = overflow === 'drop-oldest' ? this.#oldest(priority) : undefined
      if (oldest === undefined) {
        const limits = `${this.depth} messages and ${this.bytes} bytes of ${maxMessages} and ${maxBytes}`
        throw new HalyardError('ERR_OUTBOX_FULL', `the outbox is full: ${limits}; wait until some are delivered`)
      }
      this.#custody.settle(oldest, 'dropped', 'overflow')
    }
    return true
  }

  /** The oldest of the least important messages that wait, none that is more important than the one to come. */
  #oldest(priority: number): Item | undefined {
    for (let level = 2; level >= priority; level--) {
      let oldest: Item | undefined
      for (const destination of this.#custody.destinations.values()) {
        const { head } = destination.lane(level)
        if (head !== undefined && head.order < (oldest?.order ?? Infinity)) oldest = head
      }
      if (oldest !== undefined) return oldest
    }
    return undefined
  }

  #onSettled(): void {
    if (this.#custody.items.size === 0) for (const { resolve } of this.#idle.splice(0)) resolve()
    this.#dispatcher.wake()
    this.#compactor.consider()
  }

  /** A promise that joins those who wait, keeps the process alive, and ends early if its signal fires. */
  #wait<T>(waiters: Waiter<T>[], signal: AbortSignal | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#keepAlive.enter()
      const leave = (): void => {
        signal?.removeEventListener('abort', onAbort)
        this.#keepAlive.leave()
      }
      const waiter: Waiter<T> = {
        resolve(value) {
          leave()
          resolve(value)
        },
        reject(error) {
          leave()
          reject(error)
        },
      }
      const onAbort = (): void => {
        waiters.splice(waiters.indexOf(waiter), 1)
        waiter.reject(new AbortError(signal?.reason))
      }
      waiters.push(waiter)
      if (signal?.aborted) onAbort()
      else signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  async #finish(): Promise<void> {
    this.#keepAlive.enter()
    const { quiet, abort } = this.#dispatcher.stop()
    this.#expiry.stop()
    await within(quiet, CLOSE_WITHIN, this.#clock)
    abort()
    await within(quiet, ABORT_WITHIN, this.#clock)
    if (!this.#custody.store.durable) this.#dropAll()
    await this.#compactor.stop()
    this.#custody.end()
    try {
      await this.#custody.store.close()
    } finally {
      for (const { reject } of this.#idle.splice(0)) reject(closedError())
      for (const item of this.#custody.items.values()) {
        for (const waiter of item.live?.fates.splice(0) ?? []) waiter.reject(closedError())
      }
      this.#keepAlive.stop()
    }
  }

  #dropAll(): void {
    const waiting = [...this.#custody.items.values()].filter((item) => item.phase === 'waiting')
    if (waiting.length === 0) return
    this.#logger.warn({ messages: waiting.length }, `${waiting.length} messages were in memory only and are dropped`)
    for (const item of waiting) this.#custody.settle(item, 'dropped', 'closed')
  }
}

/** Resolves when the promise does, or after so many milliseconds. */
async function within(promise: Promise<void>, milliseconds: number, clock: Clock): Promise<void> {
  let timer: Timer | undefined
  const time = new Promise<void>((resolve) => (timer = clock.setTimer(milliseconds, resolve)))
  await Promise.race([promise, time])
  timer?.cancel()
}

/** 60 random bits; no vowels, so that they spell nothing. */
function randomLetters(): string {
  const letters = '0123456789bcdfghjklmnpqrstvwxyz_'
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => letters[byte % 32]).join('') + '-'
}

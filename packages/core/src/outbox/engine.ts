/**
 * The outbox at work: custody, dispatcher, room, expiry and compactor, put together. `Outbox.open` loads it, so that a
 * program pays for it when it needs it and not at its start.
 */
import { systemClock } from '../clock.ts'
import type { Clock, Timer } from '../clock.ts'
import { HalyardError, UsageError, throwIfAborted } from '../errors.ts'
import { EventBus } from '../events.ts'
import { loggerFor } from '../logger.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from './attempt.ts'
import { Compactor } from './compactor.ts'
import { Custody } from './custody.ts'
import type { OutboxEvents } from './custody.ts'
import { Dispatcher } from './dispatcher.ts'
import { Expiry } from './expiry.ts'
import { Live } from './item.ts'
import type { Item } from './item.ts'
import { entryOf } from './ledger.ts'
import type { SettledItem } from './ledger.ts'
import { KeepAlive } from './keep-alive.ts'
import type { WaitingLists } from './keep-alive.ts'
import {
  DEFAULTS,
  SubmissionCheck,
  checkDestination,
  checkOptions,
  checkPipeline,
  optionsText,
  plainCopy,
  priorityNumber,
} from './options.ts'
import type { Intake, Plain } from './options.ts'
import { Room } from './room.ts'
import { MemoryStore } from './store.ts'
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
import { rejectAll, resolveAll } from './waiters.ts'
import type { Waiters } from './waiters.ts'

const SEGMENT_BYTES = 1024 * 1024

/** On the wire when the outbox is closed: so long it may take, in milliseconds. */
const CLOSE_WITHIN = 10_000
/** … and so long after its signal has fired. */
const ABORT_WITHIN = 1_000

export class Engine {
  readonly #options: OutboxOptions
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #events: EventBus<OutboxEvents>
  readonly #custody: Custody
  readonly #dispatcher: Dispatcher
  readonly #room: Room
  readonly #compactor: Compactor
  readonly #expiry: Expiry
  readonly #keepAlive = new KeepAlive()
  readonly #check = new SubmissionCheck()
  /** who waits until nothing is owed */
  readonly #idle: { all: Waiters<void> } = { all: undefined }
  /** options of the last message, if nobody can change them */
  #frozen: Plain | undefined
  #closed: Promise<void> | undefined
  /** Closed, and nothing will happen any more. */
  #ended = false

  private constructor(options: OutboxOptions, ports: OutboxPorts) {
    this.#options = { ...options }
    this.#clock = ports.clock ?? systemClock()
    this.#logger = loggerFor('Outbox', ports.logger)
    this.#events = new EventBus(this.#logger)
    this.#custody = new Custody({
      clock: this.#clock,
      logger: this.#logger,
      events: this.#events,
      maxAge: (options.maxAge ?? Infinity) * 1000,
      onKept: (item) => this.#dispatcher.offer(item),
      onSettled: (item) => this.#onSettled(item),
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
    this.#room = new Room(this.#custody, options)
    this.#compactor = new Compactor(this.#custody, this.#logger, ports.segmentBytes ?? SEGMENT_BYTES)
    this.#expiry = new Expiry(this.#custody, this.#clock)
  }

  static async open(options: OutboxOptions, ports: OutboxPorts): Promise<Engine> {
    checkOptions(options)
    const { path, readOnly = false } = options
    if (path === undefined) {
      const engine = new Engine(options, ports)
      engine.#custody.begin(new MemoryStore(), false)
      return engine
    }
    const { openStore, systemClock: clockOfMachine } = await import('#storage')
    const engine = new Engine(options, { clock: clockOfMachine(), ...ports })
    const custody = engine.#custody
    const store = await openStore({
      path,
      readOnly,
      disk: ports.disk,
      segmentBytes: ports.segmentBytes ?? SEGMENT_BYTES,
      replay: (record) => custody.found.record(record),
      reset: () => custody.found.reset(),
      report: (object, message) => engine.#logger.error(object, message),
    })
    custody.begin(store, readOnly)
    if (!readOnly) for (const item of custody.owed.all()) engine.#expiry.watch(item)
    return engine
  }

  on(event: OutboxState, callback: (entry: OutboxEntry) => void): void {
    this.#events.on(event, callback)
  }

  off(event: OutboxState, callback: (entry: OutboxEntry) => void): void {
    this.#events.off(event, callback)
  }

  get depth(): number {
    return this.#custody.depth
  }

  get bytes(): number {
    return this.#custody.bytes
  }

  depthOf(destination: string): number {
    return this.#custody.found.destinations.get(destination)?.depth ?? 0
  }

  async *entries(filter: EntryFilter): AsyncGenerator<OutboxEntry> {
    const matches = (state: OutboxState, destination: string): boolean =>
      (filter.state ?? state) === state && (filter.destination ?? destination) === destination
    // Both at this moment: what is settled while the caller looks is in one of them.
    const entries: OutboxEntry[] = []
    const { ledger, owed } = this.#custody
    for (const entry of ledger.entries()) if (matches(entry.state, entry.destination)) entries.push(entry)
    for (const item of owed.all()) if (matches('queued', item.destination.name)) entries.push(item.entry())
    yield* entries
  }

  why(id: string): OutboxEntry | undefined {
    return this.#custody.owed.get(id)?.entry() ?? this.#custody.ledger.get(id)
  }

  settled(id: string, options: WaitOptions): Promise<OutboxEntry> {
    const item = this.#custody.owed.get(id)
    if (item !== undefined) return this.#waitForFate(item, options.signal)
    const entry = this.#custody.ledger.get(id)
    if (entry !== undefined) return Promise.resolve(entry)
    return Promise.reject(new UsageError('ERR_OUTBOX_UNKNOWN', `the outbox knows no message ${id}`))
  }

  attach(destination: string, deliver: Deliver, { pipeline }: AttachOptions): Attachment {
    this.#checkOpen()
    checkDestination(destination)
    checkPipeline(pipeline)
    const target = this.#custody.found.destination(destination)
    if (target.deliver !== undefined) {
      const what = `another client delivers for ${destination} with this outbox`
      throw new UsageError('ERR_OUTBOX_ATTACHED', `${what}; close that one first`)
    }
    this.#dispatcher.attach(target, deliver, pipeline)
    let attached = true
    // After its end it says nothing any more: the destination may have another deliverer by then.
    return {
      hold: () => attached && this.#dispatcher.hold(target),
      release: () => attached && this.#dispatcher.release(target),
      [Symbol.dispose]: () => {
        if (attached) this.#dispatcher.detach(target)
        attached = false
      },
    }
  }

  submitForEntry(submission: OutboxSubmission, control: SendControl): Promise<OutboxEntry> {
    return this.submit(submission, control, entryOfLine)
  }

  submit<Told>(submission: OutboxSubmission, control: SendControl, tell: (outcome: Line) => Told): Promise<Told> {
    try {
      this.#check.pass(submission, control)
      throwIfAborted(control.signal)
      this.#checkOpen()
      const known = control.id === undefined ? undefined : this.#known(control.id, control.signal, tell)
      return known ?? this.#take(submission, control, tell)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async *messages(): AsyncGenerator<QueuedMessage> {
    for (const item of this.#custody.owed.all()) {
      // Not yet kept, or settled by now.
      if (item.phase !== 'waiting' && item.phase !== 'delivering') continue
      const call = await this.#custody.calls.get(item)
      yield { destination: item.destination.name, ...messageOf(item, call) }
    }
  }

  async drop(id: string): Promise<boolean> {
    this.#checkOpen()
    const item = this.#custody.owed.get(id)
    if (item === undefined || item.phase === 'settling') return false
    const fate = this.#waitForFate(item, undefined)
    this.#custody.withdraw(item, 'dropped')
    item.live?.wire?.abort()
    const { state, reason } = await fate
    return state === 'dropped' && reason === 'dropped'
  }

  idle(options: WaitOptions): Promise<void> {
    if (this.#custody.owed.size === 0) return Promise.resolve()
    return this.#wait<void, void, 'all'>(this.#idle, 'all', options.signal, asItIs)
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#finish())
  }

  /** What is told of a message whose id was used before, when it is there. */
  #known<Told>(id: string, signal: AbortSignal | undefined, tell: (outcome: Line) => Told): Promise<Told> | undefined {
    const item = this.#custody.owed.get(id)
    if (item !== undefined && item.phase !== 'settling' && !item.told) return this.#waitForSend(item, signal, tell)
    const line = item?.alive ?? this.#custody.ledger.line(id)
    return line && Promise.resolve(line).then(tell)
  }

  #take<Told>(submission: OutboxSubmission, control: SendControl, tell: (outcome: Line) => Told): Promise<Told> {
    const plain = this.#custody.store.durable ? undefined : this.#plain(submission.options)
    const intake: Intake = {
      id: control.id,
      submission,
      options: plain === undefined ? optionsText(submission.options) : '',
      plain,
      priority: priorityNumber(control.priority),
      expires: control.expires ?? 0,
      latest: control.latest ?? '',
    }
    if (!this.#room.make(intake)) return Promise.resolve(this.#custody.refuse(intake, 'overflow')).then(tell)
    const item = this.#custody.take(intake)
    this.#expiry.watch(item)
    return this.#waitForSend(item, control.signal, tell)
  }

  /** A client's calls are mostly the same again and again: one that is frozen is looked at once. */
  #plain(options: OutboxSubmission['options']): Plain | undefined {
    if (options !== undefined && options === this.#frozen) return options
    const plain = plainCopy(options)
    if (plain !== undefined && plain === options) this.#frozen = plain
    return plain
  }

  #onSettled(item: Item): void {
    this.#expiry.forget(item)
    if (this.#custody.owed.size === 0) this.#tellIdle()
    this.#dispatcher.wake()
    this.#compactor.consider()
  }

  #tellIdle(): void {
    const { all } = this.#idle
    this.#idle.all = undefined
    resolveAll(all, undefined)
  }

  /** Whether anything can be changed here (any more). */
  #checkOpen(): void {
    if (this.#options.readOnly === true) throw readOnlyError()
    if (this.#closed !== undefined) throw closedError()
  }

  #waitForSend<Told>(item: Item, signal: AbortSignal | undefined, tell: (outcome: Line) => Told): Promise<Told> {
    return this.#wait(item.alive, 'sends', signal, tell)
  }

  #waitForFate(item: Item, signal: AbortSignal | undefined): Promise<OutboxEntry> {
    return this.#wait<OutboxEntry, OutboxEntry, 'fates'>(item.alive, 'fates', signal, asItIs)
  }

  /** A promise that joins those who wait. */
  #wait<T, Told, List extends string>(
    lists: WaitingLists<T, List>,
    list: List,
    signal: AbortSignal | undefined,
    tell: (value: T) => Told,
  ): Promise<Told> {
    if (this.#options.readOnly === true) return Promise.reject(readOnlyError())
    if (this.#ended) return Promise.reject(closedError())
    return this.#keepAlive.join(lists, list, signal, tell)
  }

  async #finish(): Promise<void> {
    this.#keepAlive.enter()
    const { quiet, abort } = this.#dispatcher.stop()
    this.#expiry.stop()
    await within(quiet, CLOSE_WITHIN, this.#clock)
    abort()
    await within(quiet, ABORT_WITHIN, this.#clock)
    this.#dispatcher.abandon()
    const { store } = this.#custody
    if (!store.durable) this.#dropAll()
    try {
      await this.#compactor.stop()
      await this.#custody.end()
      await store.close()
    } finally {
      this.#ended = true
      rejectAll(this.#idle.all, closedError())
      for (const { live } of this.#custody.owed.all()) rejectAll(live?.fates, closedError())
      this.#keepAlive.stop()
    }
  }

  #dropAll(): void {
    const waiting = this.#custody.owed.all().filter((item) => item.phase === 'waiting')
    if (waiting.length === 0) return
    const what = waiting.length === 1 ? '1 message was' : `${waiting.length} messages were`
    this.#logger.warn({ messages: waiting.length }, `${what} in memory only and dropped by close(); a path keeps them`)
    for (const item of waiting) this.#custody.settle(item, 'dropped', 'closed')
  }
}

/** A message that is owed, or what has become of it. */
type Line = Live | SettledItem

/** What is told of one if nobody asks for less. */
function entryOfLine(line: Line): OutboxEntry {
  return line instanceof Live && line.state === 'queued' ? line.item.entry() : entryOf(line)
}

function asItIs<T>(value: T): T {
  return value
}

/** Resolves when the promise does, or after so many milliseconds. */
async function within(promise: Promise<void>, milliseconds: number, clock: Clock): Promise<void> {
  let timer: Timer | undefined
  const time = new Promise<void>((resolve) => (timer = clock.setTimer(milliseconds, resolve)))
  await Promise.race([promise, time])
  timer?.cancel()
}

function closedError(): HalyardError {
  return new HalyardError('ERR_OUTBOX_CLOSED', 'the outbox is closed; open it again')
}

function readOnlyError(): UsageError {
  const what = 'the outbox is open for reading: it shows what was there when it was opened and changes nothing'
  return new UsageError('ERR_OUTBOX_READ_ONLY', `${what}; open it without readOnly`)
}

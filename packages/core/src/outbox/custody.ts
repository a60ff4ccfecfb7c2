/**
 * What is owed, in memory and on disk: takes messages in, writes down what becomes of them, finds it all again when the
 * outbox is opened. It knows nothing of deliveries.
 */
import { ageOf, momentOf } from '../clock.ts'
import type { Clock, Timer } from '../clock.ts'
import type { HalyardError } from '../errors.ts'
import type { EventBus } from '../events.ts'
import type { Logger } from '../logger.ts'
import { Destination, Item } from './item.ts'
import type { Call } from './item.ts'
import { Ledger } from './ledger.ts'
import type { SettledItem } from './ledger.ts'
import { QUEUED, RecordDecoder, RecordEncoder, SETTLED, STARTED, STOPPED, bootNumber } from './record.ts'
import type { QueuedHead, SettledRecord } from './record.ts'
import type { OpenedRecord, OutboxStore } from './store.ts'
import type { OutboxEntry, OutboxSubmission } from './types.ts'

export type OutboxEvents = { queued: [OutboxEntry]; delivered: [OutboxEntry]; dropped: [OutboxEntry] }
export type Fate = SettledRecord['state']

/** Bodies of messages that have a path are kept in memory up to this many bytes; the others are read when they go. */
const MAX_CACHED_BYTES = 1024 * 1024
/** A settlement that could not be written is tried again after so many milliseconds. */
const SETTLE_AGAIN_AFTER = 1_000

export interface Intake {
  readonly id: string
  readonly submission: OutboxSubmission
  readonly options: string
  readonly priority: number
  /** seconds; 0: never */
  readonly expires: number
  readonly latest: string
}

export interface CustodyOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly events: EventBus<OutboxEvents>
  /** milliseconds; Infinity: none */
  readonly maxAge: number
  /** Called when a message is kept and may go out. */
  readonly onKept: (item: Item) => void
  /** Called when a message is no longer owed. */
  readonly onSettled: (item: Item) => void
}

export class Custody {
  readonly items: Map<string, Item> = new Map()
  readonly ledger: Ledger = new Ledger()
  readonly destinations: Map<string, Destination> = new Map()
  /** messages, and bytes of them, that still have to go out */
  depth = 0
  bytes = 0

  readonly #options: CustodyOptions
  readonly #encoder = new RecordEncoder()
  readonly #decoder = new RecordDecoder()
  readonly #boot: number
  readonly #latest = new Map<string, Item>()
  #store: OutboxStore | undefined
  #order = 0
  #cachedBytes = 0
  /** Settlements that the disk did not take. */
  #unwritten: (() => void)[] = []
  #again: Timer | undefined
  /** Messages whose only attempt had begun when an earlier process ended. */
  readonly #interrupted = new Set<string>()

  constructor(options: CustodyOptions) {
    this.#options = options
    this.#boot = bootNumber(options.clock.bootId)
  }

  get store(): OutboxStore {
    if (this.#store === undefined) throw new TypeError('the outbox is not open yet')
    return this.#store
  }

  // ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Forgets what was replayed. */
  reset(): void {
    this.items.clear()
    this.destinations.clear()
    this.#interrupted.clear()
  }

  /** One record of an earlier process. */
  replay({ bytes, start, end, segment, offset }: OpenedRecord): void {
    switch (this.#decoder.typeOf(bytes, start)) {
      case QUEUED:
        return this.#replayQueued(this.#decoder.queued(bytes, start, end), segment, offset)
      case SETTLED: {
        const settled = this.#decoder.settled(bytes, start)
        this.items.delete(settled.id)
        this.#interrupted.delete(settled.id)
        this.ledger.add({ ...settled, segment })
        return
      }
      case STARTED:
        this.#interrupted.add(this.#decoder.attempt(bytes, start))
        return
      case STOPPED:
        this.#interrupted.delete(this.#decoder.attempt(bytes, start))
        return
      default:
        this.#options.logger.warn(
          { segment, offset },
          'the outbox holds a record that a later version wrote; it is kept',
        )
    }
  }

  /** All is replayed: the messages that are owed line up in their order. */
  begin(store: OutboxStore, readOnly: boolean): void {
    this.#store = store
    const owed = [...this.items.values()]
    // Copies at the end of the log stand behind messages that are younger.
    if (owed.some((item, index) => item.order < (owed[index - 1]?.order ?? 0))) owed.sort((a, b) => a.order - b.order)
    for (const item of owed) {
      this.depth++
      this.bytes += item.size
      const lane = item.destination.lane(item.priority)
      lane.push(item)
      lane.told++
    }
    this.#order = owed.at(-1)?.order ?? 0
    if (readOnly) return
    for (const item of owed) {
      if (this.#interrupted.has(item.id)) this.settle(item, 'dropped', 'interrupted')
      else this.#supersede(item)
    }
    this.#interrupted.clear()
  }

  #replayQueued(record: QueuedHead, segment: number, offset: number): void {
    let item = this.items.get(record.id)
    if (item === undefined) {
      item = new Item({
        id: record.id,
        destination: this.destination(record.destination),
        priority: record.priority,
        order: record.order,
        atMostOnce: record.atMostOnce,
        size: record.size,
        queuedAt: record.wall,
        latest: record.latest === '' ? undefined : record.latest,
        deadline: this.#deadline(record),
      })
      this.items.set(record.id, item)
    }
    item.segment = segment
    item.offset = offset
  }

  destination(name: string): Destination {
    let destination = this.destinations.get(name)
    if (destination === undefined) this.destinations.set(name, (destination = new Destination(name)))
    return destination
  }

  /** What is left of a message's life, from now on. */
  #deadline({ expires, wall, monotonic, boot }: QueuedHead): number | undefined {
    const life = this.#lifetime(expires)
    if (life === Infinity) return undefined
    const { clock } = this.#options
    const bootId = boot === this.#boot ? clock.bootId : ''
    return clock.monotonic() + life - ageOf({ wall, monotonic, bootId }, clock)
  }

  #lifetime(expires: number): number {
    return Math.min(expires === 0 ? Infinity : expires * 1000, this.#options.maxAge)
  }

  // ── taking in ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Begins to keep a message; `onKept` follows when it is kept, the waiters' rejection if it cannot be. */
  take({ id, submission, options, priority, expires, latest }: Intake): Item {
    const moment = momentOf(this.#options.clock)
    const life = this.#lifetime(expires)
    const order = ++this.#order
    const size = submission.body.length
    const atMostOnce = submission.atMostOnce === true
    const item = new Item({
      id,
      destination: this.destination(submission.destination),
      priority,
      order,
      atMostOnce,
      queuedAt: moment.wall,
      deadline: life === Infinity ? undefined : moment.monotonic + life,
      latest: latest === '' ? undefined : latest,
      size,
    })
    const record = this.#encoder.queued({
      id,
      destination: submission.destination,
      kind: submission.kind,
      latest,
      priority,
      atMostOnce,
      order,
      wall: moment.wall,
      monotonic: moment.monotonic,
      boot: this.#boot,
      expires,
      options,
      body: submission.body,
    })
    item.phase = 'storing'
    item.told = false
    this.#remember(item, submission)
    this.store.append(record, {
      committed: (_lsn, segment, offset) => this.#kept(item, segment, offset),
      failed: (error) => this.#notKept(item, error),
    })
    this.items.set(id, item)
    this.depth++
    this.bytes += size
    return item
  }

  #kept(item: Item, segment: number, offset: number): void {
    item.segment = segment
    item.offset = offset
    item.phase = 'waiting'
    item.destination.lane(item.priority).push(item)
    if (this.#options.events.has('queued')) this.#options.events.emit('queued', item.entry())
    this.#supersede(item)
    const withdrawn = item.live?.withdrawn
    if (withdrawn === undefined) this.#options.onKept(item)
    else this.settle(item, 'dropped', withdrawn)
    this.#writeAgain()
  }

  #notKept(item: Item, error: HalyardError): void {
    this.items.delete(item.id)
    this.#release(item)
    for (const waiter of [...item.alive.sends, ...item.alive.fates]) waiter.reject(error)
    this.#options.onSettled(item)
  }

  /** The older message with the same word gives way, once the newer one is kept. */
  #supersede(item: Item): void {
    if (item.latest === undefined) return
    const key = `${item.destination.name}\n${item.latest}`
    const older = this.#latest.get(key)
    this.#latest.set(key, item)
    if (older !== undefined) this.withdraw(older, 'superseded')
  }

  // ── letting go ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Drops a message that waits; one that is being stored is dropped then, one on the wire if it comes back. */
  withdraw(item: Item, reason: string): void {
    if (item.phase === 'waiting') this.settle(item, 'dropped', reason)
    else if (item.phase !== 'settling') item.alive.withdrawn ??= reason
  }

  /** The fate of a message: its sender is told now, the ledger and the events follow when it is written down. */
  settle(item: Item, state: Fate, reason = ''): void {
    const lane = item.destination.lane(item.priority)
    if (item.phase === 'waiting') lane.remove(item)
    if (item.told) lane.told--
    item.phase = 'settling'
    this.#release(item)
    const settledAt = this.#options.clock.now()
    const sends = item.live?.sends
    if (sends !== undefined && sends.length > 0) {
      const entry = item.entry(state, reason === '' ? undefined : reason, settledAt)
      for (const waiter of sends) waiter.resolve(entry)
      sends.length = 0
    }
    const { id, attempts, size, queuedAt } = item
    const destination = item.destination.name
    this.#write({ id, destination, state, reason, attempts, size, queuedAt, settledAt, segment: 0 }, item)
  }

  /** A message that was not even taken: it has a line in the ledger. */
  refuse(intake: Intake, reason: string): Promise<OutboxEntry> {
    const now = this.#options.clock.now()
    const { destination, body } = intake.submission
    const times = { queuedAt: now, settledAt: now, attempts: 0 }
    const record: SettledItem = {
      id: intake.id,
      destination,
      state: 'dropped',
      reason,
      size: body.length,
      ...times,
      segment: 0,
    }
    return new Promise((resolve) => this.#write(record, undefined, resolve))
  }

  /** The only attempt of a message begins: resolves when that is written down. */
  started(item: Item): Promise<void> {
    return new Promise((resolve, reject) => {
      this.store.append(this.#encoder.attempt(STARTED, item.id), { committed: () => resolve(), failed: reject })
    })
  }

  /** … and certainly has not reached the peer. Until that is written a crash counts it as begun: the safe side. */
  stopped(item: Item): void {
    this.store.append(this.#encoder.attempt(STOPPED, item.id), { committed() {}, failed() {} })
  }

  #write(record: SettledItem, item: Item | undefined, done?: (entry: OutboxEntry) => void): void {
    this.store.append(this.#encoder.settled(record), {
      committed: (_lsn, segment) => {
        if (item !== undefined) this.items.delete(item.id)
        record.segment = segment
        this.ledger.add(record)
        this.#tell(record, item, done)
        this.#writeAgain()
      },
      failed: (error) => {
        this.#options.logger.warn(
          { err: error, id: record.id },
          'the fate of a message could not be written; trying again',
        )
        this.#unwritten.push(() => this.#write(record, item, done))
        this.#again ??= this.#options.clock.setTimer(SETTLE_AGAIN_AFTER, () => this.#writeAgain())
      },
    })
  }

  #tell(record: SettledItem, item: Item | undefined, done: ((entry: OutboxEntry) => void) | undefined): void {
    const fates = item?.live?.fates
    const listened = this.#options.events.has(record.state)
    if (listened || done !== undefined || (fates !== undefined && fates.length > 0)) {
      const entry = this.ledger.get(record.id)
      if (entry !== undefined) {
        for (const waiter of fates?.splice(0) ?? []) waiter.resolve(entry)
        done?.(entry)
        if (listened) this.#options.events.emit(record.state, entry)
      }
    }
    if (item !== undefined) this.#options.onSettled(item)
  }

  /** The disk takes records again, or may: what it did not take goes to it once more. */
  #writeAgain(): void {
    if (this.#unwritten.length === 0) return
    this.#again?.cancel()
    this.#again = undefined
    for (const write of this.#unwritten.splice(0)) write()
  }

  /** No more timers; what could not be written gets its last try with the store's close. */
  end(): void {
    this.#writeAgain()
    this.#again?.cancel()
  }

  // ── keeping the log short ────────────────────────────────────────────────────────────────────────────────────────

  /** Copies what is still needed of a segment to the end of the log. False if the segment has to wait. */
  async vacate(segment: number): Promise<boolean> {
    const copies: Promise<boolean>[] = []
    for (const settled of this.ledger.inSegment(segment)) {
      copies.push(this.#copy(this.#encoder.settled(settled), (to) => (settled.segment = to)))
    }
    for (const item of this.items.values()) {
      if (item.segment !== segment || item.phase === 'settling') continue
      const payload = await this.store.read(segment, item.offset)
      // Its fate may have been written meanwhile; a copy behind that would bring it back to life.
      if (this.items.get(item.id) !== item || (item.phase as Item['phase']) === 'settling') continue
      const moved = this.#copy(payload, (to, offset) => {
        item.segment = to
        item.offset = offset
      })
      copies.push(moved)
    }
    if ((await Promise.all(copies)).includes(false)) return false
    for (const item of this.items.values()) {
      // The mark of an attempt that may happen only once lies in some segment, perhaps in this one.
      const attempted = item.atMostOnce && item.phase === 'delivering'
      if (attempted || (item.segment === segment && item.phase !== 'storing')) return false
    }
    return true
  }

  #copy(record: Uint8Array, done: (segment: number, offset: number) => void): Promise<boolean> {
    return new Promise((resolve) => {
      this.store.append(record, {
        committed: (_lsn, segment, offset) => {
          done(segment, offset)
          resolve(true)
        },
        failed: () => resolve(false),
      })
    })
  }

  // ── what the deliverer needs ─────────────────────────────────────────────────────────────────────────────────────

  /** The call of a message: from memory if it is there, else from the disk. */
  async call(item: Item): Promise<Call> {
    return item.live?.call ?? this.#decoder.call(await this.store.read(item.segment, item.offset))
  }

  /** A call that will go out at once need not be read from the disk again. */
  #remember(item: Item, { kind, body, options = {} }: OutboxSubmission): void {
    const soon = item.destination.open && this.#cachedBytes + item.size <= MAX_CACHED_BYTES
    if (this.store.durable && !soon) return
    this.#cachedBytes += item.size
    item.alive.call = { kind, options, body: body.slice() }
  }

  /** It need not wait in memory for its turn, which may come tomorrow. */
  uncache(item: Item): void {
    if (item.live?.call === undefined || !this.store.durable) return
    this.#cachedBytes -= item.size
    item.live.call = undefined
  }

  #release(item: Item): void {
    this.depth--
    this.bytes -= item.size
    if (item.live?.call !== undefined) {
      this.#cachedBytes -= item.size
      item.live.call = undefined
    }
    if (item.latest === undefined) return
    const key = `${item.destination.name}\n${item.latest}`
    if (this.#latest.get(key) === item) this.#latest.delete(key)
  }
}

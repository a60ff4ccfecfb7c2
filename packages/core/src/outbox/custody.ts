/**
 * What is owed, in memory and on disk: takes messages in, writes down what becomes of them, finds it all again when the
 * outbox is opened. It knows nothing of deliveries.
 */
import { ageOf, momentOf } from '../clock.ts'
import type { Clock, Timer } from '../clock.ts'
import { HalyardError } from '../errors.ts'
import type { EventBus } from '../events.ts'
import type { Logger } from '../logger.ts'
import { Destination } from './destination.ts'
import { Item } from './item.ts'
import type { Call, Waiter } from './item.ts'
import { Ledger } from './ledger.ts'
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
  /** bytes of the records of `items` */
  #recordBytes = 0
  #cachedBytes = 0
  /** Settlements that the disk did not take. */
  #unwritten: (() => void)[] = []
  #again: Timer | undefined
  /** The store is closing or closed: it takes nothing more. */
  #ended = false
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
    this.#recordBytes = 0
    this.destinations.clear()
    this.#interrupted.clear()
  }

  /** One record of an earlier process. */
  replay({ bytes, start, end, segment, offset }: OpenedRecord): void {
    switch (this.#decoder.typeOf(bytes, start)) {
      case QUEUED:
        return this.#replayQueued(this.#decoder.queued(bytes, start, end), end - start, segment, offset)
      case SETTLED: {
        const settled = this.#decoder.settled(bytes, start)
        this.#forget(settled.id)
        this.#interrupted.delete(settled.id)
        this.ledger.add({ ...settled, segment, recordBytes: end - start })
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

  #replayQueued(record: QueuedHead, recordBytes: number, segment: number, offset: number): void {
    let item = this.items.get(record.id)
    if (item === undefined) {
      const { clock } = this.#options
      const bootId = record.boot === this.#boot ? clock.bootId : ''
      const age = (): number => ageOf({ wall: record.wall, monotonic: record.monotonic, bootId }, clock)
      const life = this.#lifetime(record.expires)
      item = new Item({
        id: record.id,
        destination: this.destination(record.destination),
        priority: record.priority,
        order: record.order,
        atMostOnce: record.atMostOnce,
        size: record.size,
        recordBytes,
        queuedAt: record.wall,
        latest: record.latest === '' ? undefined : record.latest,
        deadline: life === Infinity ? undefined : clock.monotonic() + life - age(),
      })
      this.#add(item)
    }
    item.segment = segment
    item.offset = offset
  }

  destination(name: string): Destination {
    let destination = this.destinations.get(name)
    if (destination === undefined) this.destinations.set(name, (destination = new Destination(name)))
    return destination
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
      recordBytes: record.length,
    })
    item.phase = 'storing'
    item.told = false
    this.#remember(item, submission)
    this.store.append(record, {
      committed: (_lsn, segment, offset) => this.#kept(item, segment, offset),
      failed: (error) => this.#notKept(item, error),
    })
    this.#add(item)
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
    this.#forget(item.id)
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
    if (state === 'dropped') lane.dropping++
    item.phase = 'settling'
    this.#release(item)
    const settledAt = this.#options.clock.now()
    const record = { ...this.#facts(item), state, reason, settledAt }
    const sends = item.live?.sends
    if (sends !== undefined && sends.length > 0) {
      const entry = item.entry(state, reason === '' ? undefined : reason, settledAt)
      for (const waiter of sends.splice(0)) waiter.resolve(entry)
    }
    this.#write(record, item)
  }

  /** A message that was not even taken: it has a line in the ledger. */
  refuse(intake: Intake, reason: string): Promise<OutboxEntry> {
    const now = this.#options.clock.now()
    const { destination, body } = intake.submission
    const facts = { id: intake.id, destination, size: body.length, attempts: 0, queuedAt: now }
    const record: SettledRecord = { ...facts, state: 'dropped', reason, settledAt: now }
    return new Promise((resolve, reject) => this.#write(record, undefined, { resolve, reject }))
  }

  /** The only attempt of a message begins: resolves when that is written down. */
  started(item: Item): Promise<void> {
    return new Promise((resolve, reject) => {
      this.store.append(this.#encoder.attempt(STARTED, item.id), { committed: () => resolve(), failed: reject })
    })
  }

  /** … and certainly has not reached the peer. Until that is written a crash counts it as begun: the safe side. */
  stopped(item: Item): void {
    if (this.#ended) return
    this.store.append(this.#encoder.attempt(STOPPED, item.id), { committed() {}, failed() {} })
  }

  #facts(item: Item): Pick<SettledRecord, 'id' | 'destination' | 'attempts' | 'size' | 'queuedAt'> {
    const { id, attempts, size, queuedAt } = item
    return { id, destination: item.destination.name, attempts, size, queuedAt }
  }

  #write(record: SettledRecord, item: Item | undefined, waiter?: Waiter): void {
    if (this.#ended) return this.#unsettled(record, waiter)
    const encoded = this.#encoder.settled(record)
    const recordBytes = encoded.length
    this.store.append(encoded, {
      committed: (_lsn, segment) => {
        if (item !== undefined) {
          this.#forget(item.id)
          if (record.state === 'dropped') item.destination.lane(item.priority).dropping--
        }
        this.ledger.add({ ...record, segment, recordBytes })
        this.#tell(record, item, waiter)
        this.#writeAgain()
      },
      failed: (error) => {
        if (this.#ended) return this.#unsettled(record, waiter, error)
        this.#options.logger.warn(
          { err: error, id: record.id },
          'the fate of a message could not be written; trying again',
        )
        this.#unwritten.push(() => this.#write(record, item, waiter))
        this.#again ??= this.#options.clock.setTimer(SETTLE_AGAIN_AFTER, () => this.#writeAgain())
      },
    })
  }

  /** The outbox closed before the fate could be written: the next process has the message again. */
  #unsettled({ id, state }: SettledRecord, waiter: Waiter | undefined, error: Error = closedError()): void {
    this.#options.logger.warn(
      { id, state, err: error },
      'the fate of a message was not written before the outbox closed',
    )
    waiter?.reject(error)
  }

  #tell(record: SettledRecord, item: Item | undefined, waiter: Waiter | undefined): void {
    const fates = item?.live?.fates
    const listened = this.#options.events.has(record.state)
    if (listened || waiter !== undefined || (fates !== undefined && fates.length > 0)) {
      const entry = this.ledger.get(record.id)
      if (entry !== undefined) {
        for (const waiter of fates?.splice(0) ?? []) waiter.resolve(entry)
        waiter?.resolve(entry)
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

  /** No more timers; what could not be written gets its last try with the store's close, which follows at once. */
  end(): void {
    this.#writeAgain()
    this.#again?.cancel()
    this.#ended = true
  }

  // ── keeping the log short ────────────────────────────────────────────────────────────────────────────────────────

  /** Bytes of the records that a log of nothing superfluous would hold. */
  get needed(): number {
    const { items, ledger } = this
    return this.#recordBytes + ledger.recordBytes + (items.size + ledger.size) * this.store.overhead
  }

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
      // The mark of an attempt that may happen only once lies in some segment, perhaps in this one, and counts until the
      // fate is written.
      const attempted = item.atMostOnce && (item.phase === 'delivering' || item.phase === 'settling')
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

  #remember(item: Item, { kind, body, options = {} }: OutboxSubmission): void {
    if (this.store.durable && this.#cachedBytes + item.size > MAX_CACHED_BYTES) return
    this.#cachedBytes += item.size
    item.alive.call = { kind, options, body: body.slice() }
  }

  /** It need not wait in memory for its turn, which may come tomorrow. */
  uncache(item: Item): void {
    if (item.live?.call === undefined || !this.store.durable) return
    this.#cachedBytes -= item.size
    item.live.call = undefined
  }

  #add(item: Item): void {
    this.items.set(item.id, item)
    this.#recordBytes += item.recordBytes
  }

  #forget(id: string): void {
    this.#recordBytes -= this.items.get(id)?.recordBytes ?? 0
    this.items.delete(id)
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

export function closedError(): HalyardError {
  return new HalyardError('ERR_OUTBOX_CLOSED', 'the outbox is closed; open it again')
}

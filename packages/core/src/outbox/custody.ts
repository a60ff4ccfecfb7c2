/**
 * What is owed, in memory and on disk: takes messages in and writes down what becomes of them. It knows nothing of
 * deliveries.
 */
import type { Timer } from '../clock.ts'
import type { HalyardError } from '../errors.ts'
import type { EventBus } from '../events.ts'
import { Calls } from './calls.ts'
import { Ids } from './ids.ts'
import { Item } from './item.ts'
import type { Keeper, Live } from './item.ts'
import { entryOf } from './ledger.ts'
import type { Ledger } from './ledger.ts'
import type { Intake } from './options.ts'
import { Owed } from './owed.ts'
import { RecordEncoder, STARTED, STOPPED, bootNumber } from './record.ts'
import type { SettledRecord } from './record.ts'
import { Replay, lifetime } from './replay.ts'
import type { ReplayOptions } from './replay.ts'
import type { OutboxStore } from './store.ts'
import type { OutboxEntry } from './types.ts'
import { rejectAll, resolveAll } from './waiters.ts'

export type OutboxEvents = { queued: [OutboxEntry]; delivered: [OutboxEntry]; dropped: [OutboxEntry] }
export type Fate = SettledRecord['state']

/** A settlement that could not be written is tried again after so many milliseconds. */
const SETTLE_AGAIN_AFTER = 1_000

/** What a store that is not on disk is given. */
const NOTHING = new Uint8Array(0)

export interface CustodyOptions extends ReplayOptions {
  readonly events: EventBus<OutboxEvents>
  /** Called when a message is kept and may go out. */
  readonly onKept: (item: Item) => void
  /** Called when a message is no longer owed. */
  readonly onSettled: (item: Item) => void
}

export class Custody {
  /** What earlier processes left; this one goes on with it. */
  readonly found: Replay
  readonly owed: Owed = new Owed()
  readonly ledger: Ledger
  readonly calls: Calls = new Calls(() => this.store)
  /** messages, and bytes of them, that still have to go out */
  depth = 0
  bytes = 0

  readonly #options: CustodyOptions
  readonly #encoder = new RecordEncoder()
  readonly #ids = new Ids()
  readonly #boot: number
  #store: OutboxStore | undefined
  /** of messages, and of settlements */
  #order = 0
  #settlements = 0
  /** bytes of the records of what is owed */
  #owedBytes = 0
  /** Fates that the disk did not take. */
  #unwritten: Live[] = []
  #again: Timer | undefined
  /** messages on their way to the disk, and who waits until there are none */
  #storing = 0
  #onStored: (() => void) | undefined
  #ended = false
  #turnBegan: number | undefined

  readonly #keeper: Keeper = {
    kept: (item, segment, offset) => this.#kept(item, segment, offset),
    notKept: (item, error) => this.#notKept(item, error),
    written: (live, segment) => this.#written(live, segment),
    notWritten: (live, error) => this.#notWritten(live, error),
  }

  constructor(options: CustodyOptions) {
    this.#options = options
    this.found = new Replay(options, this.#keeper)
    this.ledger = this.found.ledger
    this.#boot = bootNumber(options.clock.bootId)
  }

  get store(): OutboxStore {
    if (this.#store === undefined) throw new TypeError('the outbox is not open yet')
    return this.#store
  }

  /** Bytes of the log that are still needed. */
  get neededBytes(): number {
    return this.#owedBytes + this.ledger.bytes
  }

  /** Reading a clock is dear: a message that never leaves memory has the time at which its turn began. */
  #now(): number {
    const { clock } = this.#options
    if (this.store.durable) return clock.now()
    if (this.#turnBegan === undefined) {
      this.#turnBegan = clock.now()
      queueMicrotask(() => (this.#turnBegan = undefined))
    }
    return this.#turnBegan
  }

  /** All is replayed: the messages that are owed line up in their order. */
  begin(store: OutboxStore, readOnly: boolean): void {
    this.#store = store
    this.#settlements = this.ledger.begin()
    const { interrupted, items } = this.found
    if (store.durable) this.owed.begin(items)
    else this.ledger.forgetful(this.#ids)
    for (const item of this.found.finish()) {
      this.depth++
      item.destination.depth++
      this.bytes += item.size
      this.#owedBytes += item.recordBytes + (item.live?.mark?.bytes ?? 0)
      this.#order = item.order
      const lane = item.destination.lane(item.priority)
      lane.push(item)
      lane.told++
      if (readOnly) continue
      if (interrupted.has(item.id)) this.settle(item, 'dropped', 'interrupted')
      else this.#supersede(item)
    }
    interrupted.clear()
  }

  // ── taking in ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Begins to keep a message; `onKept` follows when it is kept, the waiters' rejection if it cannot be. */
  take(intake: Intake): Item {
    const item = this.#itemOf(intake)
    item.alive.isNamed = intake.id !== undefined
    item.phase = 'storing'
    item.told = false
    this.calls.remember(item, intake)
    const record = this.store.durable ? this.#recordOf(item, intake) : NOTHING
    this.store.append(record, item.alive)
    this.#storing++
    item.recordBytes = record.length
    this.#owedBytes += record.length
    const older = this.replacedBy(intake)
    if (older !== undefined) older.alive.giving = true
    this.owed.add(item)
    this.depth++
    item.destination.depth++
    this.bytes += item.size
    return item
  }

  #itemOf({ id, submission, priority, expires, latest }: Intake): Item {
    const { clock, maxAge } = this.#options
    const life = lifetime(expires, maxAge)
    const order = ++this.#order
    if (id !== undefined) this.#ids.given(id)
    return new Item({
      id: id ?? this.#ids.of(order),
      destination: this.found.destination(submission.destination),
      priority,
      order,
      atMostOnce: submission.atMostOnce === true,
      queuedAt: this.#now(),
      // Reading a clock costs as much as the rest of a message that never leaves memory.
      deadline: life === Infinity ? undefined : clock.monotonic() + life,
      latest: latest === '' ? undefined : latest,
      size: submission.body.length,
    })
  }

  #recordOf({ id, order, atMostOnce, queuedAt }: Item, intake: Intake): Uint8Array {
    const { submission, options, priority, expires, latest } = intake
    const { destination, kind, body } = submission
    const monotonic = this.#options.clock.monotonic()
    const boot = this.#boot
    // In one piece: spreading a part of it costs more than all the rest.
    const record = {
      id,
      destination,
      kind,
      latest,
      priority,
      atMostOnce,
      order,
      wall: queuedAt,
      monotonic,
      boot,
      expires,
      options,
      body,
    }
    return this.#encoder.queued(record)
  }

  #kept(item: Item, segment: number, offset: number): void {
    item.segment = segment
    item.offset = offset
    item.phase = 'waiting'
    item.destination.lane(item.priority).push(item)
    if (this.#options.events.has('queued')) this.#options.events.emit('queued', item.entry())
    this.#lineUp(item)
    this.#writeAgain()
    this.#stored()
  }

  #lineUp(item: Item): void {
    // Who was told that it is queued may have dropped it in that moment.
    if (item.phase !== 'waiting') return
    this.#supersede(item)
    const withdrawn = item.live?.withdrawn
    if (withdrawn === undefined) this.#options.onKept(item)
    else this.settle(item, 'dropped', withdrawn)
  }

  #stored(): void {
    if (--this.#storing === 0) this.#onStored?.()
  }

  #notKept(item: Item, error: HalyardError): void {
    this.#owedBytes -= item.recordBytes
    this.owed.delete(item)
    item.phase = 'over'
    this.#release(item)
    const older = item.latest === undefined ? undefined : item.destination.latest.get(item.latest)
    if (older !== undefined) older.alive.giving = false
    rejectAll(item.live?.sends, error)
    rejectAll(item.live?.fates, error)
    this.#options.onSettled(item)
    this.#stored()
  }

  /** The message that would give way to this one, if there is one and it gives way to no other yet. */
  replacedBy({ submission: { destination }, latest }: Intake): Item | undefined {
    const older = latest === '' ? undefined : this.found.destinations.get(destination)?.latest.get(latest)
    return older?.phase === 'waiting' && older.live?.giving !== true ? older : undefined
  }

  /** The older message with the same word gives way, once the newer one is kept. */
  #supersede(item: Item): void {
    if (item.latest === undefined) return
    const { latest } = item.destination
    const older = latest.get(item.latest)
    latest.set(item.latest, item)
    if (older !== undefined) this.withdraw(older, 'superseded')
  }

  // ── letting go ───────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Drops a message that waits; one that is being stored is dropped then, one on the wire if it comes back. The first
   * reason counts, unless somebody drops it on purpose.
   */
  withdraw(item: Item, reason: 'expired' | 'superseded' | 'dropped'): void {
    if (item.phase === 'waiting') return this.settle(item, 'dropped', reason)
    if (item.phase === 'settling') return
    if (item.live?.withdrawn === undefined || reason === 'dropped') item.alive.withdrawn = reason
  }

  /** The fate of a message: its sender is told now, the ledger and the events follow when it is written down. */
  settle(item: Item, state: Fate, reason = ''): void {
    const lane = item.destination.lane(item.priority)
    if (item.phase === 'waiting') lane.remove(item)
    if (item.told) lane.told--
    if (state === 'dropped') lane.dropping++
    item.phase = 'settling'
    this.#release(item)
    const live = this.#decide(item, state, reason)
    const { sends } = live
    live.sends = undefined
    resolveAll(sends, live)
    this.#write(live)
  }

  /** A message that was not even taken: it has a line in the ledger. */
  refuse(intake: Intake, reason: string): Live {
    const item = this.#itemOf(intake)
    item.alive.isNamed = intake.id !== undefined
    item.phase = 'refused'
    const live = this.#decide(item, 'dropped', reason)
    this.#write(live)
    return live
  }

  #decide(item: Item, state: Fate, reason: string): Live {
    const live = item.alive
    live.state = state
    live.reason = reason
    live.order = ++this.#settlements
    live.settledAt = this.#now()
    return live
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

  /** The message got so far: resolves when that is written down. */
  advance(item: Item, stage: number): Promise<void> {
    const mark = (item.alive.mark ??= { stage: 0, segment: 0, bytes: 0, pending: 0 })
    if (!this.store.durable) {
      mark.stage = stage
      return Promise.resolve()
    }
    const record = this.#encoder.stage(item.id, stage)
    const bytes = record.length
    return new Promise((resolve, reject) => {
      this.store.append(record, {
        committed: (_lsn, segment) => {
          mark.pending--
          mark.stage = stage
          mark.segment = segment
          // Settled meanwhile: nothing of it is needed any more.
          if (item.phase !== 'over') this.#owedBytes += bytes - mark.bytes
          mark.bytes = bytes
          resolve()
        },
        failed: (error) => {
          mark.pending--
          reject(error)
        },
      })
      mark.pending++
    })
  }

  #write(live: Live): void {
    const record = this.store.durable ? this.#encoder.settled(live) : NOTHING
    live.recordBytes = record.length
    this.store.append(record, live)
  }

  #written(live: Live, segment: number): void {
    const { item } = live
    const wasOwed = item.phase === 'settling'
    if (wasOwed) {
      this.owed.delete(item)
      this.#owedBytes -= item.recordBytes + (live.mark?.bytes ?? 0)
      if (live.state === 'dropped') item.destination.lane(item.priority).dropping--
    }
    item.phase = 'over'
    this.ledger.add(live, segment)
    this.#tell(live)
    // V8's maps leave tables behind that point to what was in them; until those are collected it shall be little.
    item.live = undefined
    if (wasOwed) this.#options.onSettled(item)
    this.#writeAgain()
  }

  #notWritten(live: Live, error: HalyardError): void {
    const next = this.#ended ? 'a message may go out once more' : 'trying again'
    this.#options.logger.warn({ err: error, id: live.id }, `the fate of a message could not be written; ${next}`)
    if (this.#ended) return
    this.#unwritten.push(live)
    this.#again ??= this.#options.clock.setTimer(SETTLE_AGAIN_AFTER, () => this.#writeAgain())
  }

  #tell(live: Live): void {
    const { events } = this.#options
    const { fates } = live
    const listened = events.has(live.state)
    if (!listened && fates === undefined) return
    const entry = entryOf(live)
    live.fates = undefined
    resolveAll(fates, entry)
    if (listened) events.emit(live.state, entry)
  }

  /** The disk takes records again, or may: what it did not take goes to it once more. */
  #writeAgain(): void {
    if (this.#unwritten.length === 0 || this.#ended) return
    this.#again?.cancel()
    this.#again = undefined
    for (const live of this.#unwritten.splice(0)) this.#write(live)
  }

  /** Resolves when nothing is on its way to the disk of which more would follow, and no timer runs any more. */
  async end(): Promise<void> {
    if (this.#storing > 0) await new Promise<void>((resolve) => (this.#onStored = resolve))
    this.#writeAgain()
    this.#ended = true
  }

  #release(item: Item): void {
    this.depth--
    item.destination.depth--
    this.bytes -= item.size
    this.calls.forget(item)
    const { latest } = item.destination
    if (item.latest !== undefined && latest.get(item.latest) === item) latest.delete(item.latest)
  }
}

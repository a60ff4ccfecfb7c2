/**
 * Who goes out next, and what follows from how it went. High before normal before low; one after the other within a
 * destination and priority, unless `ordered` is off; a destination whose delivery failed waits, and so does all behind.
 */
import type { Clock, Timer } from '../clock.ts'
import { describeError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { backoff } from '../retry.ts'
import { Attempt, BadOutcome, messageOf, outcomeOf, reasonOf } from './attempt.ts'
import type { AttemptHost } from './attempt.ts'
import type { Custody } from './custody.ts'
import type { Destination, Item } from './item.ts'
import type { Lane } from './lane.ts'
import { PRIORITIES } from './record.ts'
import type { KeptCall } from './record.ts'
import type { Deliver, Delivery } from './types.ts'
import { resolveAll } from './waiters.ts'

const DAMAGED: Delivery = { outcome: 'refused', reason: 'damaged' }
const INTERRUPTED: Delivery = { outcome: 'refused', reason: 'interrupted' }

export interface DispatcherOptions {
  readonly custody: Custody
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
  readonly concurrency: number
  readonly ordered: boolean
  /** messages a second; Infinity: none */
  readonly drainRate: number
}

export class Dispatcher {
  readonly #options: DispatcherOptions
  /** deliveries that have begun and not ended */
  #onWire = 0
  /** Destinations that share `concurrency` take turns: the one that was served goes to the end. */
  readonly #turns = new Set<Destination>()
  /** … and those that have a pipeline of their own. */
  readonly #pipelines = new Set<Destination>()
  /** deliveries that count against `concurrency` */
  #shared = 0
  #pumping = false
  #stopped = false
  /** Answers are not heard any more. */
  #ended = false
  /** When the next message of a backlog may go, on the monotonic clock. */
  #nextDrain = -Infinity
  #drainTimer: Timer | undefined
  #onQuiet: (() => void) | undefined

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  attach(destination: Destination, deliver: Deliver, pipeline: number | undefined): void {
    destination.deliver = deliver
    destination.pipeline = pipeline
    if (pipeline === undefined) this.#turns.add(destination)
    else this.#pipelines.add(destination)
    this.wake()
  }

  detach(destination: Destination): void {
    destination.deliver = undefined
    destination.held = false
    destination.recover()
    destination.interrupt()
    this.#turns.delete(destination)
    this.#pipelines.delete(destination)
    this.#tellQueued(destination)
  }

  hold(destination: Destination): void {
    destination.held = true
    destination.interrupt()
    this.#tellQueued(destination)
  }

  release(destination: Destination): void {
    destination.held = false
    destination.recover()
    this.wake()
  }

  /** A message is kept: it goes out, or its sender learns that it waits. */
  offer(item: Item): void {
    const { destination } = item
    const waits = this.#stopped || !destination.open || destination.lane(item.priority).told > 0
    if (waits) this.#tell(item)
    if (!this.#stopped) this.wake()
  }

  /** Nothing goes out any more. `quiet` resolves when nothing is on the wire, `abort` asks what is there to end. */
  stop(): { readonly quiet: Promise<void>; readonly abort: () => void } {
    this.#stopped = true
    this.#drainTimer?.cancel()
    for (const destination of [...this.#turns, ...this.#pipelines]) {
      destination.recover()
      this.#tellQueued(destination)
    }
    const quiet = new Promise<void>((resolve) => {
      if (this.#onWire === 0) resolve()
      else this.#onQuiet = resolve
    })
    const abort = (): void => {
      for (const item of this.#flying()) item.live?.wire?.abort()
    }
    return { quiet, abort }
  }

  /** What is still on the wire is given up: it waits again, and an answer that comes after all is not heard. */
  abandon(): void {
    this.#ended = true
    for (const item of this.#flying()) this.#land(item, { outcome: 'retry', reason: 'closed' })
  }

  #flying(): readonly Item[] {
    return this.#options.custody.owed.all().filter(({ phase }) => phase === 'delivering')
  }

  /** Something may go now. Looked at once in this turn, however many messages were kept or settled in it. */
  wake(): void {
    if (this.#pumping || this.#stopped) return
    this.#pumping = true
    queueMicrotask(() => {
      this.#pumping = false
      this.#pump()
    })
  }

  #pump(): void {
    for (const destination of this.#pipelines) {
      let item = this.#nextOf(destination)
      for (; item !== undefined; item = this.#nextOf(destination)) this.#begin(item)
    }
    for (let item = this.#next(); item !== undefined; item = this.#next()) {
      const { destination } = item
      this.#turns.delete(destination)
      this.#turns.add(destination)
      this.#begin(item)
    }
  }

  /** The next message of a pipeline, if its call is there: nothing overtakes one that is being read. */
  #nextOf(destination: Destination): Item | undefined {
    const { pipeline = 0 } = destination
    if (this.#stopped || !destination.open || destination.inFlight >= pipeline) return undefined
    for (const lane of destination.lanes) {
      if (lane.preparing > 0) return undefined
      if (lane.head === undefined || lane.dropping > 0 || (lane.broken && lane.inFlight > 0)) continue
      const item = this.#head(lane)
      if (item === undefined || lane.dropping > 0) continue
      if (!this.#options.custody.calls.ahead(lane, this.#onRead)) return undefined
      return item.told && !this.#mayDrain() ? undefined : item
    }
    return undefined
  }

  readonly #onRead = (): void => this.wake()

  #next(): Item | undefined {
    if (this.#stopped || this.#shared >= this.#options.concurrency) return undefined
    for (let priority = 0; priority < PRIORITIES.length; priority++) {
      for (const destination of this.#turns) {
        if (!destination.open) continue
        const lane = destination.lane(priority)
        if (this.#options.ordered && lane.inFlight + lane.dropping > 0) continue
        const item = this.#head(lane)
        if (item === undefined) continue
        if (item.told && !this.#mayDrain()) continue
        return item
      }
    }
    return undefined
  }

  /** The oldest that is not too old: timers come late, and what expired while nothing ran must not go out. */
  #head(lane: Lane<Item>): Item | undefined {
    const { custody, clock } = this.#options
    for (;;) {
      const { head } = lane
      if (!head?.isOverdue(clock)) return head
      custody.settle(head, 'dropped', 'expired')
    }
  }

  /** Takes the place of one message of a backlog, at most `drainRate` of them a second. */
  #mayDrain(): boolean {
    const { clock, drainRate } = this.#options
    if (drainRate === Infinity) return true
    const now = clock.monotonic()
    if (now >= this.#nextDrain) {
      this.#nextDrain = Math.max(now, this.#nextDrain) + 1000 / drainRate
      return true
    }
    this.#drainTimer ??= clock.setTimer(this.#nextDrain - now, () => {
      this.#drainTimer = undefined
      this.wake()
    })
    return false
  }

  #begin(item: Item): void {
    const lane = item.destination.lane(item.priority)
    lane.remove(item)
    lane.inFlight++
    item.phase = 'delivering'
    this.#onWire++
    if (item.destination.pipeline === undefined) {
      item.alive.shared = true
      this.#shared++
    }
    const { deliver } = item.destination
    const call = item.atMostOnce ? undefined : this.#options.custody.calls.inMemory(item)
    if (call !== undefined && deliver !== undefined) return this.#hand(item, deliver, call)
    lane.preparing++
    void this.#prepare(item, deliver).finally(() => {
      lane.preparing--
      this.wake()
    })
  }

  /** Reads the call, and writes down that an attempt begins which must not be made twice. */
  async #prepare(item: Item, deliver: Deliver | undefined): Promise<void> {
    const { custody } = this.#options
    const { destination, atMostOnce } = item
    try {
      const call = await custody.calls.get(item)
      if (atMostOnce) await custody.started(item)
      if (deliver !== undefined && deliver === destination.deliver && !this.#isCalledBack(item)) {
        return this.#hand(item, deliver, call)
      }
      if (atMostOnce) custody.stopped(item)
      this.#finish(item, undefined)
    } catch (error) {
      const isDamaged = codeOf(error) === 'ERR_STORE_DAMAGED'
      if (!isDamaged) this.#log(item, error)
      this.#finish(item, isDamaged ? DAMAGED : { outcome: 'retry', reason: reasonOf(error) })
    }
  }

  #hand(item: Item, deliver: Deliver, call: KeptCall): void {
    const attempt = new Attempt(item, this.#host)
    item.alive.wire = attempt
    const message = messageOf(item, call)
    item.attempts++
    try {
      const answer = deliver(message, attempt)
      if (answer !== 'later') this.#hear(attempt, item, answer)
    } catch (error) {
      this.#threw(attempt, item, error)
    }
  }

  /** What is no promise counts as its own answer, and none counts behind another one. */
  #hear(attempt: Attempt, item: Item, answer: Promise<Delivery>): void {
    Promise.resolve(answer).then(
      (delivery) => attempt.isOpen && this.#answered(item, delivery),
      (error: unknown) => this.#threw(attempt, item, error),
    )
  }

  #threw(attempt: Attempt, item: Item, error: unknown): void {
    if (attempt.isOpen) this.#broke(item, error)
    else this.#log(item, error)
  }

  readonly #host: AttemptHost = {
    advance: (item, stage) => this.#options.custody.advance(item, stage),
    answered: (item, answer) => this.#answered(item, answer),
  }

  #answered(item: Item, answer: unknown): void {
    let delivery: Delivery
    try {
      delivery = outcomeOf(answer)
    } catch (error) {
      return this.#broke(item, error)
    }
    if (item.atMostOnce && delivery.outcome === 'retry' && !this.#ended) this.#options.custody.stopped(item)
    this.#finish(item, delivery)
  }

  #broke(item: Item, error: unknown): void {
    this.#log(item, error)
    // Nobody knows whether it reached the peer, and a second copy would be worse than none.
    const isOver = item.atMostOnce
    this.#finish(item, isOver ? INTERRUPTED : { outcome: 'retry', reason: reasonOf(error) })
  }

  #log(item: Item, error: unknown): void {
    const what = error instanceof BadOutcome ? 'warn' : 'debug'
    const text = `a delivery to ${item.destination.name} failed: ${describeError(error)}`
    this.#options.logger[what]({ err: error, id: item.id }, text)
  }

  #finish(item: Item, delivery: Delivery | undefined): void {
    if (this.#ended) return
    this.#land(item, delivery)
    if (this.#onWire === 0) this.#onQuiet?.()
    this.wake()
  }

  /** While its call was read from the disk it was dropped, or its link went: what has not begun does not begin. */
  #isCalledBack({ destination, priority, live }: Item): boolean {
    // Of a pipeline one before it may have come back.
    const mustWait = destination.pipeline !== undefined && destination.lane(priority).broken
    return this.#stopped || !destination.open || mustWait || live?.withdrawn !== undefined
  }

  /** No longer on the wire. */
  #land(item: Item, delivery: Delivery | undefined): void {
    const lane = item.destination.lane(item.priority)
    if (--lane.inFlight === 0) lane.broken = false
    this.#onWire--
    const { live } = item
    if (live !== undefined) {
      if (live.shared) this.#shared--
      live.shared = false
      live.wire = undefined
    }
    this.#conclude(item, delivery)
  }

  #conclude(item: Item, delivery: Delivery | undefined): void {
    const { custody } = this.#options
    const { destination } = item
    if (delivery?.outcome === 'delivered' || delivery?.outcome === 'refused') {
      destination.recover()
      const dropped = delivery.outcome === 'refused'
      return custody.settle(item, dropped ? 'dropped' : 'delivered', dropped ? delivery.reason : '')
    }
    const wasOpen = !this.#stopped && destination.open
    if (delivery !== undefined) this.#fail(item, delivery.reason)
    const withdrawn = item.live?.withdrawn ?? (item.isOverdue(this.#options.clock) ? 'expired' : undefined)
    if (withdrawn === undefined) {
      item.phase = 'waiting'
      const lane = destination.lane(item.priority)
      lane.putBack(item)
      lane.broken = lane.inFlight > 0
    } else {
      custody.settle(item, 'dropped', withdrawn)
    }
    if (!this.#stopped && destination.open) return
    // Whoever else waits was told when the link went.
    if (wasOpen) this.#tellQueued(destination)
    else if (item.phase === 'waiting') this.#tell(item)
  }

  #fail(item: Item, reason: string): void {
    const { destination } = item
    item.alive.reason = reason
    const isOver = this.#stopped || destination.deliver === undefined || destination.held
    // One that was dropped on the wire failed because we asked it to: that says nothing of the link.
    if (!isOver && item.live?.withdrawn !== 'dropped') this.#backOff(destination)
  }

  /** Several deliveries of one destination that fail together are one failure of its link. */
  #backOff(destination: Destination): void {
    const { clock, random } = this.#options
    if (destination.backoff !== undefined) return
    destination.backoff = clock.setTimer(backoff(destination.failures++, { random }), () => {
      destination.backoff = undefined
      this.wake()
    })
  }

  /** Whoever waits for a message of this destination learns that it is queued; nothing need be in memory for it. */
  #tellQueued(destination: Destination): void {
    for (const lane of destination.lanes) {
      for (let item = lane.head; item !== undefined; item = item.next) {
        this.#tell(item)
        this.#options.custody.calls.uncache(item)
      }
      lane.ahead = 0
    }
  }

  #tell(item: Item): void {
    if (item.told) return
    item.told = true
    item.destination.lane(item.priority).told++
    const { live } = item
    const sends = live?.sends
    if (live !== undefined && sends !== undefined) {
      live.sends = undefined
      resolveAll(sends, live)
    }
    this.#options.custody.calls.uncache(item)
  }
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown } | null | undefined)?.code
}

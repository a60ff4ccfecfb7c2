/**
 * Who goes out next, and what follows from how it went. High before normal before low; one after the other within a
 * destination and priority, unless `ordered` is off; a destination whose delivery failed waits, and so does all behind.
 */
import type { Clock, Timer } from '../clock.ts'
import { describeError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { backoff } from '../retry.ts'
import type { Custody } from './custody.ts'
import type { Destination, Item, Lane } from './item.ts'
import { PRIORITIES } from './record.ts'
import type { Deliver, Delivery, WaitOptions } from './types.ts'

/** characters */
const MAX_REASON = 1024

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
  readonly #onWire = new Set<Item>()
  /** Destinations take turns: the one that was served goes to the end. */
  readonly #turns = new Set<Destination>()
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

  attach(destination: Destination, deliver: Deliver): void {
    destination.deliver = deliver
    this.#turns.add(destination)
    this.wake()
  }

  detach(destination: Destination): void {
    destination.deliver = undefined
    destination.held = false
    destination.recover()
    this.#turns.delete(destination)
    this.#tellQueued(destination)
  }

  hold(destination: Destination): void {
    destination.held = true
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
    for (const destination of this.#turns) {
      destination.recover()
      this.#tellQueued(destination)
    }
    const quiet = new Promise<void>((resolve) => {
      if (this.#onWire.size === 0) resolve()
      else this.#onQuiet = resolve
    })
    const abort = (): void => {
      for (const item of this.#onWire) item.live?.abort?.()
    }
    return { quiet, abort }
  }

  /** What is still on the wire is given up: it waits again, and an answer that comes after all is not heard. */
  abandon(): void {
    this.#ended = true
    for (const item of [...this.#onWire]) this.#land(item, { outcome: 'retry', reason: 'closed' })
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
    for (let item = this.#next(); item !== undefined; item = this.#next()) {
      const { destination } = item
      this.#turns.delete(destination)
      this.#turns.add(destination)
      const lane = destination.lane(item.priority)
      lane.remove(item)
      lane.inFlight++
      item.phase = 'delivering'
      this.#onWire.add(item)
      void this.#run(item)
    }
  }

  #next(): Item | undefined {
    if (this.#stopped || this.#onWire.size >= this.#options.concurrency) return undefined
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
  #head(lane: Lane): Item | undefined {
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

  async #run(item: Item): Promise<void> {
    const delivery = await this.#attempt(item)
    if (this.#ended) return
    this.#land(item, delivery)
    if (this.#onWire.size === 0) this.#onQuiet?.()
    this.wake()
  }

  /** `undefined`: it was called back before it began. */
  async #attempt(item: Item): Promise<Delivery | undefined> {
    const { custody, logger } = this.#options
    const { destination, atMostOnce } = item
    const { deliver } = destination
    let begun = false
    try {
      const { kind, body, options } = custody.calls.inMemory(item) ?? (await custody.calls.get(item))
      if (atMostOnce) await custody.started(item)
      if (deliver === undefined || deliver !== destination.deliver || this.#isCalledBack(item)) {
        if (atMostOnce) custody.stopped(item)
        return undefined
      }
      const signal = new DeliverySignal()
      item.alive.abort = () => signal.abort()
      begun = true
      const delivery = outcomeOf(await deliver({ id: item.id, kind, body, options, attempts: item.attempts++ }, signal))
      if (atMostOnce && delivery.outcome === 'retry') custody.stopped(item)
      return delivery
    } catch (error) {
      if (!begun && codeOf(error) === 'ERR_STORE_DAMAGED') return { outcome: 'refused', reason: 'damaged' }
      const what = error instanceof BadOutcome ? 'warn' : 'debug'
      logger[what]({ err: error, id: item.id }, `a delivery to ${destination.name} failed: ${describeError(error)}`)
      // Nobody knows whether it reached the peer, and a second copy would be worse than none.
      if (begun && atMostOnce) return { outcome: 'refused', reason: 'interrupted' }
      return { outcome: 'retry', reason: shortened(describeError(error)) }
    }
  }

  /** While its call was read from the disk it was dropped, or its link went: what has not begun does not begin. */
  #isCalledBack({ destination, live }: Item): boolean {
    return this.#stopped || !destination.open || live?.withdrawn !== undefined
  }

  /** No longer on the wire. */
  #land(item: Item, delivery: Delivery | undefined): void {
    item.destination.lane(item.priority).inFlight--
    this.#onWire.delete(item)
    if (item.live !== undefined) item.live.abort = undefined
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
    if (delivery !== undefined) this.#fail(item, delivery.reason)
    const withdrawn = item.live?.withdrawn ?? (item.isOverdue(this.#options.clock) ? 'expired' : undefined)
    if (withdrawn === undefined) {
      item.phase = 'waiting'
      destination.lane(item.priority).putBack(item)
    } else {
      custody.settle(item, 'dropped', withdrawn)
    }
    if (this.#stopped || !destination.open) this.#tellQueued(destination)
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

  /** Whoever waits for a message of this destination learns that it is queued. */
  #tellQueued(destination: Destination): void {
    for (const lane of destination.lanes) {
      for (let item = lane.head; item !== undefined; item = item.next) this.#tell(item)
    }
  }

  #tell(item: Item): void {
    if (item.told) return
    item.told = true
    item.destination.lane(item.priority).told++
    const sends = item.live?.sends ?? []
    if (sends.length > 0) {
      const entry = item.entry()
      for (const waiter of sends.splice(0)) waiter.resolve(entry)
    }
    this.#options.custody.calls.uncache(item)
  }
}

/** The options of a delivery. A controller costs more than the rest of it, so it is made for those who look. */
class DeliverySignal implements WaitOptions {
  #controller: AbortController | undefined
  #aborted = false

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#aborted) this.#controller.abort()
    return this.#controller.signal
  }

  abort(): void {
    this.#aborted = true
    this.#controller?.abort()
  }
}

/** A deliverer of somebody else's may answer anything. */
class BadOutcome extends TypeError {
  override name = 'BadOutcome'
}

function outcomeOf(answer: unknown): Delivery {
  const { outcome, reason } = (answer ?? {}) as { readonly outcome?: unknown; readonly reason?: unknown }
  if (outcome === 'delivered') return { outcome }
  if (outcome === 'refused' || outcome === 'retry') {
    return { outcome, reason: typeof reason === 'string' ? shortened(reason) : '' }
  }
  const expected = 'the deliverer must answer with an outcome: delivered, refused or retry'
  throw new BadOutcome(`${expected}, not ${JSON.stringify(answer)}`)
}

/** A reason is a line in the ledger. */
function shortened(reason: string): string {
  return reason.length <= MAX_REASON ? reason : `${reason.slice(0, MAX_REASON - 1)}…`
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown } | null | undefined)?.code
}

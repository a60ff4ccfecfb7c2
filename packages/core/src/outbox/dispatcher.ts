/**
 * Who goes out next, and what follows from how it went. High before normal before low; one after the other within a
 * destination and priority, unless `ordered` is off; a destination whose delivery failed waits, and so does all behind.
 */
import type { Clock, Timer } from '../clock.ts'
import { describeError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { backoff } from '../retry.ts'
import type { Custody } from './custody.ts'
import type { Destination } from './destination.ts'
import type { Item, Lane } from './item.ts'
import { PRIORITIES } from './record.ts'
import type { Deliver, Delivery, WaitOptions } from './types.ts'

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

  /** Nothing goes out any more; resolves when nothing is on the wire. `abort` ends what is there. */
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
      void this.#run(item, lane)
    }
  }

  /** The next message that may go; what is found to have waited too long is dropped on the way. */
  #next(): Item | undefined {
    for (let item = this.#first(); item !== undefined; item = this.#first()) {
      if (!this.#expired(item)) return item
      this.#options.custody.settle(item, 'dropped', 'expired')
    }
    return undefined
  }

  #expired({ deadline }: Item): boolean {
    return deadline !== undefined && this.#options.clock.monotonic() >= deadline
  }

  #first(): Item | undefined {
    if (this.#stopped || this.#onWire.size >= this.#options.concurrency) return undefined
    for (let priority = 0; priority < PRIORITIES.length; priority++) {
      for (const destination of this.#turns) {
        if (!destination.open) continue
        const lane = destination.lane(priority)
        const item = lane.head
        if (item === undefined || (this.#options.ordered && lane.inFlight + lane.dropping > 0)) continue
        if (item.told && !this.#expired(item) && !this.#mayDrain()) continue
        return item
      }
    }
    return undefined
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

  async #run(item: Item, lane: Lane): Promise<void> {
    const delivery = await this.#attempt(item)
    lane.inFlight--
    this.#onWire.delete(item)
    if (item.live !== undefined) item.live.abort = undefined
    this.#conclude(item, delivery)
    if (this.#onWire.size === 0) this.#onQuiet?.()
    this.wake()
  }

  async #attempt(item: Item): Promise<Delivery> {
    const { custody, logger } = this.#options
    const { deliver } = item.destination
    let begun = false
    try {
      if (deliver === undefined) return { outcome: 'retry', reason: 'nobody delivers' }
      const call = item.live?.call ?? (await custody.call(item))
      if (item.atMostOnce) await custody.started(item)
      const signal = new DeliverySignal()
      item.alive.abort = () => signal.abort()
      const { kind, body, options } = call
      begun = true
      const delivery = await deliver({ id: item.id, kind, body, options, attempts: item.attempts++ }, signal)
      if (item.atMostOnce && delivery.outcome === 'retry') custody.stopped(item)
      return delivery
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ERR_STORE_DAMAGED') return { outcome: 'refused', reason: 'damaged' }
      logger.debug({ err: error, id: item.id }, 'a delivery failed')
      // Nobody knows how far it came, and a second copy would be worse than none.
      if (begun && item.atMostOnce) return { outcome: 'refused', reason: 'interrupted' }
      return { outcome: 'retry', reason: describeError(error) }
    }
  }

  #conclude(item: Item, delivery: Delivery): void {
    const { custody } = this.#options
    const { destination } = item
    if (delivery.outcome !== 'retry') {
      destination.recover()
      const dropped = delivery.outcome === 'refused'
      return custody.settle(item, dropped ? 'dropped' : 'delivered', dropped ? delivery.reason : '')
    }
    item.alive.reason = delivery.reason
    const withdrawn = item.live?.withdrawn
    if (withdrawn !== undefined || this.#expired(item)) return custody.settle(item, 'dropped', withdrawn ?? 'expired')
    item.phase = 'waiting'
    destination.lane(item.priority).putBack(item)
    if (!this.#stopped && destination.deliver !== undefined && !destination.held) this.#backOff(destination)
    this.#tellQueued(destination)
  }

  #backOff(destination: Destination): void {
    const { clock, random } = this.#options
    destination.backoff?.cancel()
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
    this.#options.custody.uncache(item)
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

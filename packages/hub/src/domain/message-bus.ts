import { labelsOf } from './message.ts'
import type { Direction, HubMessage, ServiceName } from './message.ts'

export interface MessageFilter {
  readonly service?: ServiceName
  readonly account?: string
  /** The whole channel or any one topic of it. */
  readonly channel?: string
  readonly direction?: Direction
}

export interface SubscriptionHooks {
  /** Of payloads: beyond, the oldest are dropped too, whatever their number. Without it the number alone counts. */
  readonly maxBytes?: number
  readonly onFirstDrop?: () => void
  readonly onEnd?: () => void
}

/** Holds this many for a slow reader, then drops the oldest and counts it. */
export const SUBSCRIBER_CAPACITY = 1000

/** Live messages to whoever watches. A watcher never slows the hub: it loses its oldest ones instead. */
export class MessageBus {
  readonly #subscriptions = new Set<MessageSubscription>()
  #dropped = 0

  /** Dropped for slow watchers since the start, all of them together. */
  get dropped(): number {
    return this.#dropped
  }

  get subscribers(): number {
    return this.#subscriptions.size
  }

  /** From this call on, not from the first `next()`. */
  subscribe(filter: MessageFilter, hooks: SubscriptionHooks = {}): MessageSubscription {
    const subscription = new MessageSubscription(filter, {
      maxBytes: hooks.maxBytes ?? Infinity,
      onDrop: () => {
        this.#dropped++
        if (subscription.dropped === 1) hooks.onFirstDrop?.()
      },
      onEnd: () => {
        this.#subscriptions.delete(subscription)
        hooks.onEnd?.()
      },
    })
    this.#subscriptions.add(subscription)
    return subscription
  }

  publish(message: HubMessage): void {
    for (const subscription of this.#subscriptions) subscription.offer(message)
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.end()
  }
}

interface SubscriptionParts {
  readonly maxBytes: number
  readonly onDrop: () => void
  readonly onEnd: () => void
}

interface Pending {
  readonly resolve: (result: IteratorResult<HubMessage, undefined>) => void
  readonly reject: (error: Error) => void
}

/** One watcher: an async iterator over a ring of bounded size. */
export class MessageSubscription implements AsyncIterableIterator<HubMessage, undefined> {
  readonly #filter: MessageFilter
  readonly #parts: SubscriptionParts
  readonly #ring: (HubMessage | undefined)[] = []
  #head = 0
  #length = 0
  #bytes = 0
  readonly #waiting: Pending[] = []
  #dropped = 0
  #ended = false
  #error: Error | undefined

  constructor(filter: MessageFilter, parts: SubscriptionParts) {
    this.#filter = filter
    this.#parts = parts
  }

  /** Lost by this watcher because it was too slow. */
  get dropped(): number {
    return this.#dropped
  }

  offer(message: HubMessage): void {
    if (this.#ended || !matches(this.#filter, message)) return
    const waiting = this.#waiting.shift()
    if (waiting) return waiting.resolve({ value: message, done: false })
    const { maxBytes, onDrop } = this.#parts
    this.#bytes += message.payload.length
    // One is held whatever its size.
    while (this.#length === SUBSCRIBER_CAPACITY || (this.#length > 0 && this.#bytes > maxBytes)) {
      this.#take()
      this.#dropped++
      onDrop()
    }
    this.#ring[(this.#head + this.#length++) % SUBSCRIBER_CAPACITY] = message
  }

  next(): Promise<IteratorResult<HubMessage, undefined>> {
    const message = this.#length > 0 ? this.#take() : undefined
    if (message) return Promise.resolve({ value: message, done: false })
    if (this.#error !== undefined) {
      const error = this.#error
      this.#error = undefined
      return Promise.reject(error)
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  return(): Promise<IteratorResult<HubMessage, undefined>> {
    this.#length = 0
    this.#bytes = 0
    this.#ring.length = 0
    this.end()
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** No more from now on; what is held can still be read. With an error, it comes after what is held. */
  end(error?: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#parts.onEnd()
    const [first, ...rest] = this.#waiting.splice(0)
    if (error === undefined) first?.resolve({ value: undefined, done: true })
    else if (first) first.reject(error)
    else this.#error = error
    for (const pending of rest) pending.resolve({ value: undefined, done: true })
  }

  #take(): HubMessage | undefined {
    const message = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) % SUBSCRIBER_CAPACITY
    this.#length--
    this.#bytes -= message?.payload.length ?? 0
    return message
  }
}

function matches(filter: MessageFilter, message: HubMessage): boolean {
  if (filter.service !== undefined && filter.service !== message.service) return false
  if (filter.account !== undefined && filter.account !== message.account) return false
  if (filter.direction !== undefined && filter.direction !== message.direction) return false
  if (filter.channel === undefined || filter.channel === message.channel) return true
  return labelsOf(message.service, message.channel).includes(filter.channel)
}

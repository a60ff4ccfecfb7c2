import { HalyardError, holdProcess } from '@halyard/core'
import type { WaitOptions } from '@halyard/core'
import type { Qos } from '@halyard/wire/mqtt'
import type { Owner } from './filters.ts'
import type { MqttMessage } from './message.ts'

export interface SubscribeOptions extends WaitOptions {
  /** the highest that messages come with; 1 */
  qos?: Qos
  /** 5.0: not what this client publishes; false */
  noLocal?: boolean
  /** 5.0: the RETAIN flag as it was published; false */
  retainAsPublished?: boolean
  /** 5.0: retained messages `always`, to a `new` subscription, or `never`; `always` */
  retained?: 'always' | 'new' | 'never'
  /**
   * When the server is told that a message of QoS 1 or 2 arrived: when it is `handled` (the loop asks for the next one, or
   * `onMessage` has ended), when it is `received`, or by `message.acknowledge()`, `manual`. `handled`: a message that was
   * being handled when the process died comes again.
   */
  acknowledge?: 'handled' | 'received' | 'manual'
  /** messages that are held for a loop that is slower than they come; 1,000 */
  buffer?: number
  /** What happens then: the server has to `wait`, for all subscriptions of this client, or the oldest is dropped and counted; `wait` */
  overflow?: 'wait' | 'drop-oldest'
  /** Instead of a loop: called with each message, one after the other, also if it returns a promise. */
  onMessage?: (message: MqttMessage) => void | Promise<void>
}

/** What a subscription needs of its client. */
export interface SubscriptionHost {
  /** Its buffer is full; `roomy` follows. */
  full(subscription: Subscription): void
  roomy(subscription: Subscription): void
  leave(subscription: Subscription): Promise<void>
  /** A handler threw. */
  failed(error: unknown): void
}

type Settings = Required<Pick<SubscribeOptions, 'acknowledge' | 'buffer' | 'overflow'>> &
  Pick<SubscribeOptions, 'onMessage'>

/**
 * The messages of one or several topic filters: a loop over them. `break` ends the loop, not the subscription, which
 * another loop may go on with; `unsubscribe` ends both when what is held has been read.
 *
 * @example
 * ```ts
 * import { createMqttServer } from '@halyard/hub/mqtt'
 * import { connect } from '@halyard/mqtt'
 * await using server = await createMqttServer()
 * await using client = await connect(`mqtt://127.0.0.1:${server.port}`)
 * await using readings = await client.subscribe('sensors/+')
 * await client.publish('sensors/7', '21.5')
 * for await (const message of readings) {
 *   console.log(message.topic, message.text()) // sensors/7 21.5
 *   break
 * }
 * ```
 */
export class Subscription implements AsyncIterable<MqttMessage>, AsyncDisposable, Owner {
  readonly filters: readonly string[]
  readonly #host: SubscriptionHost
  readonly #settings: Settings
  #held: MqttMessage[] = []
  /** Those before it were handed out. */
  #first = 0
  readonly #waiting: Waiter[] = []
  #isFull = false
  #handling = false
  readonly #left = new Set<string>()
  #state: 'open' | 'ended' = 'open'
  #error: HalyardError | undefined
  #dropped = 0
  #leaving: Promise<void> | undefined
  /** An open loop keeps the process alive. */
  #release: (() => void) | undefined

  constructor(filters: readonly string[], host: SubscriptionHost, options: SubscribeOptions) {
    this.filters = filters
    this.#host = host
    const { acknowledge = 'handled', buffer = 1000, overflow = 'wait', onMessage } = options
    this.#settings = { acknowledge, buffer, overflow, onMessage }
  }

  /** Messages that were dropped because the buffer was full. */
  get dropped(): number {
    return this.#dropped
  }

  /** Messages that are held for the loop. */
  get held(): number {
    return this.#held.length - this.#first
  }

  /** No more come: what is held can still be read. The server is told; resolves when it has answered. */
  unsubscribe(): Promise<void> {
    this.#leaving ??= this.#host.leave(this)
    return this.#leaving
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe()
  }

  [Symbol.asyncIterator](): AsyncIterator<MqttMessage, undefined> {
    let current: MqttMessage | undefined
    const settle = (): void => {
      if (this.#settings.acknowledge === 'handled') current?.acknowledge()
      current = undefined
    }
    return {
      next: () => {
        settle()
        const message = this.#take()
        if (message !== undefined) {
          current = message
          return Promise.resolve({ value: message, done: false })
        }
        if (this.#error !== undefined) return Promise.reject(this.#error)
        if (this.#state === 'ended') return Promise.resolve({ value: undefined, done: true })
        return this.#wait((given) => (current = given))
      },
      return: () => {
        settle()
        this.#letGo()
        return Promise.resolve({ value: undefined, done: true })
      },
    }
  }

  /** For the client: a message came. */
  offer(message: MqttMessage): void {
    const { acknowledge, onMessage, buffer, overflow } = this.#settings
    if (acknowledge === 'received') message.acknowledge()
    if (onMessage !== undefined && !this.#handling && this.held === 0) return this.#handle(message, onMessage)
    const waiter = this.#waiting.shift()
    if (waiter !== undefined) return waiter.give(message)
    if (overflow === 'drop-oldest' && this.held >= buffer) this.#drop()
    this.#held.push(message)
    if (overflow === 'wait' && !this.#isFull && this.held >= buffer) {
      this.#isFull = true
      this.#host.full(this)
    }
  }

  /** For the client: nothing follows. With an error the loop throws it when it has read what is held. */
  end(error?: HalyardError): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#error = error
    this.#relax()
    for (const waiter of this.#waiting.splice(0)) waiter.end(error)
    this.#letGo()
  }

  #letGo(): void {
    this.#release?.()
    this.#release = undefined
  }

  /** For the client: one of its filters is no longer subscribed to; without the last one it ends. */
  without(name: string): void {
    this.#left.add(name)
    if (this.filters.every((filter) => this.#left.has(filter))) this.end()
  }

  #take(): MqttMessage | undefined {
    if (this.#first === this.#held.length) return undefined
    const message = this.#held[this.#first++]
    if (this.#first === this.#held.length) {
      this.#held = []
      this.#first = 0
    } else if (this.#first >= 1024) {
      this.#held.splice(0, this.#first)
      this.#first = 0
    }
    if (this.#isFull && this.held <= this.#settings.buffer / 2) this.#relax()
    return message
  }

  #relax(): void {
    if (!this.#isFull) return
    this.#isFull = false
    this.#host.roomy(this)
  }

  #drop(): void {
    const message = this.#take()
    this.#dropped++
    if (this.#settings.acknowledge === 'handled') message?.acknowledge()
  }

  #wait(onGiven: (message: MqttMessage) => void): Promise<IteratorResult<MqttMessage, undefined>> {
    return new Promise((resolve, reject) => {
      this.#release ??= holdProcess()
      this.#waiting.push({
        give(message) {
          onGiven(message)
          resolve({ value: message, done: false })
        },
        end(error) {
          if (error === undefined) resolve({ value: undefined, done: true })
          else reject(error)
        },
      })
    })
  }

  #handle(message: MqttMessage, onMessage: (message: MqttMessage) => void | Promise<void>): void {
    let answer: void | Promise<void> = undefined
    try {
      answer = onMessage(message)
    } catch (error) {
      this.#host.failed(error)
    }
    if (answer === undefined) return this.#handled(message)
    this.#handling = true
    void this.#finish(message, answer, onMessage)
  }

  async #finish(
    first: MqttMessage,
    answer: Promise<void>,
    onMessage: (message: MqttMessage) => void | Promise<void>,
  ): Promise<void> {
    await answer.catch((error: unknown) => this.#host.failed(error))
    this.#handled(first)
    for (let message = this.#take(); message !== undefined; message = this.#take()) {
      try {
        await onMessage(message)
      } catch (error) {
        this.#host.failed(error)
      }
      this.#handled(message)
    }
    this.#handling = false
  }

  #handled(message: MqttMessage): void {
    if (this.#settings.acknowledge === 'handled') message.acknowledge()
  }
}

interface Waiter {
  give(message: MqttMessage): void
  end(error: HalyardError | undefined): void
}

import { holdProcess } from '@halyard/core'
import type { HalyardError, WaitOptions } from '@halyard/core'
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
  /** bytes of their payloads; 16 MiB */
  bufferBytes?: number
  /**
   * What happens then: the server has to `wait`, for all subscriptions of this client, or the oldest is dropped and
   * counted; `wait`. While this client waits for an answer of the server itself (a loop that publishes), it has to read on:
   * then messages of QoS 0 are dropped and counted from twice the buffer on, those of QoS 1 and 2 end at `receiveMaximum`.
   */
  overflow?: 'wait' | 'drop-oldest'
  /** Instead of a loop: called with each message, one after the other, also if it returns a promise. */
  onMessage?: (message: MqttMessage) => unknown
}

/** What a subscription needs of its client. */
export interface SubscriptionHost {
  /** Reading cannot stop now. */
  readonly isAwaited: boolean
  /** Its buffer is full; `roomy` follows. */
  full(subscription: Subscription): void
  roomy(subscription: Subscription): void
  leave(subscription: Subscription): Promise<void>
  /** A handler threw. */
  failed(error: unknown): void
}

type Settings = Required<Pick<SubscribeOptions, 'acknowledge' | 'buffer' | 'bufferBytes' | 'overflow'>> &
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
  #waiting: Waiter[] = []
  #heldBytes = 0
  #isFull = false
  /** Came while the buffer was full: the server is told that they were received when they are taken. */
  readonly #unconfirmed = new Set<MqttMessage>()
  /** loops that go on */
  #loops = 0
  #handling = false
  readonly #left = new Set<string>()
  #state: 'open' | 'ended' = 'open'
  #error: HalyardError | undefined
  #dropped = 0
  #leaving: Promise<void> | undefined
  /** As long as more may come it keeps the process alive, through every reconnection. */
  readonly #release: (() => void) | undefined

  /** `holds`: false for one that nobody asked for, which does not keep the process alive. */
  constructor(filters: readonly string[], host: SubscriptionHost, options: SubscribeOptions, holds = true) {
    this.filters = filters
    this.#host = host
    if (holds) this.#release = holdProcess()
    const { acknowledge = 'handled', buffer = 1000, bufferBytes = 16 * 1024 * 1024, overflow = 'wait' } = options
    this.#settings = { acknowledge, buffer, bufferBytes, overflow, onMessage: options.onMessage }
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
    let isOpen = false
    const loop = {}
    const settle = (): void => {
      if (this.#settings.acknowledge === 'handled') current?.acknowledge()
      current = undefined
    }
    const close = (): void => {
      if (!isOpen) return
      isOpen = false
      if (--this.#loops === 0 && this.#state === 'ended') this.#settleHeld()
    }
    return {
      next: () => {
        settle()
        if (!isOpen) this.#loops++
        isOpen = true
        const message = this.#take()
        if (message !== undefined) {
          current = message
          return Promise.resolve({ value: message, done: false })
        }
        if (this.#state === 'open') {
          return this.#wait(loop, (given) => {
            // Who has asked for several at once has asked for this one behind the last.
            settle()
            current = given
          })
        }
        close()
        return this.#error === undefined
          ? Promise.resolve({ value: undefined, done: true })
          : Promise.reject(this.#error)
      },
      return: () => {
        settle()
        this.#leave(loop)
        close()
        return Promise.resolve({ value: undefined, done: true })
      },
    }
  }

  /** For the client: a message came. */
  offer(message: MqttMessage): void {
    const { acknowledge, onMessage, overflow } = this.#settings
    if (overflow === 'wait' && this.#mustDrop(message)) {
      this.#dropped++
      return
    }
    if (acknowledge === 'received') {
      if (this.#isFull && message.qos > 0) this.#unconfirmed.add(message)
      else message.acknowledge()
    }
    if (onMessage !== undefined && !this.#handling && this.held === 0) return this.#handle(message, onMessage)
    const waiter = this.#waiting.shift()
    if (waiter !== undefined) return waiter.give(message)
    this.#held.push(message)
    this.#heldBytes += message.payload.length
    if (overflow === 'drop-oldest') while (this.held > 1 && this.#isOver(1)) this.#drop()
    else if (!this.#isFull && this.#isOver(0)) {
      this.#isFull = true
      this.#host.full(this)
    }
  }

  /** More is held than `more` messages under the limits. */
  #isOver(more: number): boolean {
    const { buffer, bufferBytes } = this.#settings
    return this.held >= buffer + more || this.#heldBytes >= bufferBytes + more
  }

  #mustDrop({ qos }: MqttMessage): boolean {
    const { buffer, bufferBytes } = this.#settings
    const isFarOver = this.held >= 2 * buffer || this.#heldBytes >= 2 * bufferBytes
    return this.#isFull && qos === 0 && isFarOver && this.#host.isAwaited
  }

  /** For the client: nothing follows. With an error the loop throws it when it has read what is held. */
  end(error?: HalyardError): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#error = error
    this.#relax()
    for (const waiter of this.#waiting.splice(0)) waiter.end(error)
    this.#release?.()
    if (this.#loops === 0 && !this.#handling) this.#settleHeld()
  }

  /** Perhaps nobody reads what is held, and behind it no other message could be acknowledged. */
  #settleHeld(): void {
    for (const message of this.#held.slice(this.#first)) message.acknowledge()
    this.#unconfirmed.clear()
  }

  /** For the client: one of its filters is no longer subscribed to; without the last one it ends. */
  without(name: string): void {
    this.#left.add(name)
    if (this.filters.every((filter) => this.#left.has(filter))) this.end()
  }

  #take(): MqttMessage | undefined {
    if (this.#first === this.#held.length) return undefined
    const message = this.#held[this.#first++]!
    this.#heldBytes -= message.payload.length
    if (this.#unconfirmed.delete(message)) message.acknowledge()
    if (this.#first === this.#held.length) {
      this.#held = []
      this.#first = 0
    } else if (this.#first >= 1024) {
      this.#held.splice(0, this.#first)
      this.#first = 0
    }
    const { buffer, bufferBytes } = this.#settings
    if (this.#isFull && this.held <= buffer / 2 && this.#heldBytes <= bufferBytes / 2) this.#relax()
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
    // Whoever was to acknowledge it never sees it.
    if (this.#settings.acknowledge !== 'received') message?.acknowledge()
  }

  /** A loop ends that still waits: what comes is for the next one. */
  #leave(loop: object): void {
    const left = this.#waiting.filter((waiter) => waiter.loop === loop)
    if (left.length === 0) return
    this.#waiting = this.#waiting.filter((waiter) => waiter.loop !== loop)
    for (const waiter of left) waiter.end(undefined)
  }

  #wait(loop: object, onGiven: (message: MqttMessage) => void): Promise<IteratorResult<MqttMessage, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        loop,
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

  #handle(message: MqttMessage, onMessage: (message: MqttMessage) => unknown): void {
    let answer: unknown = undefined
    try {
      answer = onMessage(message)
    } catch (error) {
      this.#host.failed(error)
    }
    // What is no promise is of no interest: `(message) => list.push(message)` answers a number.
    if (!isThenable(answer)) return this.#handled(message)
    this.#handling = true
    void this.#finish(message, answer, onMessage)
  }

  async #finish(first: MqttMessage, answer: unknown, onMessage: (message: MqttMessage) => unknown): Promise<void> {
    for (let message: MqttMessage | undefined = first; message !== undefined; message = this.#take()) {
      try {
        await (message === first ? answer : onMessage(message))
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
  /** that asked */
  readonly loop: object
  give(message: MqttMessage): void
  end(error: HalyardError | undefined): void
}

function isThenable(value: unknown): boolean {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function'
}

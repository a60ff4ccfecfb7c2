import { UsageError, holdProcess } from '@halyard/core'
import type { HalyardError } from '@halyard/core'
import type { Owner } from '@halyard/mqtt/engine'
import type { EmitterMessage } from './message.ts'
import type { Subscription } from './types.ts'

interface Waiter {
  /** that asked */
  readonly loop: object
  give(message: EmitterMessage): void
  end(error: HalyardError | undefined): void
}

/** What was asked for, as it is asked again after a reconnection. */
export interface Wanted {
  readonly key: string
  /** with its final slash, without a group: where messages come */
  readonly channel: string
  readonly group: string | undefined
  readonly last: number | undefined
  /** unix seconds */
  readonly from: number | undefined
  readonly until: number | undefined
}

/** 1,000 messages */
const BUFFER = 1000

/** {@link Subscription}, whose messages are led here by channel. */
export class ChannelSubscription implements Subscription, Owner {
  readonly wanted: Wanted
  /** of its filter in the session */
  readonly name: string
  readonly #buffer: number
  readonly #leave: (subscription: ChannelSubscription) => Promise<void>
  #held: EmitterMessage[] = []
  /** Those before it were handed out. */
  #first = 0
  #dropped = 0
  #waiting: Waiter[] = []
  #isOver = false
  #error: HalyardError | undefined
  #leaving: Promise<void> | undefined
  /** As long as more may come it keeps the process alive, through every reconnection. */
  readonly #release: () => void

  /** @throws {UsageError} `ERR_USAGE` */
  constructor(
    wanted: Wanted,
    name: string,
    leave: (subscription: ChannelSubscription) => Promise<void>,
    buffer: number = BUFFER,
  ) {
    if (!Number.isInteger(buffer) || buffer < 1) {
      throw new UsageError('ERR_USAGE', `buffer is a number of messages from 1, not ${String(buffer)}`)
    }
    this.wanted = wanted
    this.name = name
    this.#leave = leave
    this.#buffer = buffer
    this.#release = holdProcess()
  }

  get channel(): string {
    return this.wanted.channel
  }

  get dropped(): number {
    return this.#dropped
  }

  /** What is held can still be read. Idempotent. */
  unsubscribe(): Promise<void> {
    this.#leaving ??= this.#isOver ? Promise.resolve() : this.#leave(this)
    return this.#leaving
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe()
  }

  [Symbol.asyncIterator](): AsyncIterator<EmitterMessage, undefined> {
    const loop = {}
    return {
      next: () => {
        const value = this.#take()
        if (value !== undefined) return Promise.resolve({ value, done: false })
        if (this.#error !== undefined) return Promise.reject(this.#error)
        if (this.#isOver) return Promise.resolve({ value: undefined, done: true })
        return this.#wait(loop)
      },
      return: () => {
        this.#left(loop)
        return Promise.resolve({ value: undefined, done: true })
      },
    }
  }

  push(message: EmitterMessage): void {
    if (this.#isOver) return
    const waiter = this.#waiting.shift()
    if (waiter !== undefined) return waiter.give(message)
    if (this.#held.length - this.#first >= this.#buffer) {
      this.#take()
      this.#dropped++
    }
    this.#held.push(message)
  }

  /** Messages do not come this way: their topics have no key and no group. */
  offer(): void {}

  without(): void {}

  /** Nothing follows; with an error the loop throws it when it has read what is held. */
  end(error?: HalyardError): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#error = error
    for (const waiter of this.#waiting.splice(0)) waiter.end(error)
    this.#release()
  }

  #take(): EmitterMessage | undefined {
    if (this.#first === this.#held.length) return undefined
    const message = this.#held[this.#first++]
    if (this.#first === this.#held.length || this.#first >= 1024) {
      this.#held = this.#held.slice(this.#first)
      this.#first = 0
    }
    return message
  }

  /** A loop has ended that still waited: what comes is for the next one. */
  #left(loop: object): void {
    const left = this.#waiting.filter((waiter) => waiter.loop === loop)
    if (left.length === 0) return
    this.#waiting = this.#waiting.filter((waiter) => waiter.loop !== loop)
    for (const waiter of left) waiter.end(undefined)
  }

  #wait(loop: object): Promise<IteratorResult<EmitterMessage, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        loop,
        give: (value) => resolve({ value, done: false }),
        end(error) {
          if (error === undefined) resolve({ value: undefined, done: true })
          else reject(error)
        },
      })
    })
  }
}

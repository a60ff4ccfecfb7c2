/** Whether one more message fits, and who gives way if not. */
import { HalyardError, UsageError } from '../errors.ts'
import type { Custody } from './custody.ts'
import type { Item } from './item.ts'
import { DEFAULTS, MAX_BODY } from './options.ts'
import type { Intake } from './options.ts'
import type { OutboxOptions } from './types.ts'

export class Room {
  readonly #custody: Custody
  readonly #maxMessages: number
  readonly #maxBytes: number
  readonly #overflow: NonNullable<OutboxOptions['overflow']>

  constructor(custody: Custody, options: OutboxOptions) {
    this.#custody = custody
    this.#maxMessages = options.maxMessages ?? DEFAULTS.maxMessages
    this.#maxBytes = options.maxBytes ?? DEFAULTS.maxBytes
    this.#overflow = options.overflow ?? DEFAULTS.overflow
  }

  /**
   * False if the message itself has to give way.
   *
   * @throws {HalyardError} `ERR_OUTBOX_MESSAGE`, `ERR_OUTBOX_FULL`
   */
  make(intake: Intake): boolean {
    const size = intake.submission.body.length
    if (size > Math.min(this.#maxBytes, MAX_BODY)) {
      const limit = size > MAX_BODY ? `the ${MAX_BODY} that one can have` : `maxBytes (${this.#maxBytes})`
      throw new UsageError('ERR_OUTBOX_MESSAGE', `a message of ${size} bytes is larger than ${limit}; split it`)
    }
    if (this.#fits(intake)) return true
    if (this.#overflow === 'drop-newest') return false
    if (this.#overflow === 'reject' || !this.#couldFit(intake)) throw this.#full()
    while (!this.#fits(intake)) {
      const oldest = this.#oldest(intake.priority)
      if (oldest === undefined) throw this.#full()
      this.#custody.settle(oldest, 'dropped', 'overflow')
    }
    return true
  }

  /** A message takes the place of the one that it supersedes. */
  #fits(
    intake: Intake,
    others: { readonly messages: number; readonly bytes: number } = { messages: 0, bytes: 0 },
  ): boolean {
    const { depth, bytes } = this.#custody
    const older = this.#custody.replacedBy(intake)
    const messages = depth - others.messages - (older === undefined ? 0 : 1)
    const left = bytes - others.bytes - (older?.size ?? 0)
    return messages < this.#maxMessages && left + intake.submission.body.length <= this.#maxBytes
  }

  /** Whether there would be room if all gave way that may: else nobody does. */
  #couldFit(intake: Intake): boolean {
    const others = { messages: 0, bytes: 0 }
    for (const { lanes } of this.#custody.found.destinations.values()) {
      for (const lane of lanes.slice(intake.priority)) {
        others.messages += lane.length
        others.bytes += lane.bytes
      }
    }
    return this.#fits(intake, others)
  }

  /** The oldest of the least important messages that wait, none that is more important than the one to come. */
  #oldest(priority: number): Item | undefined {
    for (let level = 2; level >= priority; level--) {
      let oldest: Item | undefined
      for (const destination of this.#custody.found.destinations.values()) {
        const { head } = destination.lane(level)
        if (head !== undefined && head.order < (oldest?.order ?? Infinity)) oldest = head
      }
      if (oldest !== undefined) return oldest
    }
    return undefined
  }

  #full(): HalyardError {
    const { depth, bytes } = this.#custody
    const limits = `${depth} messages and ${bytes} bytes of ${this.#maxMessages} and ${this.#maxBytes}`
    return new HalyardError('ERR_OUTBOX_FULL', `the outbox is full: ${limits}; wait until some are delivered`)
  }
}

import type { Lsn } from '../domain/ports.ts'
import type { ReasonCode } from './dialect.ts'
import type { CommitWait, Keeper } from './keeper.ts'

/** A PUBACK or PUBREC that waits for somebody's word. */
export interface Answer {
  readonly qos: 1 | 2
  readonly packetId: number
  /** Of the record that it waits for; 0: for none. */
  lsn: Lsn
  /** `undefined`: it waits for a word. */
  reason: ReasonCode | undefined
  /** Its record does not last. */
  hasFailed: boolean
}

export interface AnswersParts {
  readonly send: (qos: 1 | 2, packetId: number, reason: ReasonCode) => void
  /** The message of a PUBACK could not be kept. */
  readonly failed: (packetId: number) => void
}

/** Sent ones are let go of together. */
const MANY = 1024

/**
 * PUBACKs and PUBRECs leave in the order of their messages ([MQTT-4.6.0-2], [MQTT-4.6.0-3]): one that need not wait for a
 * disk waits behind one that must.
 */
export class Answers implements CommitWait {
  readonly #keeper: Pick<Keeper, 'wait'>
  readonly #parts: AnswersParts
  #waiting: Answer[] = []
  /** The first that waits. */
  #first = 0
  /** The first that was not told of its commit. */
  #told = 0
  /** It hears of commits. */
  #isWaiting = false

  constructor(keeper: Pick<Keeper, 'wait'>, parts: AnswersParts) {
    this.#keeper = keeper
    this.#parts = parts
  }

  /** That wait. */
  get size(): number {
    return this.#waiting.length - this.#first
  }

  /** At once, or in its turn. */
  give(qos: 1 | 2, packetId: number, reason: ReasonCode): void {
    if (this.size === 0) this.#parts.send(qos, packetId, reason)
    else this.#waiting.push({ qos, packetId, lsn: 0, reason, hasFailed: false })
  }

  /** A PUBACK, when that lasts. */
  giveAt(lsn: Lsn, packetId: number, reason: ReasonCode): void {
    this.#waiting.push({ qos: 1, packetId, lsn, reason, hasFailed: false })
    if (this.#isWaiting) return
    this.#isWaiting = true
    this.#keeper.wait(this)
  }

  /** Has its place now, and is {@link settle}d later. */
  open(qos: 1 | 2, packetId: number): Answer {
    const answer: Answer = { qos, packetId, lsn: 0, reason: undefined, hasFailed: false }
    this.#waiting.push(answer)
    return answer
  }

  settle(answer: Answer, reason: ReasonCode): void {
    answer.reason = reason
    this.#send()
  }

  settled(upTo: Lsn, error: Error | undefined): boolean {
    for (; this.#told < this.#waiting.length; this.#told++) {
      const answer = this.#waiting[this.#told]
      if (answer === undefined || answer.lsn > upTo) break
      if (answer.lsn !== 0 && error !== undefined) answer.hasFailed = true
      answer.lsn = 0
    }
    this.#send()
    return (this.#isWaiting = this.#told < this.#waiting.length)
  }

  #send(): void {
    for (; this.#first < this.#waiting.length; this.#first++) {
      const answer = this.#waiting[this.#first]
      if (answer === undefined || answer.lsn !== 0 || answer.reason === undefined) break
      if (answer.hasFailed) this.#parts.failed(answer.packetId)
      else this.#parts.send(answer.qos, answer.packetId, answer.reason)
    }
    if (this.#first < this.#waiting.length && this.#first < MANY) return
    // What is told is never behind what was sent.
    const sent = this.#first
    this.#waiting = this.#waiting.slice(sent)
    this.#told = Math.max(0, this.#told - sent)
    this.#first = 0
  }
}

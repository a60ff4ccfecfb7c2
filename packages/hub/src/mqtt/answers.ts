import type { ReasonCode } from './dialect.ts'

/** A PUBACK or PUBREC that waits for somebody's word. */
export interface Answer {
  readonly qos: 1 | 2
  readonly packetId: number
  reason: ReasonCode | undefined
}

/**
 * PUBACKs and PUBRECs leave in the order of their messages ([MQTT-4.6.0-2], [MQTT-4.6.0-3]): one that need not wait for a
 * disk waits behind one that must.
 */
export class Answers {
  readonly #send: (qos: 1 | 2, packetId: number, reason: ReasonCode) => void
  readonly #waiting: Answer[] = []

  constructor(send: (qos: 1 | 2, packetId: number, reason: ReasonCode) => void) {
    this.#send = send
  }

  /** That wait. */
  get size(): number {
    return this.#waiting.length
  }

  /** At once, or in its turn. */
  give(qos: 1 | 2, packetId: number, reason: ReasonCode): void {
    if (this.#waiting.length === 0) this.#send(qos, packetId, reason)
    else this.#waiting.push({ qos, packetId, reason })
  }

  /** Has its place now, and is {@link settle}d later. */
  open(qos: 1 | 2, packetId: number): Answer {
    const answer: Answer = { qos, packetId, reason: undefined }
    this.#waiting.push(answer)
    return answer
  }

  settle(answer: Answer, reason: ReasonCode): void {
    answer.reason = reason
    for (let first = this.#waiting[0]; first?.reason !== undefined; first = this.#waiting[0]) {
      this.#waiting.shift()
      this.#send(first.qos, first.packetId, first.reason)
    }
  }
}

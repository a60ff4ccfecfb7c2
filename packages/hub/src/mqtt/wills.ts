import type { Publication } from './publication.ts'
import type { Session } from './session.ts'

/** What is published if a client goes without saying so (§3.1.2.5). */
export interface WillMessage {
  /** It expires never, until it is published. */
  readonly publication: Publication
  /** Seconds from its publication on; Infinity (5.0 §3.1.3.2.4). */
  readonly lifetime: number
  /** Seconds; 5.0 §3.1.3.2.2 */
  readonly delay: number
}

export interface WillsParts {
  readonly publish: (will: WillMessage, session: Session) => void
  /** Nobody will hear of it. */
  readonly cancel: (will: WillMessage) => void
}

interface Pending {
  readonly will: WillMessage
  readonly session: Session
  /** Monotonic ms. */
  readonly dueAt: number
}

/** Wills whose clients have gone, until they are due. At most one for a session: it had but one connection. */
export class Wills {
  readonly #pending = new Map<Session, Pending>()
  readonly #parts: WillsParts

  constructor(parts: WillsParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#pending.size
  }

  /** The connection ended. Due after its delay or with the session, whichever is first ([MQTT-3.1.3-9]). */
  left(will: WillMessage, session: Session, now: number): void {
    const wait = Math.min(will.delay, session.expiry)
    if (wait === 0) this.#parts.publish(will, session)
    else this.#pending.set(session, { will, session, dueAt: now + wait * 1000 })
  }

  /** The client is there again within the delay: nobody hears of it ([MQTT-3.1.3-9]). */
  returned(session: Session): void {
    const pending = this.#pending.get(session)
    if (pending === undefined) return
    this.#pending.delete(session)
    this.#parts.cancel(pending.will)
  }

  /** The session has ended: now or never. */
  ended(session: Session): void {
    const pending = this.#pending.get(session)
    if (pending === undefined) return
    this.#pending.delete(session)
    this.#parts.publish(pending.will, session)
  }

  sweep(now: number): void {
    for (const { will, session, dueAt } of this.#pending.values()) {
      if (dueAt > now) continue
      this.#pending.delete(session)
      this.#parts.publish(will, session)
    }
  }
}

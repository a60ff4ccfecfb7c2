import type { Session } from './session.ts'

export interface SubscriptionTerms {
  readonly qos: 0 | 1 | 2
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly retainHandling: 0 | 1 | 2
  /** 5.0 §3.8.2.1.2; 0: none */
  readonly identifier: number
  /** Monotonic ms; Infinity. */
  readonly validUntil: number
}

/** One filter of one session. There are a million of them: no field that can be done without. */
export class ClientSubscription {
  readonly session: Session
  readonly qos: 0 | 1 | 2
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly identifier: number
  readonly validUntil: number

  constructor(session: Session, terms: SubscriptionTerms) {
    this.session = session
    this.qos = terms.qos
    this.noLocal = terms.noLocal
    this.retainAsPublished = terms.retainAsPublished
    this.identifier = terms.identifier
    this.validUntil = terms.validUntil
  }
}

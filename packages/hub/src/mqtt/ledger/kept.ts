/** What the records say of one thing, as far as they were read. */
import type { Numbered } from '../../domain/numbered.ts'
import type { SharedTail } from '../shared-tail.ts'
import type { Dated } from './boots.ts'
import type { GroupState, Ordinal, OwedState, Owner, SubscriptionState } from './records.ts'

export interface KeptSession {
  readonly number: number
  readonly owner: Owner
  expiry: number
  /** `undefined`: it had a connection at the end. */
  leftAt: Dated | undefined
  next: Ordinal
  sent: Ordinal
  readonly subscriptions: Map<string, KeptSubscription>
  /** In the order of their ordinals. */
  readonly owed: Numbered<OwedState>
  /** Behind that, what it shares with others. `next` does not count it. */
  tail: SharedTail | undefined
  readonly received: Set<number>
}

export interface KeptSubscription extends Omit<SubscriptionState, 'validUntil'> {
  readonly validUntil: Dated
}

export interface KeptGroup extends Omit<GroupState, 'backlog'> {
  /** In the order in which they came. */
  readonly backlog: Set<number>
}

/** A session of several records, not all of which are there yet. Until then the one that was there before is. */
export interface Arriving {
  readonly number: number
  session?: KeptSession
  missing: number
}

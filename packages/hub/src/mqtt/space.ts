import { RetainedStore } from '../domain/topics/retained-store.ts'
import type { RetainedLimits } from '../domain/topics/retained-store.ts'
import { SubscriptionIndex } from '../domain/topics/subscription-index.ts'
import type { Publication } from './publication.ts'
import { HeldSubscription } from './session.ts'
import type { ClientSubscription } from './session.ts'
import { SharedGroup } from './shared-group.ts'
import type { SharedGroupParts } from './shared-group.ts'
import { forgetTargets, targetsOf } from './targets.ts'
import type { Subscriber, Targets } from './targets.ts'

/** Topics and their targets that are remembered, in sum; the topic that was matched longest ago goes first. */
const REMEMBERED = 100_000

/** Longer channels are matched each time. */
const REMEMBERED_CHARACTERS = 256

/** Where channels live. Nothing crosses from one space to another but a dialect's route. */
export class Space {
  readonly name: string
  readonly retained: RetainedStore<Publication>
  readonly #index: SubscriptionIndex<Subscriber> = new SubscriptionIndex()
  readonly #groups = new Map<string, SharedGroup>()
  readonly #groupParts: SharedGroupParts
  /** All of one epoch: a change of a subscription lets go of all, so that no session outlives itself here. */
  readonly #targets = new Map<string, Targets>()
  /** The latest with this subscriber first: a thousand sessions that want all topics are one list, not one for each topic. */
  readonly #latest = new Map<Subscriber | undefined, Targets>()
  #targetsEpoch = 0
  #remembered = 0

  constructor(name: string, limits: RetainedLimits, groupParts: SharedGroupParts) {
    this.name = name
    this.retained = new RetainedStore(limits)
    this.#groupParts = groupParts
  }

  /** Grows with each change of a subscription. */
  get epoch(): number {
    return this.#index.epoch
  }

  /** Members of shared groups not among them. */
  get subscriptions(): number {
    return this.#index.size - this.#groups.size
  }

  get sharedSubscriptions(): number {
    let members = 0
    for (const group of this.#groups.values()) members += group.size
    return members
  }

  /** Who gets what is published there now; good while its epoch is the space's. */
  targets(channel: string): Targets {
    if (channel.length > REMEMBERED_CHARACTERS) return this.#match(channel)
    const { epoch } = this.#index
    if (this.#targetsEpoch !== epoch) this.#forget(epoch)
    const known = this.#targets.get(channel)
    if (known !== undefined) return known
    const found: Subscriber[] = []
    this.#index.match(channel, found)
    const latest = this.#latest.get(found[0])
    const targets = latest !== undefined && isSame(latest.found, found) ? latest : targetsOf(found, epoch)
    if (targets !== latest) this.#latest.set(found[0], targets)
    if (targets.topics++ === 0) this.#remembered += found.length
    this.#remembered++
    this.#targets.set(channel, targets)
    for (const [oldest, others] of this.#targets) {
      if (this.#remembered <= REMEMBERED || oldest === channel) break
      this.#targets.delete(oldest)
      this.#remembered--
      if (--others.topics === 0) this.#letGo(others)
    }
    return targets
  }

  /** No topic is remembered with it any more. */
  #letGo(targets: Targets): void {
    const [first] = targets.found
    this.#remembered -= targets.found.length
    if (this.#latest.get(first) === targets) this.#latest.delete(first)
    forgetTargets(targets)
  }

  #match(channel: string): Targets {
    const found: Subscriber[] = []
    this.#index.match(channel, found)
    return targetsOf(found, this.#index.epoch)
  }

  subscribe(filter: string, share: string | undefined, subscription: ClientSubscription): void {
    if (share === undefined) {
      this.#index.add(filter, subscription)
      return
    }
    this.#groupFor(share, filter).add(subscription)
  }

  /** One of an earlier process: nobody is there yet. */
  restore(filter: string, share: string | undefined, subscription: ClientSubscription): void {
    if (share === undefined) this.#index.add(filter, subscription)
    else this.#groupFor(share, filter).restoreMember(subscription)
  }

  group(share: string, filter: string): SharedGroup | undefined {
    return this.#groups.get(`${share}/${filter}`)
  }

  get groups(): Iterable<SharedGroup> {
    return this.#groups.values()
  }

  #groupFor(share: string, filter: string): SharedGroup {
    const key = `${share}/${filter}`
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = new SharedGroup({ space: this.name, share, filter }, this.#groupParts)
      this.#groups.set(key, group)
      this.#index.add(filter, group)
    }
    return group
  }

  unsubscribe(filter: string, share: string | undefined, subscription: ClientSubscription): void {
    if (share === undefined) {
      this.#index.remove(filter, subscription)
      if (subscription instanceof HeldSubscription) subscription.holder.leave(subscription)
      return
    }
    const key = `${share}/${filter}`
    const group = this.#groups.get(key)
    if (group === undefined) return
    group.remove(subscription)
    if (!group.isEmpty) return
    this.#groups.delete(key)
    this.#index.remove(filter, group)
  }

  #forget(epoch: number): void {
    for (const targets of this.#targets.values()) forgetTargets(targets)
    this.#targets.clear()
    this.#latest.clear()
    this.#targetsEpoch = epoch
    this.#remembered = 0
  }
}

function isSame(some: readonly Subscriber[], others: readonly Subscriber[]): boolean {
  return some.length === others.length && some.every((one, i) => one === others[i])
}

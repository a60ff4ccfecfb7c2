import { RetainedStore } from '../domain/topics/retained-store.ts'
import type { RetainedLimits } from '../domain/topics/retained-store.ts'
import { SubscriptionIndex } from '../domain/topics/subscription-index.ts'
import type { Publication } from './publication.ts'
import { targetsOf } from './targets.ts'
import type { Subscriber, Targets } from './targets.ts'

/** Topics whose targets are remembered; the one that was not asked for longest goes first. */
const REMEMBERED = 20_000

/** Where channels live. Nothing crosses from one space to another but a dialect's route. */
export class Space {
  readonly name: string
  readonly index: SubscriptionIndex<Subscriber> = new SubscriptionIndex()
  readonly retained: RetainedStore<Publication>
  readonly #targets = new Map<string, Targets>()

  constructor(name: string, limits: RetainedLimits) {
    this.name = name
    this.retained = new RetainedStore(limits)
  }

  /** Who gets what is published there now; good while `targets.epoch` is the index's. */
  targets(channel: string): Targets {
    const { epoch } = this.index
    const known = this.#targets.get(channel)
    if (known !== undefined && known.epoch === epoch) return known
    const found: Subscriber[] = []
    this.index.match(channel, found)
    const targets = targetsOf(found, epoch)
    this.#targets.delete(channel)
    this.#targets.set(channel, targets)
    if (this.#targets.size > REMEMBERED) {
      for (const oldest of this.#targets.keys()) {
        this.#targets.delete(oldest)
        break
      }
    }
    return targets
  }
}

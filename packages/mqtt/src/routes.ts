import { matches, parseShared } from '@halyard/wire/mqtt'
import type { Filter, Filters, Owner } from './filters.ts'
import type { MqttMessage } from './message.ts'
import { TopicCache } from './topic-cache.ts'

/** Topics whose subscriptions are remembered. */
const MAX_TOPICS = 4096

/**
 * Which subscriptions a message is for. A server may send it once for each filter that matches: with 5.0 it says for which,
 * by subscription identifiers; before, everybody whose filter matches gets each copy.
 */
export class Routes {
  readonly #filters: Filters
  readonly #byTopic = new TopicCache<readonly Filter[]>(MAX_TOPICS)
  #epoch = -1

  constructor(filters: Filters) {
    this.#filters = filters
  }

  /** Hands the message on; to how many. */
  offer(message: MqttMessage, identifiers: readonly number[] | undefined): number {
    const filters = this.#chosen(message.topic, identifiers)
    const [filter] = filters
    if (filter === undefined) return 0
    if (filters.length === 1 && filter.owners.size === 1) {
      for (const owner of filter.owners) owner.offer(message)
      return 1
    }
    const owners = ownersOf(filters)
    for (const owner of owners) owner.offer(message)
    return owners.size
  }

  /** Who would get it. */
  owners(message: MqttMessage): ReadonlySet<Owner> {
    return ownersOf(this.#matching(message.topic))
  }

  #chosen(topic: string, identifiers: readonly number[] | undefined): readonly Filter[] {
    const matching = this.#matching(topic)
    // With one there is no choice.
    if (matching.length < 2) return matching
    const named = identifiers && matching.filter(({ identifier }) => identifiers.includes(identifier))
    // Identifiers of an earlier process mean nothing here.
    return named === undefined || named.length === 0 ? matching : named
  }

  #matching(topic: string): readonly Filter[] {
    if (this.#epoch !== this.#filters.epoch) {
      this.#byTopic.clear()
      this.#epoch = this.#filters.epoch
    }
    const known = this.#byTopic.get(topic)
    if (known !== undefined) return known
    const found = [...this.#filters.values()].filter(({ name }) => matches(parseShared(name)?.filter ?? name, topic))
    this.#byTopic.set(topic, found)
    return found
  }
}

function ownersOf(filters: readonly Filter[]): ReadonlySet<Owner> {
  return new Set(filters.flatMap(({ owners }) => [...owners]))
}

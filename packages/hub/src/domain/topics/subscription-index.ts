import { bagAdd, bagHas, bagInto, bagRemove } from './bag.ts'
import type { Bag } from './bag.ts'
import { endOfLevel, fits, hasWildcard, isServerTopic } from './filter.ts'

/**
 * Who subscribed to what, in one space. Filters without wildcards, nearly all, lie in a hash and are found by the topic
 * itself. The others lie in a trie of levels that is split only where two filters share a beginning:
 *
 * ```
 * home/+/temperature      root ─ home ─ + ─ temperature: [S1]
 * home/+/humidity                      └─ humidity: [S2]
 * plant/#                 root ─ plant/#: [S3]            one leaf, its levels still one text
 * ```
 */
export class SubscriptionIndex<S extends object> {
  readonly #exact = new Map<string, Bag<S>>()
  readonly #root: Node<S> = new Node()
  #epoch = 0
  #size = 0

  /** Grows with each change: what was matched before may not hold any more. */
  get epoch(): number {
    return this.#epoch
  }

  /** Subscriptions. */
  get size(): number {
    return this.#size
  }

  /** False if it is there already. */
  add(filter: string, subscription: S): boolean {
    const added = hasWildcard(filter) ? this.#root.add(filter, 0, subscription) : this.#addExact(filter, subscription)
    if (added) this.#changed(1)
    return added
  }

  /** False if it was not there. */
  remove(filter: string, subscription: S): boolean {
    const removed = hasWildcard(filter)
      ? this.#root.remove(filter, 0, subscription)
      : this.#removeExact(filter, subscription)
    if (removed) this.#changed(-1)
    return removed
  }

  /** Adds to `found` whoever has a filter that fits; one with two such filters stands there twice. */
  match(topic: string, found: S[]): void {
    bagInto(this.#exact.get(topic), found)
    if (!this.#root.isEmpty) this.#root.match(topic, 0, found, isServerTopic(topic))
  }

  #addExact(filter: string, subscription: S): boolean {
    const bag = this.#exact.get(filter)
    if (bagHas(bag, subscription)) return false
    this.#exact.set(filter, bagAdd(bag, subscription))
    return true
  }

  #removeExact(filter: string, subscription: S): boolean {
    const bag = this.#exact.get(filter)
    if (!bagHas(bag, subscription)) return false
    const rest = bagRemove(bag, subscription)
    if (rest === undefined) this.#exact.delete(filter)
    else this.#exact.set(filter, rest)
    return true
  }

  #changed(by: number): void {
    this.#epoch++
    this.#size += by
  }
}

/** The rest of one filter, not yet split into levels; never empty. */
class Leaf<S extends object> {
  readonly rest: string
  bag: Bag<S>

  constructor(rest: string, bag: Bag<S>) {
    this.rest = rest
    this.bag = bag
  }
}

type Branch<S extends object> = Node<S> | Leaf<S>

/** A beginning that several filters share. */
class Node<S extends object> {
  /** By level; `+` and `#` are levels like others here. */
  readonly #branches = new Map<string, Branch<S>>()
  /** Of filters that end here. */
  #here: Bag<S>

  get isEmpty(): boolean {
    return this.#here === undefined && this.#branches.size === 0
  }

  /** `at`: where the level begins in `filter`; behind its end: the filter ends here. */
  add(filter: string, at: number, subscription: S): boolean {
    if (at > filter.length) return this.#addHere(subscription)
    const end = endOfLevel(filter, at)
    const level = filter.slice(at, end)
    const branch = this.#branches.get(level)
    if (branch === undefined) {
      this.#branches.set(level, new Leaf(restOf(filter, end), subscription))
      return true
    }
    if (branch instanceof Node) return branch.add(filter, end + 1, subscription)
    if (branch.rest === restOf(filter, end)) {
      if (bagHas(branch.bag, subscription)) return false
      branch.bag = bagAdd(branch.bag, subscription)
      return true
    }
    const node = new Node<S>()
    node.#adopt(branch)
    this.#branches.set(level, node)
    return node.add(filter, end + 1, subscription)
  }

  remove(filter: string, at: number, subscription: S): boolean {
    if (at > filter.length) {
      if (!bagHas(this.#here, subscription)) return false
      this.#here = bagRemove(this.#here, subscription)
      return true
    }
    const end = endOfLevel(filter, at)
    const level = filter.slice(at, end)
    const branch = this.#branches.get(level)
    if (branch === undefined) return false
    if (branch instanceof Node) {
      if (!branch.remove(filter, end + 1, subscription)) return false
      if (branch.isEmpty) this.#branches.delete(level)
      return true
    }
    if (branch.rest !== restOf(filter, end) || !bagHas(branch.bag, subscription)) return false
    branch.bag = bagRemove(branch.bag, subscription)
    if (branch.bag === undefined) this.#branches.delete(level)
    return true
  }

  /** `at`: where the level begins in `topic`; behind its end: the topic ends here. */
  match(topic: string, at: number, found: S[], isServerLevel: boolean): void {
    const branches = this.#branches
    if (!isServerLevel) {
      const many = branches.get('#')
      // Nothing stands behind `#`, so it is a leaf or a node with its own subscribers alone.
      if (many !== undefined) bagInto(many instanceof Node ? many.#here : many.bag, found)
    }
    if (at > topic.length) return bagInto(this.#here, found)
    const end = endOfLevel(topic, at)
    this.#follow(branches.get(topic.slice(at, end)), topic, end, found)
    if (!isServerLevel) this.#follow(branches.get('+'), topic, end, found)
  }

  #follow(branch: Branch<S> | undefined, topic: string, end: number, found: S[]): void {
    if (branch === undefined) return
    if (branch instanceof Node) return branch.match(topic, end + 1, found, false)
    const { rest } = branch
    const isEnd = end === topic.length
    if (rest === END ? isEnd : fits(rest, 1, topic, end + 1)) bagInto(branch.bag, found)
  }

  #addHere(subscription: S): boolean {
    if (bagHas(this.#here, subscription)) return false
    this.#here = bagAdd(this.#here, subscription)
    return true
  }

  /** A leaf of the level above moves in. */
  #adopt({ rest, bag }: Leaf<S>): void {
    if (rest === END) {
      this.#here = bag
      return
    }
    const end = endOfLevel(rest, 1)
    this.#branches.set(rest.slice(1, end), new Leaf(restOf(rest, end), bag))
  }
}

/** The rest of a filter whose last level is done. */
const END = ''

/** From the `/` on, so that a last level which is empty (`a/`) is not taken for none. */
function restOf(filter: string, end: number): string {
  return filter.slice(end)
}

import { SharedRow } from '../domain/shared-row.ts'
import type { Position } from '../domain/positions.ts'
import type { Part, SharedTail, SharedTerms } from './shared-tail.ts'

/** One session that gets the same messages as the others. */
export type Member = SharedTerms

export interface GatheringParts<M extends Member> {
  readonly members: readonly M[]
  /** Of its session, if it has one. */
  readonly tailOf: (member: M) => SharedTail | undefined
  readonly release: (position: Position) => void
  /** It takes over the row of those who got the same before it. */
  readonly mayAdopt: boolean
}

/** Those who get the same messages: some wait and read one row, each other one has a queue of its own. */
export class Gathering<M extends Member> {
  readonly row: SharedRow
  /** Who does not read the row. */
  readonly others: M[]
  readonly #followers = new Map<Part, M>()
  #isOver = false

  /**
   * A subscription that comes or goes makes new lists of who gets what. If all who read a row are in the new list, it
   * takes the row over; else whoever waits would get another row for each.
   */
  constructor({ members, tailOf, release, mayAdopt }: GatheringParts<M>) {
    const found = mayAdopt ? rowOf(members, tailOf) : undefined
    this.row = found?.row ?? new SharedRow(release)
    if (found === undefined) {
      this.others = [...members]
      return
    }
    this.others = members.filter((member) => !found.parts.has(member))
    for (const [member, part] of found.parts) {
      if (part.home instanceof Gathering) part.home.end()
      part.home = this
      part.terms = member
      this.#followers.set(part, member)
    }
  }

  /** Another one has its row, or may take it: nothing comes to it any more. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Whoever reads the row goes on without it. */
  end(): void {
    this.#isOver = true
    this.#followers.clear()
    this.others.length = 0
  }

  /** How many read the row. */
  get size(): number {
    return this.#followers.size
  }

  get followers(): IterableIterator<M> {
    return this.#followers.values()
  }

  /** Members that `wants` come from the others into the row. */
  gather(wants: (member: M) => SharedTail | undefined): void {
    const { others, row } = this
    let left = 0
    for (const member of others) {
      const tail = wants(member)
      if (tail === undefined) {
        others[left++] = member
        continue
      }
      const part: Part = { row, from: row.end, to: Infinity, terms: member, home: this }
      this.#followers.set(part, member)
      tail.enter(part)
    }
    others.length = left
  }

  left(part: Part): void {
    const member = this.#followers.get(part)
    if (member === undefined) return
    this.#followers.delete(part)
    this.others.push(member)
  }
}

/** A row whose readers are all among the members, on the same terms. */
function rowOf<M extends Member>(
  members: readonly M[],
  tailOf: (member: M) => SharedTail | undefined,
): { readonly row: SharedRow; readonly parts: ReadonlyMap<M, Part> } | undefined {
  const first = members.find((member) => (tailOf(member)?.parts.length ?? 0) > 0)
  for (const { row, to } of (first && tailOf(first)?.parts) ?? []) {
    if (to !== Infinity) continue
    const parts = new Map<M, Part>()
    for (const member of members) {
      const part = tailOf(member)?.parts.find((one) => one.row === row && isSame(one.terms, member))
      if (part !== undefined) parts.set(member, part)
    }
    if (parts.size === row.readers) return { row, parts }
  }
  return undefined
}

function isSame(some: SharedTerms, others: SharedTerms): boolean {
  const { identifiers = [] } = some
  const { identifiers: otherIdentifiers = [] } = others
  return (
    some.qos === others.qos &&
    some.retainAsPublished === others.retainAsPublished &&
    identifiers.length === otherIdentifiers.length &&
    identifiers.every((one, i) => one === otherIdentifiers[i])
  )
}

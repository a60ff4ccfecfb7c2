import type { TargetList } from '../keeper.ts'
import type { LedgerRecord, TargetState } from './records.ts'

/** Characters of sets that are remembered; then all are written anew: what is remembered stays small, whatever is in them. */
const REMEMBERED = 8 * 1024 * 1024

interface Named {
  readonly set: number
  readonly generation: number
}

/**
 * Who gets a message, written once for all messages that the same sessions get: a message then names its set. A thousand
 * sessions that want everything cost each message two bytes.
 */
export class TargetSets {
  readonly #append: (record: LedgerRecord) => void
  readonly #nextNumber: () => number
  /** By what is in them: topics have the same readers more often than not. */
  readonly #sets = new Map<string, number>()
  /** Lists of targets last as long as no subscription changes. */
  #named = new WeakMap<TargetList, Named>()
  #generation = 0
  #remembered = 0

  constructor(append: (record: LedgerRecord) => void, nextNumber: () => number) {
    this.#append = append
    this.#nextNumber = nextNumber
  }

  /** The sessions and groups of these targets that last now. */
  numberOf(targets: TargetList): number {
    const known = this.#named.get(targets)
    if (known !== undefined && known.generation === this.#generation) return known.set
    const sessions: TargetState[] = []
    for (const { session, qos, retainAsPublished, identifiers = [] } of targets.sessions) {
      if (session.number !== 0) sessions.push({ session: session.number, qos, retainAsPublished, identifiers })
    }
    const groups = targets.groups.flatMap(({ number }) => (number === 0 ? [] : number))
    const key = JSON.stringify([sessions.map((one) => Object.values(one)), groups])
    let set = this.#sets.get(key)
    if (set === undefined) {
      set = this.#nextNumber()
      // Many messages hang on it: twice, so that a damaged record takes no more with it than itself.
      for (let copy = 0; copy < 2; copy++) this.#append({ kind: 'targets', set, sessions, groups })
      if (this.#remembered >= REMEMBERED) this.#forgetSets()
      this.#remembered += key.length
      this.#sets.set(key, set)
    }
    this.#named.set(targets, { set, generation: this.#generation })
    return set
  }

  /** What was written is about to go, or somebody in it lasts no longer, or does from now on. */
  forget(): void {
    this.#forgetSets()
    this.#generation++
  }

  #forgetSets(): void {
    this.#sets.clear()
    this.#remembered = 0
  }
}

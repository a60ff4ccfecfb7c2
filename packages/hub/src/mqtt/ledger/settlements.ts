import type { Ordinal, Run } from './records.ts'

/** What was settled and is not written yet: nobody waits for it, so many go into one record. */
export class Settlements {
  readonly #sessions = new Map<number, Ordinal[]>()
  readonly #groups = new Map<number, number[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  session(session: number, ordinal: Ordinal): void {
    put(this.#sessions, session, ordinal)
    this.#size++
  }

  group(group: number, message: number): void {
    put(this.#groups, group, message)
    this.#size++
  }

  /** All of them, and begins anew. */
  take(): {
    readonly sessions: readonly { readonly session: number; readonly runs: readonly Run[] }[]
    readonly groups: readonly { readonly group: number; readonly messages: readonly number[] }[]
  } {
    const sessions = Array.from(this.#sessions, ([session, ordinals]) => ({ session, runs: runsOf(ordinals) }))
    const groups = Array.from(this.#groups, ([group, messages]) => ({ group, messages }))
    this.#sessions.clear()
    this.#groups.clear()
    this.#size = 0
    return { sessions, groups }
  }
}

function put(lists: Map<number, number[]>, key: number, value: number): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}

/** They mostly come in their order. */
function runsOf(ordinals: readonly Ordinal[]): Run[] {
  const runs: { first: Ordinal; count: number }[] = []
  for (const ordinal of ordinals.toSorted((a, b) => a - b)) {
    const last = runs.at(-1)
    if (last && last.first + last.count === ordinal) last.count++
    else runs.push({ first: ordinal, count: 1 })
  }
  return runs
}

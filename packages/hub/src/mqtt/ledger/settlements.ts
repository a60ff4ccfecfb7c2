import type { Ordinal, Run } from './records.ts'

/** What was settled and is not written yet: nobody waits for it, so many go into one record. */
export class Settlements {
  readonly #sessions = new Map<number, MutableRun[]>()
  readonly #groups = new Map<number, number[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  session(session: number, first: Ordinal, count: number): void {
    const last = this.#sessions.get(session)?.at(-1)
    if (last && last.first + last.count === first) last.count += count
    else put(this.#sessions, session, { first, count })
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
    const sessions = Array.from(this.#sessions, ([session, runs]) => ({ session, runs: joined(runs) }))
    const groups = Array.from(this.#groups, ([group, messages]) => ({ group, messages }))
    this.#sessions.clear()
    this.#groups.clear()
    this.#size = 0
    return { sessions, groups }
  }
}

interface MutableRun extends Run {
  count: number
}

function put<T>(lists: Map<number, T[]>, key: number, value: T): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}

/** They mostly come in their order. */
function joined(runs: readonly Run[]): Run[] {
  const all: MutableRun[] = []
  for (const { first, count } of runs.toSorted((a, b) => a.first - b.first)) {
    const last = all.at(-1)
    if (last && last.first + last.count === first) last.count += count
    else all.push({ first, count })
  }
  return all
}

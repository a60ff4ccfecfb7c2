import type { KeptPublication } from './kept-messages.ts'

/** By space, then by channel. */
export type RetainedBySpace = Map<string, Map<string, KeptPublication>>

interface NumberedThings {
  readonly sessions: ReadonlyMap<number, unknown>
  readonly groups: ReadonlyMap<number, unknown>
  readonly wills: ReadonlyMap<number, unknown>
}

/** What was there when a snapshot began, and was not written again since. */
export class Stale {
  readonly sessions: Set<number>
  readonly groups: Set<number>
  readonly wills: Set<number>
  readonly retained: Map<string, Set<string>>

  constructor(kept: NumberedThings, retained: RetainedBySpace) {
    this.sessions = new Set(kept.sessions.keys())
    this.groups = new Set(kept.groups.keys())
    this.wills = new Set(kept.wills.keys())
    this.retained = new Map(Array.from(retained, ([space, channels]) => [space, new Set(channels.keys())]))
  }
}

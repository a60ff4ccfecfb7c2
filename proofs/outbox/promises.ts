/**
 * What an outbox promised to somebody, and whether what is found after a crash keeps it. The same rules judge the crash
 * matrix, the killed process and the power cut.
 *
 * A message is called `<lane>:<number>`, where a lane is a destination and a priority, and the numbers of a lane count up
 * in the order in which its messages were submitted. An exclamation mark behind the number says that it may go out at
 * most once.
 */

/**
 * - `queued`: its sender was told so, by the event or by the send
 * - `delivered`, `dropped`: the event came, so it is written down
 * - `refused`: the outbox could not take it and said so; it may be there nevertheless
 * - `sent`: it was handed to the peer, who may have got it (not: where the peer certainly got nothing)
 * - `reached`: it got to this stage, and that is written down
 */
export interface Fact {
  readonly what: 'queued' | 'delivered' | 'dropped' | 'refused' | 'sent' | 'reached'
  readonly id: string
  readonly stage?: number
}

/** What the outbox, opened again, does and says when everything that it holds has gone out. */
export interface Found {
  /** In the order in which the messages were handed to the peer. */
  readonly handed: readonly string[]
  readonly stateOf: (id: string) => string | undefined
  /** The stage with which it was handed to the peer, where messages have stages. */
  readonly stageOf?: (id: string) => number | undefined
}

export function laneOf(id: string): string {
  return id.slice(0, id.indexOf(':'))
}

export function isAtMostOnce(id: string): boolean {
  return id.endsWith('!')
}

/** @throws {Error} that names the first broken promise. */
export function checkPromises(facts: readonly Fact[], { handed, stateOf, stageOf }: Found): void {
  const handedNow = new Set(handed)
  const idsOf = (...kinds: readonly Fact['what'][]): Set<string> =>
    new Set(facts.filter(({ what }) => kinds.includes(what)).map(({ id }) => id))

  if (handedNow.size < handed.length) throw new Error(`a message went out twice: ${handed.join(' ')}`)
  const settled = new Set<string>()
  for (const { what, id } of facts) {
    if (what === 'delivered' || what === 'dropped') settled.add(id)
    if (what === 'sent' && settled.has(id)) throw new Error(`${id} was settled and went out again`)
    const state = stateOf(id)
    if ((what === 'delivered' || what === 'dropped') && state !== what) {
      throw new Error(`${id} was ${what}; the ledger says ${state}`)
    }
    if (what === 'queued' && state === undefined) throw new Error(`${id} was queued and is lost`)
    if (what === 'sent' && state === undefined) throw new Error(`${id} went out before it was on disk`)
  }
  const reached = new Map<string, number>()
  for (const { what, id, stage = 0 } of facts) if (what === 'reached') reached.set(id, stage)
  for (const [id, stage] of reached) {
    const now = stageOf?.(id)
    // The next mark may have got to the disk before it could be told.
    if (now !== undefined && now !== stage && now !== stage + 1) {
      throw new Error(`${id} reached stage ${stage} and goes on from ${now}`)
    }
  }
  for (const id of settled) if (handedNow.has(id)) throw new Error(`${id} was settled and went out again`)
  const out = [...facts.filter(({ what }) => what === 'sent').map(({ id }) => id), ...handed]
  const once = out.filter(isAtMostOnce)
  for (const [index, id] of once.entries()) {
    if (once.indexOf(id) !== index) throw new Error(`${id} may go out once and went out twice`)
  }
  checkOrder(out, idsOf('refused'))
}

/** The first time that each message of a lane goes out, all before it have gone out or never will. */
function checkOrder(out: readonly string[], exempt: ReadonlySet<string>): void {
  const highest = new Map<string, number>()
  const seen = new Set<string>()
  for (const id of out) {
    if (seen.has(id) || exempt.has(id)) continue
    seen.add(id)
    const lane = laneOf(id)
    const number = Number.parseInt(id.slice(lane.length + 1), 10)
    const before = highest.get(lane) ?? 0
    if (number < before) throw new Error(`${id} went out after number ${before} of its lane`)
    highest.set(lane, number)
  }
}

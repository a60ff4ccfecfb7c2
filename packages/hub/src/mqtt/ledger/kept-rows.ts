import { SharedRow } from '../../domain/shared-row.ts'
import { Gathering } from '../gathering.ts'
import { SharedTail, markOf, termsIn } from '../shared-tail.ts'
import type { KeptMessages } from './kept-messages.ts'
import type { LedgerRecord, Ordinal, RowMessage, TargetState, Terms } from './records.ts'

/** A set of sessions, and how those of them that wait share what comes to it. */
export interface KeptTargets {
  readonly sessions: readonly TargetState[]
  readonly groups: readonly number[]
  gathering: Gathering<TargetState> | undefined
}

/** A session, as far as it shares something. */
export interface RowReader {
  /** `undefined`: it has a connection. */
  readonly leftAt: object | undefined
  /** The ordinal of the first that it shares. */
  next: Ordinal
  tail: SharedTail | undefined
}

export interface KeptRowsParts<S extends RowReader> {
  readonly sessions: ReadonlyMap<number, S>
  readonly messages: KeptMessages
  /** It is owed this too, behind all else. */
  readonly owe: (session: S, message: number, terms: Terms) => void
}

/** As many as in `Sharing`: whoever looks into more of them is slower than with a list of his own. */
const MOST_ROWS = 16

/**
 * What the records say that many sessions wait for, once for all of them: a thousand sessions with a hundred thousand
 * messages would not fit into memory one by one. Who has a connection then has a list of his own.
 */
export class KeptRows<S extends RowReader> {
  readonly #parts: KeptRowsParts<S>
  /** Of the snapshot that is read, held until it is complete: sessions that read them follow. */
  readonly #written = new Map<number, SharedRow>()
  readonly #held: { readonly row: SharedRow; readonly first: number }[] = []

  constructor(parts: KeptRowsParts<S>) {
    this.#parts = parts
  }

  /** A message to all of a set but `except`. */
  owe(targets: KeptTargets, { message, qos, retain }: RowMessage, except: ReadonlySet<number>): void {
    const { sessions, messages, owe } = this.#parts
    const gathering = this.#gatheringOf(targets)
    for (const number of except) this.part(sessions.get(number))
    const mark = markOf(qos, retain)
    gathering.gather((target) => {
      const session = sessions.get(target.session)
      const terms = termsIn(mark, target)
      // QoS 0 is owed to nobody.
      if (session === undefined || terms.qos === 0 || except.has(target.session)) return undefined
      const tail = (session.tail ??= new SharedTail())
      if (session.leftAt !== undefined && tail.parts.length < MOST_ROWS && gathering.others.length > 1) return tail
      this.part(session)
      owe(session, message, { ...terms, identifiers: target.identifiers })
      return undefined
    })
    if (gathering.size === 0) return
    messages.hold(message)
    gathering.row.push(message, 0, mark)
  }

  /** What waits for it in rows is in its own list. */
  part(session: S | undefined): void {
    const { tail } = session ?? {}
    if (session === undefined || tail === undefined || tail.parts.length === 0) return
    const waiting = [...tail.entries()]
    for (const { position, mark, terms } of waiting) {
      this.#parts.owe(session, position, { ...termsIn(mark, terms), identifiers: terms.identifiers ?? [] })
    }
    tail.leave()
  }

  /** The oldest of what it shares; the rest of the ordinals is in its own list, or is by now. Gives how many they were. */
  settle(session: S, first: Ordinal, count: number): number {
    const length = session.tail?.length ?? 0
    if (length === 0) return 0
    if (first !== session.next) {
      this.part(session)
      return 0
    }
    const settled = session.tail?.drop(Math.min(count, length), 0) ?? 0
    session.next += settled
    return settled
  }

  /** Of a snapshot. */
  begin(): void {
    this.#written.clear()
    for (const { row, first } of this.#held.splice(0)) row.leave(first)
  }

  row({ row: number, first, messages }: Extract<LedgerRecord, { kind: 'row' }>): void {
    let row = this.#written.get(number)
    // The second of two.
    if (row?.end === first + messages.length) return
    // What lies between was let go of meanwhile: nobody who follows has it.
    if (row?.end !== first) {
      row = new SharedRow(this.#parts.messages.letGo, first)
      row.enter(first)
      this.#written.set(number, row)
      this.#held.push({ row, first })
    }
    for (const { message, qos, retain } of messages) {
      this.#parts.messages.hold(message)
      row.push(message, 0, markOf(qos, retain))
    }
  }

  waits(session: S, { rows }: Extract<LedgerRecord, { kind: 'waits' }>): void {
    this.part(session)
    const tail = (session.tail ??= new SharedTail())
    for (const { row: number, from, to, ...terms } of rows) {
      const row = this.#written.get(number)
      // A damaged record was left out: what it had is lost, whatever else there is.
      if (row === undefined || from < row.start || from > row.end) continue
      tail.enter({ row, from, to: Math.max(from, Math.min(to, row.end)), terms, home: undefined })
    }
  }

  #gatheringOf(targets: KeptTargets): Gathering<TargetState> {
    const { gathering } = targets
    if (gathering !== undefined && !gathering.isOver) return gathering
    const { sessions, messages } = this.#parts
    return (targets.gathering = new Gathering<TargetState>({
      members: targets.sessions,
      tailOf: ({ session }) => sessions.get(session)?.tail,
      release: messages.letGo,
      // One that was taken over is not taken back: both are in use.
      mayAdopt: gathering === undefined,
    }))
  }
}

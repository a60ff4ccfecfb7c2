import { describeError } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import type { JournalReader } from '../../domain/journal-readers.ts'
import type { Journal } from '../../domain/ports.ts'
import type { MessageStore } from '../../domain/positions.ts'
import type { SharedRow } from '../../domain/shared-row.ts'
import { isOwnTopic } from '../publication.ts'
import type { Publication } from '../publication.ts'
import type { Session } from '../session.ts'
import type { Space } from '../space.ts'
import type { Ledger } from './ledger.ts'
import { groupState, rowRecords, sessionRecords, waitsRecords } from './live.ts'
import type { LedgerRecord } from './records.ts'

export interface SnapshotParts {
  readonly ledger: Ledger
  readonly journal: Journal
  readonly reader: JournalReader
  readonly store: MessageStore<Publication>
  readonly sessions: () => Iterable<Session>
  readonly spaces: () => Iterable<Space>
  readonly clock: Clock
  readonly logger: Logger
  /** Records of fewer bytes are not worth being written anew. */
  readonly leastBytes: number
  /** The data take nearly what they may of the disk. */
  readonly isTight: () => boolean
}

/** The event loop goes on after so many bytes. */
const SLICE = 262_144
/** Of a row in one record. */
const ROW_MESSAGES = 16_384
/** No more than this waits for the disk because of a snapshot: publishers wait behind it. */
const MUCH_WAITING = 4 * 1024 * 1024

/**
 * Everything that lives, written anew at the end of the journal; what lies before it can go then. The engine works on
 * meanwhile: each thing is written as it is in that moment, and its changes follow.
 *
 * ```
 * … old records …│clock│snapshot│ sessions │ groups │ messages │ retained │ wills │clock│complete│ …
 *                first             and, between them, what happens meanwhile         ──committed──▶ keep from `first`
 * ```
 */
export class Snapshots {
  readonly #parts: SnapshotParts
  /** Of the ledger when the last one was complete, and how much of that was the snapshot. */
  #bytesBefore = 0
  #bytesWritten = 0
  /** Of what lived then. */
  #livingBefore = 0
  /** The least that the journal had since: all that other services wrote there since then waits for a snapshot to go. */
  #journalBytes = 0
  #running: Promise<void> | undefined

  constructor(parts: SnapshotParts) {
    this.#parts = parts
  }

  /**
   * Once a second: writes one if there is twice as much as would be, whoever wrote it, if the data are to take less, or if
   * the journal has failed.
   */
  look(): void {
    const { ledger, journal, leastBytes } = this.#parts
    this.#journalBytes = Math.min(this.#journalBytes, journal.bytes)
    const since = Math.max(ledger.bytes - this.#bytesBefore, journal.bytes - this.#journalBytes)
    const isMuch = since > Math.max(leastBytes, 2 * this.#bytesWritten)
    if (ledger.hasFailed || isMuch || this.#makesRoom(since)) void this.write()
  }

  /**
   * Before the history gives way to what is dead. And where nothing new is taken the records do not grow any more, however
   * little of them lives: whoever fetches what he is owed writes next to nothing. A hub whose history fills its disk is always
   * tight: each must bring half of what it costs.
   */
  #makesRoom(since: number): boolean {
    const { leastBytes, isTight } = this.#parts
    const dead = since + this.#livingBefore - this.#living
    return isTight() && dead > Math.max(leastBytes, this.#bytesWritten) / 2
  }

  /** Bytes of messages, about. */
  get #living(): number {
    const { store, spaces } = this.#parts
    let bytes = store.bytes
    for (const { retained } of spaces()) bytes += retained.bytes
    return bytes
  }

  /** Resolves when it lasts, or has failed: then the next one is tried. */
  write(): Promise<void> {
    return (this.#running ??= this.#write().finally(() => (this.#running = undefined)))
  }

  /** Resolves when none is being written. */
  async idle(): Promise<void> {
    await this.#running
  }

  async #write(): Promise<void> {
    const { ledger, journal, reader, logger } = this.#parts
    const { failures, bytes } = ledger
    ledger.recovering()
    ledger.forgetSets()
    try {
      const first = ledger.writeClock()
      ledger.append({ kind: 'snapshot' })
      let slice = ledger.bytes
      for (const records of this.#records()) {
        if (ledger.failures > failures) return
        for (const record of records) ledger.append(record)
        if (ledger.bytes - slice < SLICE) continue
        await (journal.pendingBytes > MUCH_WAITING ? journal.whenCommitted(ledger.writeClock()) : nextTurn())
        slice = ledger.bytes
      }
      await journal.whenCommitted(ledger.writeClock())
      if (ledger.failures > failures) return
      await journal.whenCommitted(ledger.append({ kind: 'complete' }))
      if (ledger.failures > failures) return
      ledger.recovered()
      this.#bytesBefore = ledger.bytes
      this.#livingBefore = this.#living
      this.#journalBytes = journal.bytes
      this.#bytesWritten = ledger.bytes - bytes
      reader.keepFrom(first)
    } catch (error) {
      logger.debug({ err: error }, `mqtt: the state of the sessions could not be written anew: ${describeError(error)}`)
    }
  }

  /** Each list is of one moment: other records may come between two of them, not into one. */
  *#records(): Generator<readonly LedgerRecord[]> {
    const { sessions, spaces, store, ledger, clock } = this.#parts
    const rows = new WrittenRows(() => ledger.newNumber())
    for (const session of [...sessions()]) {
      if (session.number !== 0) yield* rows.before(session)
      // It may have ended meanwhile.
      if (session.number === 0) continue
      const leftAt = session.link === undefined ? session.leftAt : undefined
      const ends = rows.rest(session)
      yield [
        ...ends,
        ...sessionRecords(
          session,
          leftAt,
          waitsRecords(session, (row) => rows.numberOf(row)),
        ),
      ]
    }
    for (const { groups } of spaces()) {
      for (const group of [...groups]) if (group.number !== 0) yield [{ kind: 'group', group: groupState(group) }]
    }
    // Those that came meanwhile included: when their records are read, not every session is known.
    const behind = ledger.writeClock()
    for (const [message, publication] of store.writtenBefore(behind)) {
      yield [{ kind: 'moved', message, publication, at: clock.monotonic() }]
    }
    for (const { name: space, retained } of spaces()) {
      for (const channel of retained.topics()) {
        const publication = retained.get(channel)
        if (publication !== undefined && !isOwnTopic(channel)) {
          yield [{ kind: 'retained', space, channel, publication, at: clock.monotonic() }]
        }
      }
    }
    for (const will of [...ledger.wills]) yield [{ kind: 'will', will, at: clock.monotonic() }]
  }
}

/** How far rows were written in this snapshot: each once, before the sessions that read it, whatever their number. */
class WrittenRows {
  readonly #newNumber: () => number
  readonly #rows = new Map<SharedRow, { readonly number: number; end: number }>()

  constructor(newNumber: () => number) {
    this.#newNumber = newNumber
  }

  numberOf(row: SharedRow): number {
    return this.#of(row).number
  }

  /** The long part, while the engine works on. */
  *before({ tail }: Session): Generator<readonly LedgerRecord[]> {
    for (const { row, to } of [...(tail?.parts ?? [])]) {
      while (Math.min(row.end, to) - this.#from(row) > ROW_MESSAGES) {
        yield this.#records(row, this.#from(row) + ROW_MESSAGES)
      }
    }
  }

  /** What came since. */
  rest({ tail }: Session): LedgerRecord[] {
    return (tail?.parts ?? []).flatMap(({ row, to }) => this.#records(row, Math.min(row.end, to)))
  }

  #records(row: SharedRow, to: number): LedgerRecord[] {
    const written = this.#of(row)
    const from = this.#from(row)
    if (to <= from) return []
    written.end = to
    return rowRecords(written.number, row, from, to)
  }

  /** What was let go of meanwhile nobody reads who is still to be written. */
  #from(row: SharedRow): number {
    return Math.max(this.#of(row).end, row.start)
  }

  #of(row: SharedRow): { readonly number: number; end: number } {
    let written = this.#rows.get(row)
    if (written === undefined) this.#rows.set(row, (written = { number: this.#newNumber(), end: row.start }))
    return written
  }
}

function nextTurn(): Promise<void> {
  return new Promise(setImmediate)
}

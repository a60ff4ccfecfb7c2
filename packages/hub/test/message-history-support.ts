import assert from 'node:assert/strict'
import { join } from 'node:path'
import { silentLogger } from '@halyard/core'
import type { Clock } from '@halyard/core'
import { nodeClock, nodeDisk } from '@halyard/core/node'
import type { Disk } from '@halyard/core/node'
import { JournalReaders } from '../src/domain/journal-readers.ts'
import { MessageBus } from '../src/domain/message-bus.ts'
import type { KeptMessageCodec } from '../src/domain/message-history.ts'
import { MessageLog } from '../src/domain/message-log.ts'
import type { History, HistoryQuery } from '../src/domain/ports.ts'
import { JournalMessageHistory } from '../src/store/journal-message-history.ts'
import type { JournalMessageHistoryParts } from '../src/store/journal-message-history.ts'
import { encodeMessageRecord } from '../src/store/record.ts'
import { SegmentJournal } from '../src/store/segment-journal.ts'
import { SqliteIndex } from '../src/store/sqlite/sqlite-index.ts'

const HUB_ID = 'testtest'

/** A history of texts. */
export const TEXTS: KeptMessageCodec<string> = {
  encode: (text) => ({ payload: Buffer.from(text) }),
  decode: ({ payload }) => Buffer.from(payload).toString(),
}

/** The real clock, whose wall time can be put on. */
export class MovedClock implements Clock {
  readonly #clock = nodeClock()
  /** ms */
  ahead = 0
  now(): number {
    return this.#clock.now() + this.ahead
  }
  monotonic(): number {
    return this.#clock.monotonic() + this.ahead
  }
  get bootId(): string {
    return this.#clock.bootId
  }
  setTimer(...wish: Parameters<Clock['setTimer']>): ReturnType<Clock['setTimer']> {
    return this.#clock.setTimer(...wish)
  }
}

export interface Durable<M> {
  readonly history: JournalMessageHistory<M>
  readonly journal: SegmentJournal
  readonly index: SqliteIndex
  readonly bus: MessageBus
  readonly close: () => Promise<void>
}

export interface DurableWish<M> extends Partial<JournalMessageHistoryParts<M>> {
  /** Of the journal. */
  readonly disk?: Disk
  /** What the index is asked. */
  readonly queries?: HistoryQuery[]
}

/** Stored messages in a directory, as a hub has them. */
export async function openDurable<M>(
  directory: string,
  codec: KeptMessageCodec<M>,
  { clock = nodeClock(), disk = nodeDisk(), queries = [], ...more }: DurableWish<M> = {},
): Promise<Durable<M>> {
  const journalPath = join(directory, 'journal')
  const journal = await SegmentJournal.open({ path: journalPath, disk })
  const index = await SqliteIndex.open({
    path: join(directory, 'hub.sqlite'),
    journal,
    journalPath,
    hubId: HUB_ID,
    reader: new JournalReaders(journal, (error) => assert.fail(String(error))).add(),
    clock,
    logger: silentLogger,
  })
  const bus = new MessageBus()
  const history = new JournalMessageHistory({
    log: new MessageLog({ journal, bus, hubId: HUB_ID, codec: { encode: encodeMessageRecord } }),
    history: watched(index.history, queries),
    journal,
    hubId: HUB_ID,
    codec,
    clock,
    isFull: () => false,
    originOf: () => ({ service: 'mqtt', account: '' }),
    ...more,
  })
  const close = async (): Promise<void> => {
    await index.close()
    await journal.close()
  }
  return { history, journal, index, bus, close }
}

function watched(history: History, queries: HistoryQuery[]): History {
  return {
    append: (messages) => history.append(messages),
    sweep: (...wish) => history.sweep(...wish),
    query: (query) => {
      queries.push(query)
      return history.query(query)
    },
  }
}

export async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const one of source) found.push(one)
  return found
}

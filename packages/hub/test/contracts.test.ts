import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@halyard/core'
import { nodeClock, nodeDisk } from '@halyard/core/node'
import { describe, it } from 'vitest'
import { JournalReaders } from '../src/domain/journal-readers.ts'
import { MemoryHistory } from '../src/store/memory-history.ts'
import { MemoryJournal } from '../src/store/memory-journal.ts'
import { MemoryMessageHistory } from '../src/store/memory-message-history.ts'
import { MemoryRegistry } from '../src/store/memory-registry.ts'
import { SegmentJournal } from '../src/store/segment-journal.ts'
import { SqliteIndex } from '../src/store/sqlite/sqlite-index.ts'
import type { Make } from './contracts/case.ts'
import { historyContract } from './contracts/history-contract.ts'
import { historyFilterContract } from './contracts/history-filter-contract.ts'
import { journalContract } from './contracts/journal-contract.ts'
import { messageHistoryContract } from './contracts/message-history-contract.ts'
import type { TimedHistory } from './contracts/message-history-contract.ts'
import { registryContract } from './contracts/registry-contract.ts'
import { MovedClock, TEXTS, openDurable } from './message-history-support.ts'

const nothing = async (): Promise<void> => {}

async function temporaryDirectory(): Promise<{ readonly path: string; readonly remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'hub-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

const segmentJournal: Make<SegmentJournal> = async () => {
  const { path, remove } = await temporaryDirectory()
  const port = await SegmentJournal.open({ path: join(path, 'journal'), disk: nodeDisk() })
  return { port, dispose: () => port.close().then(remove) }
}

function sqlite<T>(choose: (index: SqliteIndex) => T): Make<T> {
  return async () => {
    const { path, remove } = await temporaryDirectory()
    const journalPath = join(path, 'journal')
    const journal = await SegmentJournal.open({ path: journalPath, disk: nodeDisk() })
    const index = await SqliteIndex.open({
      path: join(path, 'hub.sqlite'),
      journal,
      journalPath,
      hubId: 'testtest',
      reader: new JournalReaders(journal, (error) => assert.fail(String(error))).add(),
      clock: nodeClock(),
      logger: silentLogger,
    })
    const dispose = async (): Promise<void> => {
      await index.close()
      await journal.close()
      await remove()
    }
    return { port: choose(index), dispose }
  }
}

const memoryMessageHistory: Make<TimedHistory> = () => {
  let now = 0
  const history = new MemoryMessageHistory<string>({ now: () => now, monotonic: () => now })
  return Promise.resolve({ port: { history, pass: (seconds) => (now += seconds * 1000) }, dispose: nothing })
}

const journalMessageHistory: Make<TimedHistory> = async () => {
  const { path, remove } = await temporaryDirectory()
  const clock = new MovedClock()
  const { history, close } = await openDurable(path, TEXTS, { clock })
  const pass = (seconds: number): number => (clock.ahead += seconds * 1000)
  return { port: { history, pass }, dispose: () => close().then(remove) }
}

const memoryHistory: Make<MemoryHistory> = async () => ({
  port: new MemoryHistory(() => new Date()),
  dispose: nothing,
})
const sqliteHistory = sqlite(({ history }) => history)

const suites = {
  'the history of MQTT in memory': messageHistoryContract(memoryMessageHistory),
  'the history of MQTT on the journal': messageHistoryContract(journalMessageHistory),
  'the journal in memory': journalContract(async () => ({ port: new MemoryJournal(), dispose: nothing })),
  'the journal on the segment log': journalContract(segmentJournal),
  'the registry in memory': registryContract(async () => ({ port: new MemoryRegistry(), dispose: nothing })),
  'the registry in SQLite': registryContract(sqlite(({ registry }) => registry)),
  'the history in memory': [...historyContract(memoryHistory), ...historyFilterContract(memoryHistory)],
  'the history in SQLite': [...historyContract(sqliteHistory), ...historyFilterContract(sqliteHistory)],
}

for (const [name, cases] of Object.entries(suites)) {
  describe(name, () => {
    for (const { name: rule, run } of cases) it(rule, run)
  })
}

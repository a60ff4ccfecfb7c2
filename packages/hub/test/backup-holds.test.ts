import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { nodeClock, nodeDisk } from '@halyard/core/node'
import { VirtualClock } from '@halyard/testkit'
import { expect, it, onTestFinished, vi } from 'vitest'
import { backupHub } from '../src/backup.ts'
import { JournalReaders } from '../src/domain/journal-readers.ts'
import { BackupHolds } from '../src/store/backup/holds.ts'
import { SegmentJournal } from '../src/store/segment-journal.ts'
import { SqliteIndex } from '../src/store/sqlite/sqlite-index.ts'
import { IndexDatabase } from '../src/store/sqlite/index-database.ts'
import { PADDING_RECORD, encodeMessageRecord } from '../src/store/record.ts'
import { RecordingLogger, startHub, temporaryDirectory, until } from './support.ts'

it('hub.sqlite stays as it is while somebody copies it, whatever is written meanwhile', async () => {
  const directory = await temporaryDirectory()
  const journalPath = join(directory, 'journal')
  const path = join(directory, 'hub.sqlite')
  const journal = await SegmentJournal.open({ path: journalPath, disk: nodeDisk() })
  const readers = new JournalReaders(journal, (error) => expect.fail(String(error)))
  const parts = { path, journal, journalPath, reader: readers.add(), hubId: 'testtest' }
  const index = await SqliteIndex.open({ ...parts, clock: nodeClock(), logger: new RecordingLogger() })
  onTestFinished(async () => {
    await index.close()
    await journal.close()
  })
  // More than SQLite would leave in its log by itself.
  const write = async (): Promise<void> => {
    const draft = { space: 'x', service: 'mqtt', account: 'a', channel: 'c', direction: 'in' } as const
    const payload = new Uint8Array(100_000)
    const record = encodeMessageRecord({ ...draft, payload, receivedAt: new Date() })
    for (let count = 0; count < 100; count++) journal.append(record)
    await journal.whenCommitted(journal.append(record))
    await index.history.query({ limit: 1 })
    await index.registry.put('things', String(journal.committed), {})
  }
  await write()
  const holds = new BackupHolds({ index, readers, clock: nodeClock() })
  const { id, committed } = await holds.begin()
  const before = await readFile(path)
  await write()
  expect((await readFile(path)).equals(before)).toBe(true)
  expect(await holds.end(id)).toBe(true)
  await write()
  expect((await readFile(path)).equals(before)).toBe(false)

  const copy = join(directory, 'copy.sqlite')
  await writeFile(copy, before)
  using found = await IndexDatabase.open(copy, 'testtest')
  expect([committed, found.applied, found.count()]).toEqual([101, 101, { messages: 101, documents: 1 }])
})

it('a copy that was begun before the worker was started again is told to be none', async () => {
  const { data, target } = {
    data: join(await temporaryDirectory(), 'data'),
    target: join(await temporaryDirectory(), 'b'),
  }
  const posted = vi.spyOn(Worker.prototype, 'postMessage')
  onTestFinished(() => posted.mockRestore())
  const { log } = await startHub({ data })
  const worker = posted.mock.contexts[0] as Worker
  let killed: Promise<unknown> | undefined
  const made = backupHub({ data, target, onProgress: () => void (killed ??= worker.terminate()) })
  await expect(made).rejects.toMatchObject({
    code: 'ERR_HUB_BACKUP_CHANGED',
    message: "the hub's index was started again while it was copied; make the backup again",
  })
  expect(await readdir(join(target, '..'))).toEqual([])
  expect(log.texts('error').length).toBe(1)
  expect((await backupHub({ data, target })).via).toBe('hub')
})

it('segments stay while somebody copies them, and go when he is heard of no more', async () => {
  const directory = await temporaryDirectory()
  const journalPath = join(directory, 'journal')
  const clock = new VirtualClock()
  const journal = await SegmentJournal.open({ path: journalPath, disk: nodeDisk(), segmentBytes: 100 })
  const readers = new JournalReaders(journal, (error) => expect.fail(String(error)))
  const parts = { path: join(directory, 'hub.sqlite'), journal, journalPath, reader: readers.add(), hubId: 'testtest' }
  const index = await SqliteIndex.open({ ...parts, clock, logger: new RecordingLogger() })
  onTestFinished(async () => {
    await index.close()
    await journal.close()
  })
  const holds = new BackupHolds({ index, readers, clock })
  const segments = async (): Promise<number> =>
    (await readdir(journalPath)).filter((name) => name.endsWith('.log')).length
  const fill = async (): Promise<void> => {
    for (let count = 0; count < 20; count++) await journal.whenCommitted(journal.append(PADDING_RECORD))
    await index.history.query({ limit: 1 })
  }

  await fill()
  await until('the index needs none of them', async () => (await segments()) === 1)
  const { id, committed } = await holds.begin()
  expect(committed).toBe(20)
  await expect(holds.begin()).rejects.toMatchObject({ code: 'ERR_HUB_BACKUP_RUNS' })
  await fill()
  expect([index.applied, await segments()]).toEqual([40, 8])

  for (let round = 0; round < 5; round++) {
    await clock.advance(10_000)
    expect(await holds.renew(id)).toBe(true)
  }
  expect(await segments()).toBe(8)
  await clock.advance(15_000)
  await until('he is forgotten', async () => (await segments()) === 1)
  expect([await holds.renew(id), await holds.end(id)]).toEqual([false, false])
  expect(await holds.end((await holds.begin()).id)).toBe(true)
})

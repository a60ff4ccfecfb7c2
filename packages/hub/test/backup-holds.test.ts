import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeDisk } from '@halyard/core/node'
import { VirtualClock } from '@halyard/testkit'
import { expect, it, onTestFinished } from 'vitest'
import { JournalReaders } from '../src/domain/journal-readers.ts'
import { BackupHolds } from '../src/store/backup/holds.ts'
import { SegmentJournal } from '../src/store/segment-journal.ts'
import { SqliteIndex } from '../src/store/sqlite/sqlite-index.ts'
import { PADDING_RECORD } from '../src/store/record.ts'
import { RecordingLogger, temporaryDirectory, until } from './support.ts'

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

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeClock, nodeDisk } from '@halyard/core/node'
import { VirtualClock } from '@halyard/testkit'
import { expect, it, onTestFinished } from 'vitest'
import { JournalReaders } from '../src/domain/journal-readers.ts'
import { makeRoom } from '../src/make-room.ts'
import { DiskUsage } from '../src/store/disk-usage.ts'
import { encodeMessageRecord } from '../src/store/record.ts'
import { SegmentJournal } from '../src/store/segment-journal.ts'
import { SqliteIndex } from '../src/store/sqlite/sqlite-index.ts'
import { RecordingLogger, temporaryDirectory, until } from './support.ts'

const MIB = 1024 * 1024

it('the data stay below their bound while messages come without end, and the newest are there', async () => {
  const directory = await temporaryDirectory()
  const journalPath = join(directory, 'journal')
  const journal = await SegmentJournal.open({ path: journalPath, disk: nodeDisk(), segmentBytes: MIB })
  const readers = new JournalReaders(journal, (error) => expect.fail(String(error)))
  const parts = { path: join(directory, 'hub.sqlite'), journal, journalPath, reader: readers.add(), hubId: 'testtest' }
  const logger = new RecordingLogger()
  const index = await SqliteIndex.open({ ...parts, clock: nodeClock(), logger })
  onTestFinished(async () => {
    await index.close()
    await journal.close()
  })
  const clock = new VirtualClock()
  const maxBytes = 16 * MIB
  const disk = await DiskUsage.open({ directory, queues: ['push'], journal, index, maxBytes, clock })
  onTestFinished(() => disk.close())
  let looks = 0
  disk.onLook(async () => {
    await makeRoom({ disk, history: index.history, limits: { maxBytes: 1024 * MIB }, clock, logger })
    looks++
  })

  const draft = { space: 'x', service: 'mqtt', account: 'a', channel: 'c', direction: 'in' } as const
  for (let round = 1; round <= 6; round++) {
    const payload = new Uint8Array(100_000).fill(round)
    const record = encodeMessageRecord({ ...draft, payload, receivedAt: new Date() })
    for (let count = 1; count < 50; count++) journal.append(record)
    await journal.whenCommitted(journal.append(record))
    await index.history.query({ limit: 1 })
    await until('nobody needs the segments', () => journal.segments <= 1)
    await clock.advance(10_000)
    await until('somebody has looked', () => looks === round)
    expect(disk.use.used).toBeLessThan(maxBytes)
    expect(disk.isFull).toBe(false)
    const { messages } = await index.history.query({ last: 1 })
    expect(messages[0]?.payload[0]).toBe(round)
  }
  expect(logger.texts('warn')).toContain('the data come near to disk.maxBytes: the oldest messages left the history')

  // What is owed to devices is not the history's to give.
  await mkdir(join(directory, 'push'))
  await writeFile(join(directory, 'push', '0000000001.log'), new Uint8Array(maxBytes))
  await clock.advance(10_000)
  await until('somebody has looked', () => looks === 7)
  expect(disk.isFull).toBe(true)
})

it('they are tight before the history gives way', async () => {
  const journal = { bytes: 79 * MIB }
  const index = { size: () => Promise.resolve({ bytes: 0, free: 0 }) }
  const parts = { directory: await temporaryDirectory(), queues: [], maxBytes: 100 * MIB, clock: new VirtualClock() }
  const disk = await DiskUsage.open({ ...parts, journal, index })
  onTestFinished(() => disk.close())
  expect(disk.isTight).toBe(false)
  journal.bytes = 80 * MIB
  expect([disk.isTight, disk.isFull]).toEqual([true, false])
})

it('without a number it is a tenth of what would be free, or half of a small disk', async () => {
  const directory = await temporaryDirectory()
  const parts = { directory, queues: [], journal: { bytes: 0 }, clock: new VirtualClock() }
  const disk = await DiskUsage.open({
    ...parts,
    index: { size: () => Promise.resolve({ bytes: 0, free: 0 }) },
    maxBytes: undefined,
  })
  onTestFinished(() => disk.close())
  const { free, limit, used } = disk.use
  expect([used, limit]).toEqual([0, Math.floor(Math.max(free / 10, Math.min(256 * MIB, free / 2)))])
})

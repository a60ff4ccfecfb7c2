import { once } from 'node:events'
import { appendFile, mkdir, readdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { StorageError } from '@halyard/core'
import { nodeClock, nodeDisk } from '@halyard/core/node'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { JournalReaders } from '../src/domain/journal-readers.ts'
import type { MessageDraft } from '../src/domain/message.ts'
import { decodeMessageRecord, encodeMessageRecord, PADDING_RECORD } from '../src/store/record.ts'
import { SegmentJournal } from '../src/store/segment-journal.ts'
import { openDatabase, transaction } from '../src/store/sqlite/database.ts'
import { IndexDatabase } from '../src/store/sqlite/index-database.ts'
import { MIGRATIONS, migrate } from '../src/store/sqlite/schema.ts'
import type { Migration } from '../src/store/sqlite/schema.ts'
import { SqliteIndex } from '../src/store/sqlite/sqlite-index.ts'
import { RecordingLogger, temporaryDirectory, until } from './support.ts'
import { drain } from './history-support.ts'

const draft = (text: string, part: Partial<MessageDraft> = {}): MessageDraft => ({
  space: 'hologram',
  service: 'hologram',
  account: 'abcd',
  channel: 'A,B',
  direction: 'in',
  payload: new TextEncoder().encode(text),
  receivedAt: new Date(Date.UTC(2026, 0, 1)),
  ...part,
})

interface OpenStore {
  readonly journal: SegmentJournal
  readonly index: SqliteIndex
  readonly log: RecordingLogger
  readonly close: () => Promise<void>
}

async function openStore(directory: string, segmentBytes?: number): Promise<OpenStore> {
  const journalPath = join(directory, 'journal')
  const journal = await SegmentJournal.open({ path: journalPath, disk: nodeDisk(), segmentBytes })
  const log = new RecordingLogger()
  let closed: Promise<void> | undefined
  const reader = new JournalReaders(journal, (error) => expect.fail(String(error))).add()
  const path = join(directory, 'hub.sqlite')
  const options = { path, journal, journalPath, reader, hubId: 'testtest', clock: nodeClock() }
  const index = await SqliteIndex.open({ ...options, logger: log }).catch(async (error: unknown) => {
    await journal.close()
    throw error
  })
  const close = (): Promise<void> => (closed ??= index.close().then(() => journal.close()))
  onTestFinished(close)
  return { journal, index, log, close }
}

async function texts({ index }: OpenStore): Promise<string[]> {
  const { messages } = await index.history.query({ space: 'hologram', limit: 1000 })
  return messages.map(({ payload }) => new TextDecoder().decode(payload))
}

describe('a message in the journal', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 })
  const date = fc.date({ noInvalidDate: true })
  const drafts = fc.record(
    {
      space: text,
      service: fc.constantFrom('hologram', 'emitter', 'ttn', 'exp', 'mqtt'),
      account: text,
      channel: text,
      direction: fc.constantFrom('in', 'out'),
      payload: fc.uint8Array({ maxLength: 200 }),
      receivedAt: date,
      source: text,
      expiresAt: date,
      options: fc.uint8Array({ maxLength: 50 }),
    },
    { requiredKeys: ['space', 'service', 'account', 'channel', 'direction', 'payload', 'receivedAt'] },
  )

  it('comes back as it was', () => {
    fc.assert(
      fc.property(drafts, (message) => {
        expect(decodeMessageRecord(encodeMessageRecord(message as MessageDraft))).toEqual(message)
      }),
    )
  })

  it('is these bytes, also for the versions to come', () => {
    const bytes = encodeMessageRecord(draft('hi', { source: '192.0.2.1' }))
    expect(Buffer.from(bytes).toString('hex')).toBe(
      '01010004' +
        '4279b76daa800000' +
        '0008686f6c6f6772616d' +
        '000461626364' +
        '0003412c42' +
        '00093139322e302e322e31' +
        '6869',
    )
    const withOptions = encodeMessageRecord(draft('hi', { options: Uint8Array.of(1, 5) }))
    expect(Buffer.from(withOptions).toString('hex')).toMatch(/^01010008.*0003412c420000000201056869$/)
  })

  it('of a newer version, or cut anywhere, is told and not guessed at', () => {
    const bytes = encodeMessageRecord(draft('', { source: 'x', options: Uint8Array.of(1) }))
    expect(() => decodeMessageRecord(Uint8Array.of(2, ...bytes.subarray(1)))).toThrow(
      'a record of version 2, this Halyard reads version 1',
    )
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeMessageRecord(bytes.subarray(0, length))).toThrow(StorageError)
    }
    expect(decodeMessageRecord(PADDING_RECORD)).toBeUndefined()
    expect(() => encodeMessageRecord(draft('', { channel: 'x'.repeat(70_000) }))).toThrow(RangeError)
  })
})

describe('the index follows the journal', () => {
  it('and a query sees what was committed before it', async () => {
    const store = await openStore(await temporaryDirectory())
    for (let round = 1; round <= 20; round++) {
      const lsn = store.journal.append(encodeMessageRecord(draft(String(round))))
      await store.journal.whenCommitted(lsn)
      expect((await texts(store)).length).toBe(round)
    }
    expect((await store.index.history.query({ space: 'hologram', last: 1 })).messages[0]).toEqual({
      ...draft('20'),
      id: '0000000000k-testtest',
    })
  })

  it('by itself, and the segments that nobody needs go', async () => {
    const directory = await temporaryDirectory()
    const store = await openStore(directory, 4096)
    for (let count = 0; count < 500; count++) {
      await store.journal.whenCommitted(store.journal.append(encodeMessageRecord(draft(String(count)))))
    }
    const segments = async (): Promise<number> =>
      (await readdir(join(directory, 'journal'))).filter((name) => name.endsWith('.log')).length
    await until('the index has everything', () => store.index.applied === 500)
    await until('one segment is left', async () => (await segments()) === 1)
    expect((await texts(store)).length).toBe(500)
  })

  it('after a stop it goes on where it was: nothing is missing, nothing is there twice', async () => {
    const directory = await temporaryDirectory()
    let expected = 0
    for (let start = 0; start < 3; start++) {
      const store = await openStore(directory)
      for (let count = 0; count < 50; count++) store.journal.append(encodeMessageRecord(draft(String(expected++))))
      await store.journal.whenCommitted(expected)
      if (start === 2) expect(await texts(store)).toEqual(Array.from({ length: expected }, (_, index) => String(index)))
      await store.close()
    }
  })

  it('a worker that crashes is started again; what it had not answered fails clearly', async () => {
    const store = await openStore(await temporaryDirectory())
    const posted = vi.spyOn(Worker.prototype, 'postMessage')
    onTestFinished(() => posted.mockRestore())
    await store.index.registry.put('c', 'id', 1)
    const worker = posted.mock.contexts[0] as Worker
    const exited = once(worker, 'exit')
    const pending = expect(store.index.history.query({ space: 'hologram' })).rejects.toMatchObject({
      code: 'ERR_HUB_INDEX',
    })
    await worker.terminate()
    await exited
    await pending
    store.journal.append(encodeMessageRecord(draft('after')))
    await store.journal.whenCommitted(1)
    expect(await texts(store)).toEqual(['after'])
    expect((await store.index.registry.get('c', 'id'))?.value).toBe(1)
    await (posted.mock.contexts.at(-1) as Worker).terminate()
    expect(await texts(store)).toEqual(['after'])
    const line = 'the index worker has stopped; what it had not answered may be repeated; it is started again'
    expect(store.log.texts('error')).toEqual([line, line])
  })

  it('what it could not read at first it reads later, without another commit', async () => {
    const directory = await temporaryDirectory()
    const store = await openStore(directory)
    await store.journal.whenCommitted(store.journal.append(encodeMessageRecord(draft('early'))))
    expect(await texts(store)).toEqual(['early'])
    await rename(join(directory, 'journal'), join(directory, 'away'))
    store.journal.append(encodeMessageRecord(draft('late')))
    await until('the index complains', () => store.log.texts('error').length > 0)
    expect(store.log.texts('error')[0]).toContain('the index cannot follow the journal')

    await rename(join(directory, 'away'), join(directory, 'journal'))
    await until('the index has caught up', () => store.index.applied === 2)
    expect(await texts(store)).toEqual(['early', 'late'])
  })

  it('many queries and writes at once are each answered', async () => {
    const store = await openStore(await temporaryDirectory())
    const writes = Array.from({ length: 100 }, (_, index) =>
      store.index.registry.put('c', String(index).padStart(3, '0'), index),
    )
    await Promise.all(writes)
    const reads = await Promise.all(
      writes.map((_, index) => store.index.registry.get('c', String(index).padStart(3, '0'))),
    )
    expect(reads.map((document) => document?.value)).toEqual(writes.map((_, index) => index))
    expect((await store.index.registry.list('c')).length).toBe(100)
  })
})

describe('the SQLite file', () => {
  it('of a newer Halyard is refused in words', async () => {
    const directory = await temporaryDirectory()
    await (await openStore(directory)).close()
    const database = await openDatabase(join(directory, 'hub.sqlite'))
    database.exec('PRAGMA user_version = 99')
    database.close()
    await expect(openStore(directory)).rejects.toMatchObject({
      code: 'ERR_HUB_NEWER_DATA',
      message: `the data directory was written by a newer Halyard (hub.sqlite has version 99, this one knows ${MIGRATIONS.length}); start the newer one, or another data directory`,
    })
  })

  it('is brought up one version after the other, each wholly or not at all', async () => {
    const path = join(await temporaryDirectory(), 'x.sqlite')
    const database = await openDatabase(path)
    onTestFinished(() => database.close())
    const making = (...names: readonly string[]): Migration => ({
      sql: names.map((name) => `CREATE TABLE ${name} (x);`).join(''),
    })
    const [a, wrong] = [making('a'), { sql: '-' }] as const
    migrate(database, { migrations: [a] })
    expect(() => migrate(database, { migrations: [wrong, making('b'), making('c', 'a')] })).toThrow(/already exists/)
    const version = (): unknown => database.prepare('PRAGMA user_version').get()?.['user_version']
    const tables = (): unknown[] =>
      database
        .prepare(`SELECT name FROM sqlite_master ORDER BY name`)
        .all()
        .map((row) => row['name'])
    expect([version(), tables()]).toEqual([2, ['a', 'b']])
    migrate(database, { migrations: [wrong, wrong, making('c')] })
    expect([version(), tables()]).toEqual([3, ['a', 'b', 'c']])
  })

  it('that is no SQLite file is told', async () => {
    const directory = await temporaryDirectory()
    await appendFile(
      join(directory, 'hub.sqlite'),
      'this is not a database, and long enough to be looked at as one'.repeat(20),
    )
    await expect(openStore(directory)).rejects.toMatchObject({
      code: 'ERR_HUB_INDEX',
      message: expect.stringMatching(/hub.sqlite cannot be opened: .*not a database.*; restore it from a backup/),
    })
  })

  it('is written again when a full disk has room again, by the same statement', async () => {
    const database = await openDatabase(join(await temporaryDirectory(), 'hub.sqlite'))
    onTestFinished(() => database.close())
    database.exec('CREATE TABLE t (x BLOB)')
    const insert = (): unknown =>
      transaction(database, () => database.prepare('INSERT INTO t VALUES (?)').run(new Uint8Array(100_000)))
    database.exec('PRAGMA max_page_count = 20')
    for (let attempt = 0; attempt < 3; attempt++) expect(insert).toThrow('database or disk is full')
    database.exec('PRAGMA max_page_count = 1000')
    expect(insert).not.toThrow()
  })

  it('opens after its owner was killed: a lock that is left is nobody’s', async () => {
    const directory = await temporaryDirectory()
    await (await openStore(directory)).close()
    await mkdir(join(directory, 'hub.sqlite.lock'))
    const store = await openStore(directory)
    expect(await store.index.registry.get('c', 'id')).toBeUndefined()
  })

  it('that knows far more than the journal is not written on', async () => {
    const directory = await temporaryDirectory()
    await (await openStore(directory)).close()
    const database = await openDatabase(join(directory, 'hub.sqlite'))
    database.exec(`UPDATE meta SET value = 5000000 WHERE key = 'applied_lsn'`)
    database.close()
    await expect(openStore(directory)).rejects.toMatchObject({
      code: 'ERR_HUB_JOURNAL',
      message: expect.stringContaining('the journal ends at record 0 and the index knows 5000000'),
    })
  })

  it('applies a record once, whatever the batches', async () => {
    const database = await IndexDatabase.open(join(await temporaryDirectory(), 'x.sqlite'), 'testtest')
    onTestFinished(() => database.close())
    const record = (lsn: number): { lsn: number; payload: Uint8Array } => ({
      lsn,
      payload: encodeMessageRecord(draft(String(lsn))),
    })
    database.apply([record(1), record(2)])
    database.apply([record(1), record(2)])
    database.apply([record(2), record(3), { lsn: 4, payload: PADDING_RECORD }])
    expect(database.applied).toBe(4)
    expect(drain(database.history.query({ space: 'hologram' }, new Date())).messages.length).toBe(3)
    expect(() => database.apply([record(5), { lsn: 6, payload: Uint8Array.of(9, 9) }])).toThrow(StorageError)
    expect(database.applied).toBe(4)
    expect(drain(database.history.query({ space: 'hologram' }, new Date())).messages.length).toBe(3)
  })
})

it('a journal of the real size is not preallocated', async () => {
  const directory = await temporaryDirectory()
  const { journal } = await openStore(directory)
  await journal.whenCommitted(journal.append(new Uint8Array(10)))
  const [name = ''] = (await readdir(join(directory, 'journal'))).filter((file) => file.endsWith('.log'))
  expect((await stat(join(directory, 'journal', name))).size).toBeLessThan(1000)
})

it('a flood of questions, each asked when the one before is answered, leaves turns for others', async () => {
  const { journal, index } = await openStore(await temporaryDirectory())
  for (let n = 0; n < 200; n++) journal.append(encodeMessageRecord(draft(String(n))))
  await journal.whenCommitted(200)
  let isOver = false
  let [answers, most] = [0, 0]
  const turn = (): void => {
    most = Math.max(most, answers)
    answers = 0
    if (!isOver) setImmediate(turn)
  }
  turn()
  const ask = async (): Promise<void> => {
    for (let n = 0; n < 8; n++) {
      await index.history.query({ space: 'hologram', limit: 99 })
      answers++
      // Whoever has an answer has something to do with it: others come meanwhile.
      for (const until = performance.now() + 0.5; performance.now() < until;);
    }
  }
  await Promise.all(Array.from({ length: 50 }, ask))
  isOver = true
  // 500 messages and what was begun with one left, twice at most between two of ours.
  expect(most).toBeLessThanOrEqual(12)
})

import { join } from 'node:path'
import { expect, it } from 'vitest'
import { labelsOf } from '../src/domain/message.ts'
import type { HistoryQuery } from '../src/domain/ports.ts'
import { transaction } from '../src/store/sqlite/database.ts'
import type { Database } from '../src/store/sqlite/database.ts'
import { HistoryTable } from '../src/store/sqlite/history-table.ts'
import { MIGRATIONS, migrate } from '../src/store/sqlite/schema.ts'
import { drain, openFile } from './history-support.ts'
import { temporaryDirectory } from './support.ts'

const CHANNELS = ['A,B', 'B', 'a/b', 'a/c', '', 'plant/1/x'] as const
const COUNT = 3000
const START = 1_800_000_000_000

const idOf = (number: number): string => String(number).padStart(11, '0')

/** As versions 1 and 2 wrote it. */
async function oldFile(path: string, version: number): Promise<void> {
  const database = await openFile(path)
  migrate(database, { migrations: MIGRATIONS.slice(0, version) })
  transaction(database, () => {
    const insert = database.prepare('INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    const label = database.prepare('INSERT INTO labels VALUES (?, ?, ?)')
    for (let seq = 1; seq <= COUNT; seq++) {
      const service = seq % 3 === 1 ? 'mqtt' : 'hologram'
      const channel = CHANNELS[seq % CHANNELS.length] ?? ''
      insert.run(
        ...[seq, idOf(seq), service, service, 'abcd', channel, seq % 2 === 0 ? 'out' : 'in', new Uint8Array(1), null],
        ...[seq === 7 ? 5000 : START + seq * 1000, null, 105 + channel.length],
      )
      for (const one of labelsOf(service, channel)) label.run(service, one, seq)
    }
    database.exec('INSERT INTO usage SELECT space, sum(size) FROM messages GROUP BY space')
  })
  database.close()
}

function ask(database: Database, query: HistoryQuery): number[] {
  return drain(new HistoryTable(database).query(query, new Date(START))).messages.map(({ id }) => Number(id))
}

const every = (step: number, from: number, to: number): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step)

function expectAnswers(database: Database): void {
  expect(database.prepare('PRAGMA user_version').get()?.['user_version']).toBe(MIGRATIONS.length)
  expect(ask(database, { last: 3 })).toEqual([2998, 2999, 3000])
  expect(ask(database, { account: 'abcd', direction: 'in', last: 1 })).toEqual([2999])
  expect(ask(database, { filter: 'a/#', last: 3 })).toEqual([2991, 2996, 2997])
  expect(ask(database, { channel: 'B', last: 3 })).toEqual([2994, 2995, 3000])
  expect(ask(database, { filter: '+/+/x', last: 2 })).toEqual([2993, 2999])
  const [from, until] = [new Date(START + 1500_000), new Date(START + 1512_000)]
  expect(ask(database, { from, until })).toEqual(every(1, 1500, 1511))
  expect(ask(database, { until: new Date(START), last: 2 })).toEqual([7])
}

it.each([1, 2])('a file of version %i is brought up and answers as before', async (version) => {
  const path = join(await temporaryDirectory(), 'hub.sqlite')
  await oldFile(path, version)
  const database = await openFile(path)
  const told: string[] = []
  migrate(database, { progress: (text) => told.push(text) })
  expect(told).toContain('hub.sqlite is brought to a new version: 8 channels have been numbered')
  expectAnswers(database)
})

it('goes on where it was killed', async () => {
  const path = join(await temporaryDirectory(), 'hub.sqlite')
  await oldFile(path, 2)
  for (const times of [1, 2, 3, 3]) {
    const database = await openFile(path)
    let left = times
    const killed = (): void => migrate(database, { progress: () => stopAt(--left) })
    expect(killed).toThrow('killed')
    database.close()
  }
  const database = await openFile(path)
  migrate(database)
  expectAnswers(database)
  expect(ask(database, { filter: 'a/#', limit: 1000 })).toHaveLength(COUNT / 3)
})

it('a file of version 3 keeps its messages, which have no options, and takes some that have', async () => {
  const path = join(await temporaryDirectory(), 'hub.sqlite')
  await oldFile(path, 2)
  const database = await openFile(path)
  migrate(database, { migrations: MIGRATIONS.slice(0, 3) })
  migrate(database)
  expectAnswers(database)
  const [old] = drain(new HistoryTable(database).query({ last: 1 }, new Date(START))).messages
  if (!old) throw new Error('the old messages are gone')
  expect(old).not.toHaveProperty('options')
  const later = { ...old, id: idOf(COUNT + 1), options: Uint8Array.of(1, 2) }
  transaction(database, () => new HistoryTable(database).insert([later]))
  expect(drain(new HistoryTable(database).query({ last: 1 }, new Date(START))).messages).toEqual([later])
})

function stopAt(left: number): void {
  if (left === 0) throw new Error('killed')
}

import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { StoredMessage } from '../src/domain/message.ts'
import type { HistoryLimits } from '../src/domain/ports.ts'
import { transaction } from '../src/store/sqlite/database.ts'
import type { Database } from '../src/store/sqlite/database.ts'
import { HistoryTable } from '../src/store/sqlite/history-table.ts'
import { migrate } from '../src/store/sqlite/schema.ts'
import { drain, openFile } from './history-support.ts'
import { temporaryDirectory } from './support.ts'

const START = Date.UTC(2026, 0, 1)

function message(number: number, part: Partial<StoredMessage> = {}): StoredMessage {
  return {
    id: String(number).padStart(11, '0'),
    space: 'mqtt',
    service: 'mqtt',
    account: 'abcd',
    direction: 'in',
    channel: `a/${number % 700}`,
    payload: new Uint8Array(10),
    receivedAt: new Date(START + number * 1000),
    ...part,
  }
}

async function tableOf(messages: readonly StoredMessage[]): Promise<{ database: Database; table: HistoryTable }> {
  const database = await openFile(join(await temporaryDirectory(), 'x.sqlite'))
  migrate(database)
  const table = new HistoryTable(database)
  transaction(database, () => table.insert(messages))
  return { database, table }
}

const count = (database: Database, table: string): number =>
  Number(database.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.['count'])

/** The messages that went with each transaction. */
const sweep = (table: HistoryTable, limits: HistoryLimits, second: number): number[] => [
  ...table.sweep(limits, new Date(START + second * 1000)),
]

const several = (many: number, part: (number: number) => Partial<StoredMessage> = () => ({})): StoredMessage[] =>
  Array.from({ length: many }, (_, index) => message(index + 1, part(index + 1)))

it('removes what is too old in short transactions, and what it leaves is all that is left', async () => {
  const { database, table } = await tableOf(several(5000))
  const removed = sweep(table, { maxAge: 1000 }, 4001)
  expect(Math.max(...removed)).toBeLessThanOrEqual(250)
  expect(removed.reduce((sum, one) => sum + one)).toBe(3000)
  expect([count(database, 'messages'), count(database, 'entries'), count(database, 'channels')]).toEqual([
    2000, 2000, 700,
  ])
  expect(database.prepare('SELECT block, (oldest - ?) / 1000 AS first FROM time_blocks').all(START)).toEqual([
    { block: 2, first: 3001 },
    { block: 3, first: 3072 },
    { block: 4, first: 4096 },
  ])
  expect(sweep(table, { maxAge: 1000 }, 4001).filter((one) => one > 0)).toEqual([])
})

it('looks at a block no more than once for a message that a clock has put there', async () => {
  const early = (number: number): Partial<StoredMessage> => (number % 1000 === 1 ? { receivedAt: new Date(5000) } : {})
  const { database, table } = await tableOf(several(3000, early))
  expect(sweep(table, { maxAge: 60 }, 100_000).reduce((sum, one) => sum + one)).toBe(2997)
  expect(sweep(table, { maxAge: 60 }, 100_000)).toEqual([0])
  expect(drain(table.query({ last: 10 }, new Date(START))).messages).toHaveLength(3)
  expect(count(database, 'time_blocks')).toBe(2)
})

it('forgets channels without messages', async () => {
  const { database, table } = await tableOf(
    several(1500, (number) => (number > 1400 ? { channel: 'kept/one' } : { expiresAt: new Date(START) })),
  )
  expect(sweep(table, {}, 1)).toEqual([250, 250, 250, 250, 250, 150])
  expect(['messages', 'entries', 'channels', 'channel_levels'].map((name) => count(database, name))).toEqual([
    100, 100, 1, 2,
  ])
  transaction(database, () => table.insert([message(2000, { channel: 'a/1' })]))
  expect(drain(table.query({ filter: 'a/+' }, new Date(START))).messages).toHaveLength(1)
})

it('removes the oldest over the quota, to the message, and counts what is left', async () => {
  const { database, table } = await tableOf(several(1200, () => ({ channel: 'a/b' })))
  // 100, a payload of 10, names of 3 and 4.
  expect(sweep(table, { maxBytes: 117 * 100 + 5 }, 1)).toEqual([0, 250, 250, 250, 250, 100])
  expect(database.prepare('SELECT bytes FROM usage').all()).toEqual([{ bytes: 117 * 100 }])
})

it('a channel of a transaction that failed is made again', async () => {
  const { database, table } = await tableOf([])
  const broken = (): void =>
    transaction(database, () => {
      table.insert([message(1)])
      throw new Error('no room')
    })
  expect(broken).toThrow('no room')
  table.forget()
  transaction(database, () => table.insert([message(1)]))
  expect(drain(table.query({ filter: 'a/#' }, new Date(START))).messages).toHaveLength(1)
})

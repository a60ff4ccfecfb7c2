import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { StoredMessage } from '../src/domain/message.ts'
import type { HistoryQuery } from '../src/domain/ports.ts'
import { transaction } from '../src/store/sqlite/database.ts'
import type { Database, SqlValue } from '../src/store/sqlite/database.ts'
import { HistoryTable } from '../src/store/sqlite/history-table.ts'
import { migrate } from '../src/store/sqlite/schema.ts'
import { drain, openFile } from './history-support.ts'
import { temporaryDirectory } from './support.ts'

/** Remembers what is asked, with its values. */
function watched(database: Database): { readonly database: Database; readonly asked: [string, readonly SqlValue[]][] } {
  const asked: [string, readonly SqlValue[]][] = []
  const prepare: Database['prepare'] = (sql) => {
    const statement = database.prepare(sql)
    const note = (values: readonly SqlValue[]): readonly SqlValue[] => {
      asked.push([sql, values])
      return values
    }
    return {
      run: (...values) => statement.run(...note(values)),
      get: (...values) => statement.get(...note(values)),
      all: (...values) => statement.all(...note(values)),
    }
  }
  return { database: { ...database, prepare }, asked }
}

const message = (number: number, part: Partial<StoredMessage> = {}): StoredMessage => ({
  id: String(number).padStart(11, '0'),
  space: 'hologram',
  service: 'hologram',
  account: 'abcd',
  channel: 'A,B',
  direction: 'in',
  payload: new Uint8Array(1),
  receivedAt: new Date(1e12 + number),
  ...part,
})

describe('a query walks an index and nothing else', () => {
  const from = new Date(1e12)
  const queries: readonly HistoryQuery[] = [
    { space: 'hologram', account: 'abcd', direction: 'in', last: 1 },
    { space: 'hologram', account: 'abcd', last: 10 },
    { service: 'hologram', account: 'abcd', after: '00000000001', from },
    { service: 'hologram' },
    { last: 100 },
    { after: '00000000001' },
    { from, until: from, last: 5 },
    { from, until: from, channel: 'A', account: 'abcd', direction: 'out' },
    { channel: 'B', last: 5 },
    { channel: 'B', cursor: '5' },
    { filter: 'A', last: 5 },
    { filter: 'a/#', last: 5, from, until: from },
    { filter: '+/b/c', last: 5, account: 'abcd' },
    { filter: '+/b/#', channel: 'B', before: '00000000001' },
    { filter: '+/+', after: '00000000001' },
  ]

  it.each(queries)('%j', async (query) => {
    const opened = await openFile(join(await temporaryDirectory(), 'x.sqlite'))
    migrate(opened)
    const { database, asked } = watched(opened)
    const table = new HistoryTable(database)
    transaction(opened, () => table.insert([message(1), message(2)]))
    asked.length = 0
    drain(table.query(query, new Date()))
    expect(asked.length).toBeGreaterThan(0)
    for (const [sql, values] of asked) {
      const plan = opened
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all(...values)
        .map((row) => String(row['detail']))
        // The list of spaces is short, and is read whole.
        .filter((step) => step !== 'SCAN usage')
        // So are the channels that a filter leads to: they were counted.
        .filter((step) => !step.startsWith('SCAN x') && !/^SCAN [(]subquery|^CO-ROUTINE/.test(step))
      expect([sql, plan.filter((step) => /SCAN|TEMP B-TREE|AUTOMATIC/.test(step))]).toEqual([sql, []])
    }
  })

  it('and the last message of a device is found whatever lies before and behind it', async () => {
    const opened = await openFile(join(await temporaryDirectory(), 'x.sqlite'))
    migrate(opened)
    const { database, asked } = watched(opened)
    const table = new HistoryTable(database)
    const others = Array.from({ length: 200 }, (_, index) =>
      message(index + 2, index % 2 === 0 ? { account: 'efgh' } : { direction: 'out' }),
    )
    transaction(opened, () => table.insert([message(1), ...others]))
    asked.length = 0
    const { messages } = drain(
      table.query({ space: 'hologram', account: 'abcd', direction: 'in', last: 1 }, new Date()),
    )
    expect(messages.map(({ id }) => id)).toEqual([message(1).id])
    const [sql = '', values = []] = asked.find(([text]) => text.includes('AS fits')) ?? []
    const plan = opened.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values)
    expect(plan.map((row) => row['detail'])).toContain(
      'SEARCH m USING INDEX messages_by_account (space=? AND account=? AND direction=? AND rowid<?)',
    )
  })
})

it('a search that takes turns with others answers as when it was asked', async () => {
  const database = await openFile(join(await temporaryDirectory(), 'x.sqlite'))
  migrate(database)
  const table = new HistoryTable(database)
  // More channels than are merged at once, behind more others than are looked at before.
  const old = Array.from({ length: 300 }, (_, index) => message(index + 1, { channel: `old/${index}` }))
  const others = Array.from({ length: 2000 }, (_, index) => message(index + 301, { expiresAt: new Date(2e12) }))
  transaction(database, () => table.insert([...old, ...others]))
  const steps = table.query({ filter: 'old/#', last: 2 }, new Date(1e12))
  expect(steps.next().done).toBe(false)
  const later = [message(9001, { channel: 'old/new' }), message(9002, { channel: 'old/1' })]
  transaction(database, () => table.insert(later))
  for (const _ of table.sweep({}, new Date(2e12)));
  expect(drain(steps).messages.map(({ id }) => id)).toEqual([message(299).id, message(300).id])
  const { messages } = drain(table.query({ filter: 'old/#', last: 3 }, new Date(1e12)))
  expect(messages.map(({ id }) => id)).toEqual([message(300), ...later].map(({ id }) => id))
})

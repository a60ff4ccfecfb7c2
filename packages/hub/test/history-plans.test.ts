import { join } from 'node:path'
import { expect, describe, it, onTestFinished } from 'vitest'
import type { StoredMessage } from '../src/domain/message.ts'
import type { HistoryQuery } from '../src/domain/ports.ts'
import { openDatabase, transaction } from '../src/store/sqlite/database.ts'
import type { Database, SqlValue } from '../src/store/sqlite/database.ts'
import { HistoryTable } from '../src/store/sqlite/history-table.ts'
import { MIGRATIONS, migrate } from '../src/store/sqlite/schema.ts'
import { temporaryDirectory } from './support.ts'

async function openFile(path: string): Promise<Database> {
  const database = await openDatabase(path)
  let open = true
  const close = (): void => {
    if (open) database.close()
    open = false
  }
  onTestFinished(close)
  return { exec: (sql) => database.exec(sql), prepare: (sql) => database.prepare(sql), close }
}

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

/** What it gives, however often it makes room for others. */
function drain<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

const message = (number: number, part: Partial<StoredMessage> = {}): StoredMessage => ({
  ...{ id: String(number).padStart(11, '0'), space: 'hologram', service: 'hologram', account: 'abcd', channel: 'A,B' },
  ...{ direction: 'in', payload: new Uint8Array(1), receivedAt: new Date(1e12 + number), ...part },
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
        .filter((step) => step !== 'SCAN x' && !/^SCAN [(]subquery/.test(step))
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
    const [sql = '', values = []] = asked[0] ?? []
    const plan = opened.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values)
    expect(plan.map((row) => row['detail'])).toEqual([
      'SEARCH m USING INDEX messages_by_account (space=? AND account=? AND direction=?)',
    ])
  })
})

it('a file of the first version is brought up and answers as before', async () => {
  const path = join(await temporaryDirectory(), 'hub.sqlite')
  const old = await openFile(path)
  migrate(old, MIGRATIONS.slice(0, 1))
  transaction(old, () => new HistoryTable(old).insert([message(1), message(2, { direction: 'out' }), message(3)]))
  old.close()

  const database = await openFile(path)
  migrate(database)
  expect(database.prepare('PRAGMA user_version').get()?.['user_version']).toBe(MIGRATIONS.length)
  const table = new HistoryTable(database)
  const ids = (query: HistoryQuery): string[] => drain(table.query(query, new Date())).messages.map(({ id }) => id)
  expect(ids({ account: 'abcd' })).toEqual([1, 2, 3].map((number) => message(number).id))
  expect(ids({ account: 'abcd', direction: 'in', last: 1 })).toEqual([message(3).id])
  transaction(database, () => table.insert([message(4)]))
  expect(ids({ account: 'abcd', after: message(2).id })).toEqual([message(3).id, message(4).id])
})

/**
 * The outbox beside what one would use in its place: a SQLite table in WAL mode with `synchronous=FULL`, and Node's own
 * `writeSync` + `fdatasyncSync`, which is the least that a durable send can cost.
 */
import { fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { Outbox } from '@halyard/core'
import { duration, rate, report } from './lib.ts'
import { betterSqlite } from './peers.ts'
import { workspace } from './workspace.ts'

const Database = await betterSqlite()
const DESTINATION = 'bench:1'
const body = new Uint8Array(100).fill(120)
const MANY = 200_000
const roomy = { maxMessages: 10_000_000, maxBytes: 2 ** 40 }

/** So many senders, each of which waits for its message before it sends the next. */
async function inFlight(count: number, total: number, send: () => Promise<unknown>): Promise<void> {
  let left = total
  const sender = async (): Promise<void> => {
    while (left-- > 0) await send()
  }
  await Promise.all(Array.from({ length: count }, sender))
}

function submit(outbox: Outbox): Promise<unknown> {
  return outbox.submit({ destination: DESTINATION, kind: 'bench', body })
}

async function withOutbox<T>(task: (outbox: Outbox) => Promise<T>, delivering = false): Promise<T> {
  const path = join(workspace('outbox'), 'outbox')
  await using outbox = await Outbox.open({ path, ...roomy, ordered: !delivering, concurrency: delivering ? 1000 : 4 })
  if (delivering) outbox.attach(DESTINATION, () => Promise.resolve({ outcome: 'delivered' }))
  return await task(outbox)
}

interface Table {
  queue(): void
  settle(id: number): void
  transaction(task: () => void): void
}

/** A thousand messages a transaction, and the event loop has its turn between them. */
async function inTransactions(table: Table, settled = false): Promise<void> {
  for (let done = 0; done < MANY; done += 1000) {
    table.transaction(() => {
      for (let index = 0; index < 1000; index++) table.queue()
    })
    if (settled) {
      table.transaction(() => {
        for (let index = 1; index <= 1000; index++) table.settle(done + index)
      })
    }
    await turn()
  }
}

/** A table as one would make it: what is queued, and what became of it. */
function sqlite(): Table {
  const db = new Database(join(workspace('sqlite'), 'outbox.db'))
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.exec(`CREATE TABLE message (id INTEGER PRIMARY KEY, name TEXT UNIQUE, destination TEXT, kind TEXT, body BLOB,
    priority INTEGER, queued REAL, state TEXT, reason TEXT, settled REAL, attempts INTEGER)`)
  const insert = db.prepare(
    `INSERT INTO message (name, destination, kind, body, priority, queued, state, attempts) VALUES (?, ?, ?, ?, 1, ?, 'queued', 0)`,
  )
  const update = db.prepare(`UPDATE message SET state = 'delivered', settled = ?, attempts = 1 WHERE id = ?`)
  let count = 0
  return {
    queue: () => insert.run(`message-${count++}`, DESTINATION, 'bench', body, Date.now()),
    settle: (id) => update.run(Date.now(), id),
    transaction: (task) => db.transaction(task)(),
  }
}

const met = [
  await report({
    name: 'durable sends, 1,000 in flight, queued (the link is down)',
    unit: 'messages/s',
    better: 'higher',
    goal: { figure: 250_000 },
    peer: 'SQLite, transactions of 1,000',
    contenders: [
      {
        name: 'Outbox',
        run: () => withOutbox((outbox) => rate(MANY, () => inFlight(1000, MANY, () => submit(outbox)))),
      },
      {
        name: 'SQLite, transactions of 1,000',
        run: () => rate(MANY, () => inTransactions(sqlite())),
      },
    ],
    remark:
      'Each message has an id, a line in the ledger and a promise. SQLite has no promise and stops the event loop.',
  }),
  await report({
    name: 'durable sends, 1,000 in flight, delivered (two records each, settlement on disk)',
    unit: 'messages/s',
    better: 'higher',
    peer: 'SQLite, transactions of 1,000',
    contenders: [
      {
        name: 'Outbox',
        run: () =>
          withOutbox(
            (outbox) =>
              rate(MANY, async () => {
                await inFlight(1000, MANY, () => submit(outbox))
                await outbox.idle()
              }),
            true,
          ),
      },
      {
        name: 'SQLite, transactions of 1,000',
        run: () => rate(MANY, () => inTransactions(sqlite(), true)),
      },
    ],
  }),
  await report({
    name: 'durable sends, one by one',
    unit: 'messages/s',
    better: 'higher',
    goal: { ratio: 0.6 },
    peer: 'writeSync + fdatasyncSync',
    rounds: 9,
    contenders: [
      {
        name: 'Outbox',
        run: () => withOutbox((outbox) => rate(3000, () => inFlight(1, 3000, () => submit(outbox)))),
      },
      {
        name: 'writeSync + fdatasyncSync',
        run: () => {
          const file = openSync(join(workspace('plain'), 'file'), 'w')
          const record = Buffer.alloc(220)
          return rate(3000, () => {
            for (let index = 0; index < 3000; index++) {
              writeSync(file, record)
              fdatasyncSync(file)
            }
          })
        },
      },
      {
        name: 'SQLite, one transaction each',
        run: () => {
          const db = sqlite()
          return rate(3000, () => {
            for (let index = 0; index < 3000; index++) db.queue()
          })
        },
      },
    ],
    remark:
      'A single send waits for two trips through the thread pool, which the synchronous peer saves by stopping everybody.',
  }),
  await report({
    name: 'longest time for which the event loop stands still, 1,000 in flight',
    unit: 'ms',
    better: 'lower',
    goal: { figure: 5 },
    peer: 'SQLite, transactions of 1,000',
    contenders: [
      {
        name: 'Outbox, delivering',
        run: () => withOutbox((outbox) => longestTurn(() => inFlight(1000, MANY, () => submit(outbox))), true),
      },
      {
        name: `Outbox, a backlog of ${MANY.toLocaleString('en')} growing`,
        run: () => withOutbox((outbox) => longestTurn(() => inFlight(1000, MANY, () => submit(outbox)))),
      },
      {
        name: 'SQLite, transactions of 1,000',
        run: () => longestTurn(() => inTransactions(sqlite())),
      },
    ],
    remark:
      'The 99.9th percentile of the turns. What is left are collections of the JavaScript heap, and with so large a backlog (the ' +
      'default limit is 10,000) the growth of the table that holds it.',
  }),
  await reportOpening(),
]
process.exitCode = met.includes(false) ? 1 : 0

/** The 99.9th percentile: the very longest is the machine's, on a machine that is shared. */
async function longestTurn(task: () => Promise<void>): Promise<number> {
  globalThis.gc?.()
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await task()
  delay.disable()
  // The histogram counts from one tick to the next, which are a millisecond apart.
  return Math.max(0, delay.percentile(99.9) / 1e6 - 1)
}

async function reportOpening(): Promise<boolean> {
  const path = join(workspace('full'), 'outbox')
  const filling = await Outbox.open({ path, ...roomy })
  await inFlight(1000, 100_000, () => submit(filling))
  await filling.close()
  const heap: number[] = []
  const opened = await report({
    name: 'opening an outbox with 100,000 unsettled messages',
    unit: 'ms',
    better: 'lower',
    goal: { figure: 150 },
    peer: 'SQLite, all rows read',
    contenders: [
      {
        name: 'Outbox',
        async run() {
          globalThis.gc?.()
          const before = process.memoryUsage()
          let outbox: Outbox | undefined
          const time = await duration(async () => (outbox = await Outbox.open({ path, ...roomy })))
          globalThis.gc?.()
          const after = process.memoryUsage()
          heap.push((after.heapUsed + after.external - before.heapUsed - before.external) / 1e6)
          await outbox?.close()
          return time
        },
      },
      {
        name: 'SQLite, all rows read',
        async run() {
          const directory = workspace('sqlite-open')
          const db = new Database(join(directory, 'x.db'))
          db.pragma('journal_mode = WAL')
          db.exec(
            'CREATE TABLE message (id INTEGER PRIMARY KEY, name TEXT UNIQUE, destination TEXT, kind TEXT, body BLOB)',
          )
          const insert = db.prepare('INSERT INTO message (name, destination, kind, body) VALUES (?, ?, ?, ?)')
          db.transaction(() => {
            for (let index = 0; index < 100_000; index++) insert.run(`message-${index}`, DESTINATION, 'bench', body)
          })()
          db.close()
          const time = await duration(() => {
            const again = new Database(join(directory, 'x.db'))
            again.prepare('SELECT id, name, destination, kind, length(body) FROM message').all()
            again.close()
          })
          rmSync(directory, { recursive: true })
          return time
        },
      },
    ],
  })
  const median = heap.toSorted((a, b) => a - b)[heap.length >> 1] ?? Number.NaN
  const fits = median <= 30
  console.log(
    `it holds ${median.toFixed(1)} MB of memory (heap and buffers, after a collection); goal at most 30: ${fits ? 'met' : 'MISSED'}`,
  )
  return opened && fits
}

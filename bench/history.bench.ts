/**
 * The stored history of a hub, filled with ten million messages of one space: the newest ten of a channel, below a
 * prefix, of something rare, behind a wildcard, asked as the hub does, from the main thread of the index worker.
 *
 * `HISTORY_BENCH_MESSAGES` for fewer; `HISTORY_BENCH_DIRECTORY` keeps the filled file there and uses it again.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { silentLogger } from '@halyard/core'
import { nodeClock, nodeDisk } from '@halyard/core/node'
import { historyMessage, START } from './history-messages.ts'
import type { StoredMessage } from './history-messages.ts'
import { figure, median, table } from './lib.ts'
import { workspace } from './workspace.ts'

const MESSAGES = Number(process.env['HISTORY_BENCH_MESSAGES'] ?? 10_000_000)
const ROUNDS = 100
const GOAL = 10
/** The part that is swept at the end. */
const SWEPT = Number(process.env['HISTORY_BENCH_SWEPT'] ?? 0.01)
const HUB = 'benchhub'
const BATCH = 5000

interface Index {
  readonly registry: { get(collection: string, id: string): Promise<unknown> }
  readonly history: {
    query(query: object): Promise<{ readonly messages: readonly unknown[] }>
    sweep(limits: { readonly maxBytes: number }, now: Date): Promise<number>
  }
  close(): Promise<void>
}

interface Modules {
  readonly IndexDatabase: {
    open(path: string, hubId: string): Promise<Disposable & { append(messages: readonly StoredMessage[]): void }>
  }
  readonly SqliteIndex: { open(options: object): Promise<Index> }
  readonly SegmentJournal: { open(options: object): Promise<{ close(): Promise<void> }> }
  readonly JournalReaders: new (journal: unknown, onError: (error: unknown) => void) => { add(): unknown }
  readonly messageId: (number: number, hubId: string) => string
}

/** The inside of the hub, as it is installed: nothing of it is a user's to call. */
const inside = join(import.meta.dirname, '../packages/hub/dist')
const files = ['index-database', 'sqlite-index'].map((name) => `store/sqlite/${name}`)
const modules = await Promise.all(
  [...files, 'store/segment-journal', 'domain/journal-readers', 'domain/message'].map(
    (name) => import(join(inside, `${name}.js`)) as Promise<object>,
  ),
)
const { IndexDatabase, SqliteIndex, SegmentJournal, JournalReaders, messageId } = Object.assign(
  {},
  ...modules,
) as Modules

const directory = process.env['HISTORY_BENCH_DIRECTORY'] ?? workspace('history')
mkdirSync(directory, { recursive: true })
const path = join(directory, 'hub.sqlite')

/** As the index takes them over from the journal: batch by batch, each a transaction that is synced. */
async function fill(): Promise<number> {
  const begun = performance.now()
  using database = await IndexDatabase.open(path, HUB)
  for (let from = 1; from <= MESSAGES; from += BATCH) {
    const count = Math.min(BATCH, MESSAGES - from + 1)
    database.append(
      Array.from({ length: count }, (_, i) => ({
        ...historyMessage(from + i, MESSAGES),
        id: messageId(from + i, HUB),
      })),
    )
    const done = from + count - 1
    if (done % 1_000_000 === 0) {
      console.log(`  ${figure(done)} messages after ${figure((performance.now() - begun) / 1000)} s`)
    }
  }
  return (performance.now() - begun) / 1000
}

async function open(): Promise<{ readonly index: Index; readonly close: () => Promise<void> }> {
  const journalPath = join(directory, 'journal')
  const journal = await SegmentJournal.open({ path: journalPath, disk: nodeDisk() })
  const reader = new JournalReaders(journal, (error: unknown) => console.error(error)).add()
  const index = await SqliteIndex.open({
    path,
    journal,
    reader,
    journalPath,
    hubId: HUB,
    clock: nodeClock(),
    logger: silentLogger,
  })
  const close = async (): Promise<void> => {
    await index.close()
    await journal.close()
  }
  return { index, close }
}

type Question = readonly [name: string, query: object, goal: boolean]

const half = new Date(START + (MESSAGES / 2) * 10)
const questions: readonly Question[] = [
  ['a channel with 1 in 100', { channel: 'meter/main/power' }, true],
  ['`plant/#`: 1 in 10, 10,000 channels', { filter: 'plant/#' }, true],
  ['a channel with 10 messages', { channel: 'alarm/cellar/smoke' }, true],
  ['`lab/#`: 10 messages, 5 channels', { filter: 'lab/#' }, true],
  ['`+/door/open`: 10 messages, 10 channels', { filter: '+/door/open' }, true],
  ['`+/room1/temperature`: 1 in 25, 20,000 channels', { filter: '+/room1/temperature' }, true],
  ['`+/door/#`: 10 messages, as Emitter asks', { filter: '+/door/#' }, false],
  ['`fleet/#`: 1,000 messages, 1,000 channels', { filter: 'fleet/#' }, false],
  ['`plant/+/s3`, until half of the time', { filter: 'plant/+/s3', until: half }, false],
  ['a page of all from half of the time on', { from: half, limit: 10, last: undefined }, false],
  ['`old/#`: the first twentieth, 50,000 channels', { filter: 'old/#' }, false],
  ['`+/nothing/here`', { filter: '+/nothing/here' }, false],
]

async function ask(index: Index, [name, query, goal]: Question): Promise<readonly [row: string[], met: boolean]> {
  const times: number[] = []
  let count = 0
  for (let round = -5; round < ROUNDS; round++) {
    const begun = performance.now()
    const { messages } = await index.history.query({ space: 'mqtt', last: 10, ...query })
    if (round >= 0) times.push(performance.now() - begun)
    count = messages.length
    if (times.length >= 10 && median(times) > 100) break
  }
  const middle = median(times)
  const met = !goal || middle <= GOAL
  const verdict = goal ? (met ? 'met' : 'MISSED') : ''
  return [[name, String(count), figure(middle), figure(Math.max(...times)), verdict], met]
}

/** As the quota counts. */
function countedSize({ payload, channel, account }: ReturnType<typeof historyMessage>): number {
  return 100 + payload.length + channel.length + account.length
}

/** The longest that a read of the registry waits while a hundredth of the history goes. */
async function sweepBeside(index: Index): Promise<string> {
  let used = 0
  for (let number = 1; number <= MESSAGES; number++) used += countedSize(historyMessage(number, MESSAGES))
  const state = { sweeping: true }
  let longest = 0
  const begun = performance.now()
  const swept = index.history.sweep({ maxBytes: used * (1 - SWEPT) }, new Date()).finally(() => {
    state.sweeping = false
  })
  while (state.sweeping) {
    const asked = performance.now()
    await index.registry.get('bench', 'nothing')
    longest = Math.max(longest, performance.now() - asked)
  }
  const removed = await swept
  const rate = (removed * 1000) / (performance.now() - begun)
  return `${figure(removed)} messages over the quota left at ${figure(rate)} a second; a read waited ${figure(longest)} ms at most`
}

if (!existsSync(path)) {
  console.log(`filling with ${figure(MESSAGES)} messages`)
  const seconds = await fill()
  console.log(`  ${figure(seconds)} s, ${figure(MESSAGES / seconds)} messages a second`)
}
const bytes = statSync(path).size
console.log(`${figure(bytes / 1e6)} MB: ${figure(bytes / MESSAGES)} bytes a message of 64 bytes and 26 of its channel`)
const { index, close } = await open()
const rows: string[][] = []
let allMet = true
for (const question of questions) {
  const [row, met] = await ask(index, question)
  rows.push(row)
  allMet &&= met
}
console.log(`\nthe newest 10 (ms from the main thread, at most ${ROUNDS} times, goal at most ${GOAL})`)
console.log(table(['', 'found', 'median', 'longest', ''], rows))
console.log(await sweepBeside(index))
await close()
process.exitCode = allMet ? 0 : 1

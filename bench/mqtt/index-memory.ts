/**
 * What the subscription index holds and how fast it matches: 10,000 sessions with 100 subscriptions each, a tenth with
 * wildcards. A process of its own, run with --expose-gc, which is told where the module of the index lies: the package has no
 * door to it. Prints one line of JSON.
 */
import { pathToFileURL } from 'node:url'

interface Index {
  add(filter: string, subscriber: object): boolean
  match(topic: string, found: object[]): void
}

const [path = ''] = process.argv.slice(2)
const { SubscriptionIndex } = (await import(pathToFileURL(path).href)) as { SubscriptionIndex: new () => Index }

const SESSIONS = 10_000
const EACH = 100
const TOPICS = 200_000

/** Filters come from packets: each a text of its own, also where it says what another one says. */
function filterOf(session: number, n: number): string {
  const text = n % 10 === 9 ? `site/${session}/+/${n}/state` : `site/${session}/device/${n}/state`
  return Buffer.from(text, 'latin1').toString('latin1')
}

function memory(): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const index = new SubscriptionIndex()
const sessions = Array.from({ length: SESSIONS }, () => ({}))
// The filters and the subscribers belong to the sessions, not to the index.
const filters = sessions.map((_, session) => Array.from({ length: EACH }, (_one, n) => filterOf(session, n)))
const before = memory()
for (const [session, subscriber] of sessions.entries()) {
  for (const filter of filters[session] ?? []) index.add(filter, subscriber)
}
const bytes = (memory() - before) / (SESSIONS * EACH)

const topics = Array.from({ length: TOPICS }, (_, i) => filterOf(i % SESSIONS, i % 9).replace('/+/', '/device/'))
let matched = 0
let best = 0
for (let round = 0; round < 5; round++) {
  const begun = performance.now()
  for (const topic of topics) {
    const found: object[] = []
    index.match(topic, found)
    matched += found.length
  }
  best = Math.max(best, (TOPICS * 1000) / (performance.now() - begun))
}
if (matched !== 5 * TOPICS || filters.length === 0) throw new Error(`${matched} subscribers were found`)
console.log(JSON.stringify({ bytes, matches: best }))

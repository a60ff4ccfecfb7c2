import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OverflowPolicy } from '../../../src/mqtt/limits.ts'
import { lostOf, message, payloads, puback } from '../engine/support.ts'
import { PolicyDialect } from '../policy-dialect.ts'
import type { MemoryClient } from '../stage.ts'
import type { JournalRecord } from '../../../src/domain/ports.ts'
import { LedgerDecoder } from '../../../src/mqtt/ledger/decoder.ts'
import { isLedgerRecord } from '../../../src/mqtt/ledger/kinds.ts'
import { CutJournal } from './cut-journal.ts'
import { KeptStage } from './kept-stage.ts'
import { LASTING, crash, subscriber } from './support.ts'

/** More than `make test` has time for: `LEDGER_RUNS=5000 npx vitest run packages/hub/test/mqtt/ledger/sharing.test.ts`. */
const RUNS = Number(process.env['LEDGER_RUNS'] ?? 25)

const MESSAGES = 130
const BYTES = 30_000
/** What a message counts besides its payload: topics have one character. */
const BESIDES = 101

type Step =
  | {
      readonly do: 'publish'
      readonly topic: string
      readonly bytes: number
      readonly count: number
      readonly expiry: number
    }
  | { readonly do: 'come back'; readonly who: number }
  | { readonly do: 'subscribe'; readonly topic: string }
  | { readonly do: 'wait' }
  | { readonly do: 'snapshot' }
  | { readonly do: 'snapshot, meanwhile'; readonly topic: string }
  | { readonly do: 'crash' }

const topic = fc.constantFrom('a', 'b', 'c')
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      topic,
      bytes: fc.constantFrom(5, 5, 50, 500, 5000, 31_000),
      count: fc.constantFrom(1, 2, 3, 10, 60, 140),
      expiry: fc.constantFrom(0, 0, 0, 2),
    }),
    weight: 12,
  },
  { arbitrary: fc.record({ do: fc.constant('come back' as const), who: fc.nat({ max: 3 }) }), weight: 4 },
  { arbitrary: fc.record({ do: fc.constant('subscribe' as const), topic }), weight: 2 },
  { arbitrary: fc.constant({ do: 'wait' as const }), weight: 1 },
  { arbitrary: fc.constant({ do: 'snapshot' as const }), weight: 1 },
  { arbitrary: fc.record({ do: fc.constant('snapshot, meanwhile' as const), topic }), weight: 1 },
  { arbitrary: fc.constant({ do: 'crash' as const }), weight: 1 },
)

/** What one session has, as if nobody else were there. */
interface Plain {
  readonly name: string
  readonly filters: readonly string[]
  readonly overflow: OverflowPolicy
  queue: { readonly text: string; readonly size: number; readonly expiresAt: number }[]
  hasEnded: boolean
  /** Since it was told. */
  lost: number
}

const script = fc.record({
  sessions: fc.array(
    fc.record({
      filters: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', '+', '#'), { minLength: 1, maxLength: 2 }),
      overflow: fc.constantFrom<OverflowPolicy>(
        'drop-oldest',
        'drop-oldest',
        'drop-newest',
        'reject',
        'expire-session',
      ),
    }),
    { minLength: 4, maxLength: 4 },
  ),
  steps: fc.array(step, { minLength: 1, maxLength: 25, size: 'max' }),
})

class Player {
  readonly stage: KeptStage
  readonly sessions: readonly Plain[]
  publisher: MemoryClient | undefined
  other: MemoryClient | undefined
  published = 0
  /** How often two or more shared a row. */
  shared = 0
  /** What was lost before is not known after it. */
  hasCrashed = false

  constructor(stage: KeptStage, sessions: readonly Pick<Plain, 'filters' | 'overflow'>[]) {
    this.stage = stage
    this.sessions = sessions.map((wish, at) => ({ ...wish, name: `s${at}`, queue: [], hasEnded: true, lost: 0 }))
  }

  async begin(): Promise<void> {
    this.publisher = await this.stage.connect('publisher')
    this.other = await this.stage.connect('other')
    for (const session of this.sessions) await this.comeBack(session)
  }

  async play(step: Step): Promise<void> {
    const { stage } = this
    switch (step.do) {
      case 'publish':
        return this.publish(step)
      case 'come back':
        return this.comeBack(this.sessions[step.who] as Plain)
      case 'subscribe': {
        // Of somebody else: who gets what is found anew.
        const wish = {
          filter: step.topic,
          qos: 0,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 2,
        } as const
        this.other?.send({ type: 'subscribe', packetId: 1, subscriptions: [wish] })
        return stage.settle()
      }
      case 'wait':
        return stage.clock.advance(1000)
      case 'snapshot':
        await stage.kept.snapshot()
        return stage.journal.dropBelow(stage.keptFrom)
      case 'snapshot, meanwhile': {
        const written = stage.kept.snapshot()
        await this.publish({ topic: step.topic, bytes: 5, count: 3, expiry: 0 })
        await this.comeBack(this.sessions[0] as Plain)
        await written
        return
      }
      case 'crash': {
        // What was dropped is written once a commit: with the next at the latest.
        await stage.flush()
        await stage.flush()
        await crash(stage)
        this.hasCrashed = true
        // Nothing is held that nobody is owed; who drops the oldest may have a little more until it is looked at.
        const owed = new Set(this.sessions.flatMap(({ queue }) => queue.map(({ text }) => text)))
        const isExact = this.sessions.every(({ overflow }) => overflow !== 'drop-oldest')
        if (isExact) expect(stage.store.count).toBe(owed.size)
        this.publisher = await stage.connect('publisher')
        this.other = await stage.connect('other')
      }
    }
  }

  async publish({ topic, bytes, count, expiry }: Omit<Extract<Step, { do: 'publish' }>, 'do'>): Promise<void> {
    for (let index = 0; index < count; index++) {
      const text = `${topic}${++this.published} `.padEnd(bytes, '.')
      const properties = expiry > 0 ? { messageExpiryInterval: expiry } : {}
      const packetId = 1 + (this.published % 60_000)
      this.publisher?.send(message(topic, text, 1, { properties, packetId }))
      const expiresAt = expiry > 0 ? this.stage.clock.monotonic() + expiry * 1000 : Infinity
      for (const session of this.sessions) {
        const isWanted = session.filters.some((filter) => ['+', '#', topic].includes(filter))
        if (isWanted && !session.hasEnded) this.owe(session, { text, size: BESIDES + text.length, expiresAt })
      }
    }
    await this.stage.settle()
    const sharing = [...this.stage.server.broker.sessions].filter(({ tail }) => (tail?.length ?? 0) > 0)
    if (sharing.length > 1) this.shared++
    this.publisher?.take()
  }

  owe(session: Plain, one: Plain['queue'][number]): void {
    const isFull = (): boolean =>
      session.queue.length >= MESSAGES || session.queue.reduce((sum, { size }) => sum + size, one.size) > BYTES
    if (isFull() && session.overflow === 'expire-session') {
      Object.assign(session, { queue: [], hasEnded: true, lost: 0 })
      return
    }
    if (session.overflow === 'drop-oldest' && one.size <= BYTES) {
      for (; session.queue.length > 0 && isFull(); session.lost++) session.queue.shift()
    }
    if (!isFull()) session.queue.push(one)
    else if (session.overflow !== 'reject') session.lost++
  }

  async comeBack(session: Plain): Promise<void> {
    const { stage } = this
    const client = await stage.connect(session.name, LASTING)
    await stage.settle()
    const [connack, ...rest] = client.take()
    expect(connack).toMatchObject({ type: 'connack', sessionPresent: !session.hasEnded })
    if (!this.hasCrashed) expect(lostOf(connack)).toBe(session.lost)
    const now = stage.clock.monotonic()
    const expected = session.queue.filter(({ expiresAt }) => expiresAt > now)
    expect(payloads(rest).map((text) => text.slice(0, 8))).toEqual(expected.map(({ text }) => text.slice(0, 8)))
    if (session.hasEnded) {
      const subscriptions = session.filters.map((filter, index) => {
        return {
          filter,
          qos: index === 0 ? 1 : 2,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 2,
        } as const
      })
      client.send({ type: 'subscribe', packetId: 1, subscriptions })
    }
    client.send(...rest.filter(({ type }) => type === 'publish').map(puback))
    await stage.settle()
    client.drop()
    await stage.settle()
    Object.assign(session, { queue: [], hasEnded: false, lost: 0 })
  }
}

describe('sessions that are away and get the same messages', () => {
  it('have each what it would have alone, and are told what they lost, whatever its limits, policy, expiry, snapshots and restarts', async () => {
    let shared = 0
    const run = fc.asyncProperty(script, async (wish) => {
      const limits = { queuedMessages: MESSAGES, queuedBytes: BYTES }
      const dialect = new PolicyDialect(new Map(wish.sessions.map(({ overflow }, at) => [`s${at}`, overflow])))
      const stage = await KeptStage.open({ journal: new CutJournal(), limits, dialect })
      const player = new Player(stage, wish.sessions)
      await player.begin()
      for (const each of wish.steps) await player.play(each)
      for (const session of player.sessions) await player.comeBack(session)
      await player.stage.flush()
      expect([player.stage.store.count, player.stage.store.bytes]).toEqual([0, 0])
      expect(player.stage.logger.errors).toEqual([])
      shared += player.shared
      await player.stage.close()
    })
    await fc.assert(run, { numRuns: RUNS })
    expect(shared).toBeGreaterThan(RUNS)
  })

  it('lose nothing by one record that is damaged, though it is of all of them', async () => {
    const stage = await KeptStage.openCut()
    for (const name of ['one', 'two', 'three']) (await subscriber(stage, name, 'a', LASTING)).drop()
    const publisher = await stage.connect('publisher')
    const texts = Array.from({ length: 20 }, (_, index) => `${index}`)
    for (const text of texts) publisher.send(message('a', text, 1))
    await stage.settle()
    await stage.kept.snapshot()
    await stage.journal.dropBelow(stage.keptFrom)
    const records: JournalRecord[] = []
    for await (const batch of stage.journal.copy().replay(0)) records.push(...batch)
    const decoder = new LedgerDecoder()
    const rows = records.filter(({ payload }) => isLedgerRecord(payload) && decoder.decode(payload).kind === 'row')
    expect(rows.length).toBe(2)
    for (const damaged of rows) {
      const journal = new CutJournal(records.filter((record) => record !== damaged))
      const next = await KeptStage.open({ journal, clock: stage.clock })
      for (const name of ['three', 'one', 'two']) {
        expect(payloads((await next.connect(name, LASTING)).take())).toEqual(texts)
      }
      await next.close()
    }
    await stage.close()
  })
})

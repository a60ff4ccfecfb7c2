import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '@halyard/testkit'
import type { LedgerRecord, SessionState } from '../../../src/mqtt/ledger/records.ts'
import { LedgerState } from '../../../src/mqtt/ledger/state.ts'
import { message } from '../engine/support.ts'
import { play } from '../model/run.ts'
import { scripts } from '../model/script.ts'
import { connectedIn, dumpOf } from './dump.ts'
import { KeptStage } from './kept-stage.ts'
import { LASTING, subscriber } from './support.ts'

/** More than `make test` has time for: `LEDGER_RUNS=5000 npx vitest run packages/hub/test/mqtt/ledger/snapshot-cut.test.ts`. */
const RUNS = Number(process.env['LEDGER_RUNS'] ?? 8)

/** All is written anew, and the power goes behind each of the records: what comes back is what there was. */
async function cutEverywhere(stage: KeptStage): Promise<number> {
  await stage.flush()
  const connected = connectedIn(stage)
  const { journal, limits, clock } = stage
  const there = dumpOf(stage, connected)
  journal.isHeld = true
  const written = stage.kept.snapshot()
  await stage.turn()
  const records = journal.pending
  for (let tail = 0; tail <= records; tail++) {
    const found = await KeptStage.open({ journal: journal.copy(tail), limits, clock })
    expect(dumpOf(found, connected), `behind record ${tail} of ${records}`).toEqual(there)
    await found.close()
  }
  journal.isHeld = false
  journal.commit()
  await written
  return records
}

describe('a snapshot that a crash ends', () => {
  it('leaves to sessions that share a row what they had', async () => {
    const stage = await KeptStage.openCut()
    for (const name of ['one', 'two', 'three']) (await subscriber(stage, name, 'a', LASTING)).drop()
    ;(await subscriber(stage, 'alone', '+', LASTING)).drop()
    const publisher = await stage.connect('publisher')
    for (let index = 0; index < 20; index++) publisher.send(message(index % 4 === 0 ? 'b' : 'a', `${index}`, 1))
    await stage.settle()
    expect(await cutEverywhere(stage)).toBeGreaterThan(10)
    await stage.close()
  })

  it('leaves everything as it was, whatever many clients have done', async () => {
    const run = fc.asyncProperty(scripts, async (steps) => {
      let stage: KeptStage | undefined
      let step = 0
      await play(
        steps.filter((each) => each.do !== 'connect' || each.will === undefined),
        async (limits) => (stage = await KeptStage.openCut(limits)),
        async () => {
          if (++step % 10 === 0 && stage) await cutEverywhere(stage)
        },
      )
    })
    await fc.assert(run, { numRuns: RUNS })
  })
})

const OWNER = { dialect: 'open', space: 'test', account: '', name: undefined, clientId: 'a' }
const TERMS = { qos: 1, retain: false, identifiers: [] } as const

function session(...owed: readonly number[]): LedgerRecord {
  const all = owed.map((message, ordinal) => ({ ordinal, message, released: false, group: 0, ...TERMS }))
  const state: SessionState = {
    number: 1,
    owner: OWNER,
    expiry: 60,
    leftAt: 0,
    next: owed.length,
    sent: 0,
    subscriptions: [],
    received: [],
    owed: all,
  }
  return { kind: 'session', session: state }
}

const parts = (count: number): LedgerRecord => ({ kind: 'parts', session: 1, count })
const owed = (message: number): LedgerRecord => ({ kind: 'owed', session: 1, message, terms: TERMS })
const clock: LedgerRecord = { kind: 'clock', bootId: 'b', wall: 0, monotonic: 0 }

function owedAfter(...records: readonly LedgerRecord[]): number[] {
  const state = new LedgerState(new VirtualClock())
  for (const record of records) state.apply(record)
  return Array.from(state.sessions.get(1)?.owed.values() ?? [], ({ message }) => message)
}

describe('a session whose records are several', () => {
  const before = session(1, 2, 3, 4)
  const settled: LedgerRecord = { kind: 'settled', sessions: [{ session: 1, runs: [{ first: 0, count: 1 }] }] }

  it('takes the place of the one before when the last of them is there', () => {
    const anew = [parts(4), session(2), owed(3), owed(4), owed(5)]
    for (let count = 0; count < anew.length; count++) {
      expect(owedAfter(before, ...anew.slice(0, count))).toEqual([1, 2, 3, 4])
    }
    expect(owedAfter(before, ...anew)).toEqual([2, 3, 4, 5])
  })

  it('is left out if something else follows than the rest of it: what changes then is of the one before', () => {
    expect(owedAfter(before, parts(3), clock, owed(5))).toEqual([1, 2, 3, 4, 5])
    expect(owedAfter(before, parts(4), session(1, 2), owed(3), clock, owed(5))).toEqual([1, 2, 3, 4, 5])
    expect(owedAfter(before, parts(4), session(1), owed(2), settled)).toEqual([2, 3, 4])
  })

  it('… also when the snapshot came to its end, so that nothing older is wanted', () => {
    const snapshot = [{ kind: 'snapshot' }, parts(3), session(1, 2), owed(3), clock, { kind: 'complete' }] as const
    expect(owedAfter(before, ...snapshot)).toEqual([1, 2, 3, 4])
  })

  it('is what there is of it if there is nothing else, or if what says that they are several is damaged', () => {
    expect(owedAfter(parts(3), session(1, 2), owed(3))).toEqual([1, 2, 3])
    expect(owedAfter(parts(4), session(1, 2), owed(3), clock)).toEqual([1, 2, 3])
    expect(owedAfter(before, session(1, 2), owed(3))).toEqual([1, 2, 3])
  })

  it('… with a queue of several records', () => {
    const piece = (ordinal: number, ...messages: readonly number[]): LedgerRecord => ({
      kind: 'queue',
      session: 1,
      owed: messages.map((message, index) => ({
        ordinal: ordinal + index,
        message,
        released: false,
        group: 0,
        ...TERMS,
      })),
    })
    const anew = [parts(3), session(2), piece(1, 3, 4), piece(3, 5)]
    for (let count = 0; count < anew.length; count++) {
      expect(owedAfter(before, ...anew.slice(0, count))).toEqual([1, 2, 3, 4])
    }
    expect(owedAfter(before, ...anew)).toEqual([2, 3, 4, 5])
    expect(owedAfter(before, ...anew, owed(6))).toEqual([2, 3, 4, 5, 6])
  })

  it('has its own changes behind it', () => {
    expect(owedAfter(session(1, 2), parts(2), session(1), owed(2), owed(3))).toEqual([1, 2, 3])
  })
})

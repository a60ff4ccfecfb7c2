import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { play } from '../model/run.ts'
import { scripts } from '../model/script.ts'
import type { Step } from '../model/script.ts'
import { connectedIn, dumpOf } from './dump.ts'
import { KeptStage } from './kept-stage.ts'

/** More than `make test` has time for: `LEDGER_RUNS=5000 npx vitest run packages/hub/test/mqtt/ledger/state.test.ts`. */
const RUNS = Number(process.env['LEDGER_RUNS'] ?? 25)

/** A will that is due at once is published when its records are read, and would be another state. */
function isLate(step: Step): Step {
  if (step.do !== 'connect' || step.will === undefined) return step
  const mayWait = step.version === 5 && step.expiry > 0 && step.will.delay > 0
  return mayWait ? step : { ...step, will: undefined }
}

const lateScripts = scripts.map((steps) => steps.map(isLate))

/** What is on the disk comes to what the engine has, in as many processes one after the other as there are. */
async function compare(stage: KeptStage, processes = 1): Promise<void> {
  await stage.flush()
  const connected = connectedIn(stage)
  const { limits, clock } = stage
  let journal = stage.journal.copy()
  for (let process = 0; process < processes; process++) {
    const copy = await KeptStage.open({ journal, limits, clock })
    expect(dumpOf(copy, connected)).toEqual(dumpOf(stage, connected))
    await copy.close()
    await copy.journal.whenCommitted(copy.journal.committed)
    journal = copy.journal.copy()
  }
}

/** Plays them, and looks at the engine behind every so manieth step. */
async function playing(
  steps: readonly Step[],
  every: number,
  look: (stage: KeptStage) => Promise<void>,
): Promise<void> {
  let stage: KeptStage | undefined
  let step = 0
  await play(
    steps,
    async (limits) => (stage = await KeptStage.openCut(limits)),
    async () => {
      if (++step % every === 0 && stage) await look(stage)
    },
  )
}

const everyFew = fc.integer({ min: 2, max: 12 })

describe('the records of the engine, whatever many clients do,', () => {
  it('come to what it has', async () => {
    const run = fc.asyncProperty(lateScripts, everyFew, (steps, every) => playing(steps, every, compare))
    await fc.assert(run, { numRuns: RUNS })
  })

  it('… when all that is alive was written anew and what lies before it is gone', async () => {
    const run = fc.asyncProperty(lateScripts, everyFew, (steps, every) =>
      playing(steps, every, async (stage) => {
        await stage.kept.snapshot()
        await stage.journal.dropBelow(stage.keptFrom)
        await compare(stage)
      }),
    )
    await fc.assert(run, { numRuns: RUNS })
  })

  it('… after several processes that did nothing', async () => {
    const run = fc.asyncProperty(lateScripts, (steps) => playing(steps, 20, (stage) => compare(stage, 3)))
    await fc.assert(run, { numRuns: RUNS })
  })
})

import fc from 'fast-check'
import { describe, it } from 'vitest'
import { TcpStage } from '../tcp-stage.ts'
import { play } from './run.ts'
import { scripts } from './script.ts'
import type { Step } from './script.ts'

/** `make proof` runs for minutes, a person for as long as he likes; fast-check prints the seed of what fails. */
const MINUTES = Number(process.env['MQTT_MODEL_MINUTES'] ?? 0)
const RUNS = 1500

async function compare(what: string, share: number, run: (steps: readonly Step[]) => Promise<void>): Promise<void> {
  const tried = { scripts: 0, steps: 0 }
  const counted = (steps: readonly Step[]): Promise<void> => {
    tried.scripts++
    tried.steps += steps.length
    return run(steps)
  }
  const limits =
    MINUTES === 0
      ? { numRuns: Math.ceil(RUNS * share) }
      : { numRuns: 1e9, interruptAfterTimeLimit: MINUTES * 60_000 * share, markInterruptAsFailure: false }
  await fc.assert(fc.asyncProperty(scripts, counted), limits)
  if (MINUTES > 0) process.stdout.write(`${what}: ${tried.scripts} scripts, ${tried.steps} steps\n`)
}

describe('the broker and its model', () => {
  const timeout = (MINUTES + 2) * 60_000

  it('give each client the same, whatever many clients do', { timeout }, () =>
    compare('in memory', 0.9, (steps) => play(steps)),
  )

  it('… over TCP too', { timeout }, () =>
    compare('over TCP', 0.1, (steps) => play(steps, (limits) => new TcpStage(limits))),
  )
})

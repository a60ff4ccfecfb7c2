import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeptStage } from '../ledger/kept-stage.ts'
import { play } from './run.ts'
import { awayScripts, restartingScripts } from './script.ts'

/** `make test` has little time; `MQTT_RESTART_RUNS=20000` more. */
const RUNS = Number(process.env['MQTT_RESTART_RUNS'] ?? 100)

describe('the broker that loses its power, and its model', () => {
  it('give each client the same: what was acknowledged, once at QoS 2', { timeout: 60_000 + 50 * RUNS }, async () => {
    const run = fc.asyncProperty(restartingScripts, (steps) => play(steps, (limits) => KeptStage.openCut(limits)))
    await fc.assert(run, { numRuns: RUNS })
    // For the proof, which prints it.
    if (RUNS > 1000) console.log(`with power cuts: ${RUNS} scripts agreed`)
  })

  it('… most of whom are away, and wait for the same', { timeout: 60_000 + 50 * RUNS }, async () => {
    let shared = 0
    const run = fc.asyncProperty(awayScripts, async (steps) => {
      let stage: KeptStage | undefined
      const look = (): Promise<void> => {
        const sessions = [...(stage?.server.broker.sessions ?? [])]
        if (sessions.filter(({ tail }) => (tail?.length ?? 0) > 0).length > 1) shared++
        return Promise.resolve()
      }
      await play(steps, async (limits) => (stage = await KeptStage.openCut(limits)), look)
    })
    await fc.assert(run, { numRuns: RUNS })
    if (RUNS > 1000) console.log(`with power cuts, most being away: ${RUNS} scripts agreed`)
    expect(shared).toBeGreaterThan(RUNS)
  })
})

import fc from 'fast-check'
import { describe, it } from 'vitest'
import { play } from './run.ts'
import { scripts } from './script.ts'

const RUNS = Number(process.env['MQTT_MODEL_RUNS'] ?? 300)

describe('the broker and its model', () => {
  it('give each client the same, whatever many clients do', { timeout: 600_000 }, async () => {
    await fc.assert(fc.asyncProperty(scripts, play), { numRuns: RUNS })
  })
})

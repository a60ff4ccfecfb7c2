/**
 * Emitter's broker against its model, `soak/broker-model.ts`. EMITTER_SOAK_MINUTES: 1; `make proof` says 30.
 * EMITTER_SOAK_SEED repeats a run that failed.
 */
import { expect, it } from 'vitest'
import { startEmitterHub } from '../../emitter/support.ts'
import { Soak } from './soak/soak.ts'

const MINUTES = Number(process.env['EMITTER_SOAK_MINUTES'] ?? 1)
const SEED = Number(process.env['EMITTER_SOAK_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const CLIENTS = Number(process.env['EMITTER_SOAK_CLIENTS'] ?? 200)
const LIMITS = 'connections: 1000, connectionsPerAddress: 1000'

it.each(['emitter', 'mqtt'] as const)(
  '200 clients at random, matcher %s: messages, presence lists, changes and history are those of the model',
  { timeout: MINUTES * 60_000 + 120_000 },
  async (matcher) => {
    const { hub, master, log } = await startEmitterHub({
      config: `{
        mqtt: { limits: { ${LIMITS} } }
        front: { limits: { ${LIMITS} } }
        emitter: { matcher: ${matcher}
          limits: { unknownKeys: 1000000, unknownKeysPerAddress: 1000000 } }
      }`,
    })
    const counts = await Soak.run({
      port: hub.ports.front,
      master,
      matcher,
      seed: SEED,
      clients: CLIENTS,
      until: performance.now() + MINUTES * 30_000,
    })
    expect(log.texts('error')).toEqual([])
    const figures = Object.entries(counts).map(([what, count]) => `${count} ${what}`)
    console.log(`matcher ${matcher}: ${figures.join(', ')}; seed ${SEED}`)
  },
)

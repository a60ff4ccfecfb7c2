/** What an MQTT broker has acknowledged, after it was killed; ours beside others. `proofs/mqtt/` has the parts. */
import { seededRandom } from '@halyard/testkit'
import { keepMessages } from './mqtt/kept/messages.ts'
import type { Kept } from './mqtt/kept/messages.ts'
import { keepState } from './mqtt/kept/state.ts'
import type { KeptState, Seen } from './mqtt/kept/state.ts'
import { Server } from './mqtt/servers.ts'
import type { ServerKind } from './mqtt/servers.ts'
import type { Progress, Proof } from './proof.ts'

const ROUNDS = Number(process.env['MQTT_KEPT_ROUNDS'] ?? '100')
const MANY = 100_000
/** More than one record of a snapshot holds, of the hub alone: some of the kills fall into the middle of one. */
const VERY_MANY = 500_000
const SEED = 1

/** The others are there for their figures: fewer rounds tell them. Ours stands first. */
const SERVERS: readonly { kind: ServerKind; rounds: number; manyRounds: number; stateRounds: number }[] = [
  { kind: 'hub', rounds: ROUNDS, manyRounds: 3, stateRounds: Math.ceil(ROUNDS / 10) },
  { kind: 'mosquitto', rounds: Math.ceil(ROUNDS / 5), manyRounds: 1, stateRounds: 3 },
  { kind: 'mosquitto-strict', rounds: Math.ceil(ROUNDS / 20), manyRounds: 1, stateRounds: 3 },
  { kind: 'aedes', rounds: Math.ceil(ROUNDS / 10), manyRounds: 1, stateRounds: 3 },
]

export const proof: Proof = {
  name: 'What an MQTT broker has acknowledged',
  claim:
    'A hub that is killed (SIGKILL) at a random moment and started again has every message of QoS 1 that it acknowledged, ' +
    'in order, for a session that was away, and its retained messages, subscriptions, wills and the ends of sessions.',
  command: 'npm run build && MQTT_KEPT_ROUNDS=100 node scripts/proof.mjs mqtt-kept',
  async run(progress) {
    if (!(ROUNDS >= 1)) throw new Error('MQTT_KEPT_ROUNDS is a number of rounds from 1 on')
    const rows: [string, string][] = []
    let passed = true
    for (const server of SERVERS) {
      const small = await withServer(server.kind, (one) =>
        keepMessages({ ...one, rounds: server.rounds, messages: 500, limit: 30, onRound: tell(progress, one, '500') }),
      )
      const many = await withServer(server.kind, (one) =>
        keepMessages({
          ...{ ...one, rounds: server.manyRounds, messages: MANY, limit: 20 },
          onRound: tell(progress, one, '100,000'),
        }),
      )
      const state = await withServer(server.kind, (one) =>
        keepState({ ...one, rounds: server.stateRounds, onRound: tell(progress, one, 'state') }),
      )
      const { name } = small
      rows.push(...messageRows(`${name}, 500 messages`, small.result))
      rows.push(...messageRows(`${name}, 100,000 messages`, many.result))
      rows.push([`${name}: state looked at, wrong`, stateText(state.result)])
      if (server.kind !== 'hub') continue
      const most = await withServer(server.kind, (one) =>
        keepMessages({
          ...{ ...one, rounds: Math.ceil(ROUNDS / 5), messages: VERY_MANY, limit: 60 },
          onRound: tell(progress, one, '500,000'),
        }),
      )
      rows.push(...messageRows(`${name}, 500,000 messages`, most.result))
      passed = [small, many, most].every(({ result }) => holds(result)) && isRight(state.result)
    }
    rows.push(['seed', String(SEED)])
    return { passed, rows }
  },
}

interface One {
  readonly server: Server
  readonly random: ReturnType<typeof seededRandom>
}

async function withServer<T>(kind: ServerKind, run: (one: One) => Promise<T>): Promise<{ name: string; result: T }> {
  const server = await Server.prepare(kind)
  try {
    return { name: server.name, result: await run({ server, random: seededRandom(SEED) }) }
  } finally {
    await server.destroy()
  }
}

function tell(progress: Progress, { server }: One, what: string): (round: number) => void {
  return (round) => progress(`${server.name}, ${what}, round ${round}`)
}

function holds({ lost, disordered, sessions }: Kept): boolean {
  return lost + disordered + sessions === 0
}

function isRight(state: KeptState): boolean {
  return Object.values(state).every(({ wrong }: Seen) => wrong === 0)
}

function messageRows(what: string, kept: Kept): [string, string][] {
  const { rounds, early, acknowledged, lost, disordered, twice, extra, restart } = kept
  return [
    [`${what}: kills, of them while publishing`, `${rounds}, ${early}`],
    ['… acknowledged, of them lost', `${acknowledged}, ${lost}`],
    ['… out of order, came twice, came unacknowledged', `${disordered}, ${twice}, ${extra}`],
    ['… longest start', `${(restart / 1000).toFixed(2)} s`],
  ]
}

function stateText(state: KeptState): string {
  return Object.entries(state)
    .filter(([, { looked }]: [string, Seen]) => looked > 0)
    .map(([name, { looked, wrong }]: [string, Seen]) => `${name} ${looked}, ${wrong}`)
    .join('; ')
}

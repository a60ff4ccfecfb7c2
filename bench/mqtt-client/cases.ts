/** Messages through warm clients: a table of rates, of what the client's own processor could do, and of ratios to MQTT.js. */
import { figure, median, table } from '../lib.ts'
import { workspace } from '../workspace.ts'
import { cpuOf, feeder, halyard, hasPaho, mqttjs, paho, shell } from './programs.ts'
import type { Program, Turn } from './programs.ts'

export interface Server {
  readonly name: string
  readonly pid: number
  readonly port: number
}

interface Load {
  readonly qos: 0 | 1
  readonly bytes: number
  readonly count: number
}

/** A client in a table; `play` does a load once. */
interface Player {
  readonly name: string
  readonly play: (load: Load) => Promise<Turn>
  readonly end: () => Promise<void>
}

/** A turn, and how much of a processor its server took meanwhile. */
interface Figures extends Turn {
  readonly rate: number
  /** messages a second of the client's processor */
  readonly perCpu: number
  readonly server: number
}

/** Of ours, in messages a CPU second, to MQTT.js: where the server is the limit a rate says nothing of the client. */
const GOAL = 5
/** On their way at once, of promises and callbacks. */
const IN_FLIGHT = 1000
const LOADS = [
  { qos: 0, bytes: 100 },
  { qos: 1, bytes: 100 },
  { qos: 0, bytes: 1024 },
  { qos: 1, bytes: 1024 },
] as const
/** Slower ones get a share of the messages, so that all take about as long. */
const SHARE: Readonly<Record<string, number>> = { '@halyard/mqtt': 1, 'MQTT.js': 0.25, paho: 0.1, 'mosquitto_pub -l': 0.25 }
/** A server is said to be the limit from here on. */
const BUSY = 0.9

export async function publishing(server: Server, rounds: number, messages: number): Promise<boolean> {
  const players = [await publisher('@halyard/mqtt', halyard(), server), await publisher('MQTT.js', mqttjs(), server)]
  if (hasPaho()) players.push(await publisher('paho', paho(), server))
  players.push(mosquittoPub(server))
  return compare(`publish to ${server.name}`, server, players, rounds, messages)
}

export async function receiving(server: Server, rounds: number, messages: number): Promise<boolean> {
  const feed = feeder()
  await feed.turn('open', { port: server.port })
  const players = [receiver('@halyard/mqtt', halyard, server, feed), receiver('MQTT.js', mqttjs, server, feed)]
  if (hasPaho()) players.push(receiver('paho', paho, server, feed))
  players.push(mosquittoSub(server, feed))
  const met = await compare(`receive from ${server.name}`, server, players, rounds, messages)
  await feed.end()
  return met
}

async function publisher(name: string, program: Program, { port }: Server): Promise<Player> {
  await program.turn('open', { port })
  return {
    name,
    play: (load) => program.turn<Turn>('publish', { ...load, inFlight: IN_FLIGHT }),
    end: () => program.end(),
  }
}

/** Subscribes for one turn: what the others are fed is none of its business. Warm is its process. */
function receiver(name: string, start: () => Program, { port }: Server, feed: Program): Player {
  const program = start()
  return {
    name,
    async play(load) {
      await program.turn('open', { port })
      await program.turn('listen', { qos: load.qos })
      await program.turn('receive', { count: load.count })
      const fed = feed.turn('feed', { ...load })
      const turn = await program.answer<Turn>()
      await fed
      await program.turn('close')
      return turn
    },
    end: () => program.end(),
  }
}

/** Lines from a pipe: what makes them is not counted, but for its share of core 1. */
function mosquittoPub({ port }: Server): Player {
  return {
    name: 'mosquitto_pub -l',
    async play({ qos, bytes, count }) {
      const lines = `yes ${'.'.repeat(bytes)} | head -n ${count}`
      return shell(`mosquitto_pub -V 5 -h 127.0.0.1 -p ${port} -t bench/publish -q ${qos} -l < <(${lines})`)
    },
    end: () => Promise.resolve(),
  }
}

function mosquittoSub({ port }: Server, feed: Program): Player {
  return {
    name: 'mosquitto_sub',
    play: (load) =>
      shell(
        `stdbuf -o64K mosquitto_sub -V 5 -h 127.0.0.1 -p ${port} -t bench/receive -q ${load.qos} -C ${load.count} -d | grep -c never || true`,
        async (line) => {
          await line('Subscribed')
          await feed.turn('feed', { ...load })
        },
      ),
    end: () => Promise.resolve(),
  }
}

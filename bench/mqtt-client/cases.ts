/** Messages through warm clients: a table of rates, of what the client's own processor could do, and of ratios to MQTT.js. */
import { join } from 'node:path'
import { figure, median, report, table } from '../lib.ts'
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
const SHARE: Readonly<Record<string, number>> = {
  '@halyard/mqtt': 1,
  'MQTT.js': 0.25,
  paho: 0.1,
  'mosquitto_pub -l': 0.25,
}
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

/** Subscribed long before it is fed; `-W` ends it if something were lost. */
function mosquittoSub({ port }: Server, feed: Program): Player {
  return {
    name: 'mosquitto_sub',
    play({ qos, bytes, count }) {
      const words = `-V 5 -h 127.0.0.1 -p ${port} -t bench/receive -q ${qos} -C ${count} -W 60`
      return shell(`mosquitto_sub ${words} > /dev/null`, () => feed.turn('feed', { qos, bytes, count }))
    },
    end: () => Promise.resolve(),
  }
}

/** Prints a table; false: ours missed its goal in a row. */
async function compare(
  title: string,
  server: Server,
  players: readonly Player[],
  rounds: number,
  messages: number,
): Promise<boolean> {
  const rows: string[][] = []
  let met = true
  for (const { qos, bytes } of LOADS) {
    const all = new Map<Player, Figures[]>(players.map((player) => [player, []]))
    for (let round = -1; round < rounds; round++) {
      for (let i = 0; i < players.length; i++) {
        const player = players[(i + round + 1) % players.length]
        if (player === undefined) continue
        const count = Math.round(((SHARE[player.name] ?? 0.25) * messages) / (bytes > 100 ? 3 : 1))
        const figures = await figuresOf(server, count, () => player.play({ qos, bytes, count }))
        if (round >= 0) all.get(player)?.push(figures)
      }
    }
    const middle = (player: Player | undefined, pick: (figures: Figures) => number): number =>
      median((player === undefined ? [] : (all.get(player) ?? [])).map(pick))
    const peer = players[1]
    for (const player of players) {
      const perCpu = middle(player, (one) => one.perCpu) / middle(peer, (one) => one.perCpu)
      const busy = middle(player, (one) => one.server)
      if (player === players[0]) met &&= perCpu >= GOAL
      rows.push([
        `QoS ${qos}, ${bytes === 100 ? '100 B' : '1 KiB'}, ${player.name}`,
        figure(middle(player, (one) => one.rate)),
        figure(middle(player, (one) => one.perCpu)),
        player === peer ? 'peer' : perCpu.toFixed(2),
        `${busy.toFixed(2)}${busy >= BUSY ? ', the limit' : ''}`,
      ])
    }
  }
  await Promise.all(players.map((player) => player.end()))
  console.log(
    `\n${title} (median of ${rounds}; goal of ours ${GOAL} × MQTT.js a CPU second: ${met ? 'met' : 'MISSED'})`,
  )
  console.log(table(['', 'messages/s', 'a CPU second', 'beside MQTT.js', 'server’s processor'], rows))
  return met
}

async function figuresOf(server: Server, count: number, play: () => Promise<Turn>): Promise<Figures> {
  const before = cpuOf(server.pid)
  const turn = await play()
  const used = cpuOf(server.pid) - before
  return { ...turn, rate: count / turn.seconds, perCpu: count / turn.cpu, server: used / turn.seconds }
}

const DRAINED = 100_000
/** It takes a packet identifier for each when it is queued, and there are 65,535. */
const DRAINED_BY_MQTTJS = 50_000

/** 100,000 messages of QoS 1 that were queued without a connection, from CONNECT to the last acknowledgement. */
export async function drains({ port }: Server, rounds: number): Promise<boolean> {
  const directory = workspace('mqtt-client-drain')
  let round = 0
  const once = async (start: () => Program, count: number, path?: string): Promise<number> => {
    const program = start()
    const { seconds } = await program.turn<Turn>('drain', { port, bytes: 100, count, path })
    await program.end()
    return count / seconds
  }
  return report({
    name: `drain of ${figure(DRAINED)} queued messages, QoS 1, 100 B`,
    unit: 'messages/s',
    better: 'higher',
    peer: 'MQTT.js, in memory',
    rounds,
    contenders: [
      { name: '@halyard/mqtt, in memory', run: () => once(halyard, DRAINED) },
      { name: '@halyard/mqtt, on disk', run: () => once(halyard, DRAINED, join(directory, String(round++))) },
      { name: 'MQTT.js, in memory', run: () => once(mqttjs, DRAINED_BY_MQTTJS) },
    ],
    remark: `MQTT.js keeps nothing on a disk by itself, and cannot queue so many: ${figure(DRAINED_BY_MQTTJS)} of them.`,
  })
}

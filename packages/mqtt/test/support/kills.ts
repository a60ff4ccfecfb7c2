/**
 * A publisher and a hub, each a process of its own, both killed with SIGKILL at random moments and started again; a reader
 * in this process that stays. Acknowledged by `publish` means: on disk, so it arrives; QoS 2: once; in order.
 */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '@halyard/testkit'
import { MqttClient } from '@halyard/mqtt'
import { Program, dist } from './program.ts'

const HUB = `
  import { createHub } from '${dist('hub')}'
  const [data, port] = process.argv.slice(1)
  await createHub({ data, mqttAnonymous: true, ports: { front: 0, hologram: 0, mqtt: Number(port) } })
  console.log('ready')
`

/** Says each number when \`publish\` has resolved: then it is on disk. Told to end it waits until nothing is owed. */
const PUBLISHER = `
  import { MqttClient } from '${dist('mqtt')}'
  const [path, port, version, life] = process.argv.slice(1)
  const client = new MqttClient('mqtt://127.0.0.1:' + port, {
    version: Number(version), clientId: 'publisher', sessionExpiry: Infinity, outbox: { path },
    reconnect: { base: 0.01, cap: 0.05 }, window: 20,
  })
  client.on('error', () => {})
  let ending = false
  process.stdin.on('data', () => (ending = true))
  await client.outbox
  console.log('ready')
  for (let number = 0; !ending; number++) {
    const qos = 1 + (number % 2)
    const body = life + '/' + number
    void client.publish('kill/' + qos, body, { qos }).then(() => console.log(body), () => {})
    if (number % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await (await client.outbox).idle()
  await client.close()
  console.log('idle')
  process.exit()
`

export interface KillReport {
  readonly acknowledged: number
  readonly received: number
  readonly lost: readonly string[]
  readonly twice: readonly string[]
  readonly disordered: readonly string[]
  readonly kills: number
}

export interface KillOptions {
  readonly version: 4 | 5
  readonly kills: number
  readonly seed: number
}

export async function killAgainAndAgain({ version, kills, seed }: KillOptions): Promise<KillReport> {
  const random = seededRandom(seed)
  const directory = await mkdtemp(join(tmpdir(), 'mqtt-kills-'))
  const port = String(await freePort())
  const acknowledged = new Set<string>()
  const received: string[] = []
  const options = {
    version,
    clientId: 'reader',
    sessionExpiry: Infinity,
    reconnect: { base: 0.01, cap: 0.05 },
  } as const
  let hub: Program | undefined
  let publisher: Program | undefined
  let life = 0
  const startHub = async (): Promise<void> => {
    hub = new Program(HUB, [join(directory, 'hub'), port])
    await hub.says('ready')
  }
  const startPublisher = async (): Promise<void> => {
    const args = [join(directory, 'outbox'), port, String(version), String(++life)]
    publisher = new Program(PUBLISHER, args, (line) => acknowledged.add(line))
    await publisher.says('ready')
  }
  let reader: MqttClient | undefined
  try {
    await startHub()
    reader = new MqttClient(`mqtt://127.0.0.1:${port}`, options)
    await reader.subscribe('kill/#', { qos: 2, onMessage: (message) => received.push(message.text()) })
    await startPublisher()
    for (let kill = 0; kill < kills; kill++) {
      await new Promise((resolve) => setTimeout(resolve, 50 + random.integer(250)))
      const which = random.integer(3)
      // The publisher, the hub, or both in one moment.
      await Promise.all([which !== 1 && publisher!.kill(), which !== 0 && hub!.kill()])
      await Promise.all([which !== 1 && startPublisher(), which !== 0 && startHub()])
    }
    const idle = publisher!.says('idle')
    publisher!.child.stdin!.write('end')
    await idle
    // Everything is with the hub; what stands before this mark has come when it comes.
    const marker = new MqttClient(`mqtt://127.0.0.1:${port}`, { version })
    await (await marker.outbox).settled((await marker.publish('kill/mark', 'mark', { qos: 2 })).id)
    while (!received.includes('mark')) await new Promise((resolve) => setTimeout(resolve, 5))
    await marker.close()
  } finally {
    await reader?.close()
    await Promise.all([publisher?.kill(), hub?.kill()])
    await rm(directory, { recursive: true, force: true })
  }
  return judge(acknowledged, received, kills)
}

function judge(acknowledged: ReadonlySet<string>, received: readonly string[], kills: number): KillReport {
  const counts = new Map<string, number>()
  for (const text of received) counts.set(text, (counts.get(text) ?? 0) + 1)
  counts.delete('mark')
  const isTwo = (text: string): boolean => Number(text.split('/')[1]) % 2 === 1
  const disordered = [true, false].flatMap((two) => {
    const firsts = [...counts.keys()].filter((text) => isTwo(text) === two).map((text) => text.split('/').map(Number))
    return firsts.flatMap(([life = 0, number = 0], at) => {
      const [lifeBefore = 0, numberBefore = -1] = firsts[at - 1] ?? []
      return life < lifeBefore || (life === lifeBefore && number < numberBefore) ? [`${life}/${number}`] : []
    })
  })
  return {
    acknowledged: acknowledged.size,
    received: received.length,
    kills,
    disordered,
    lost: [...acknowledged].filter((text) => !counts.has(text)),
    twice: [...counts].filter(([text, count]) => isTwo(text) && count > 1).map(([text]) => text),
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

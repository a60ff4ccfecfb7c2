/** Other people's brokers, as Debian and npm have them. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { hub, until } from '../support/clients.ts'

export interface Broker {
  readonly name: string
  readonly versions: readonly (4 | 5)[]
  readonly qos: readonly (0 | 1 | 2)[]
  readonly sharedSubscriptions: boolean
  /** seconds for which it does not let in again who has just been there */
  readonly pause?: number
  /** What a subscriber whose connection was cut may see, and why. */
  readonly flaw?: readonly [what: 'twice' | 'order', why: string]
  open(): Promise<{ readonly port: number; readonly host: string }>
}

const host = '127.0.0.1'
/** `make testAll` installs what it needs of npm there. */
const interop = createRequire(new URL('../../../../interop/package.json', import.meta.url))

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Runs until the test is over; resolves when somebody listens. */
async function program(command: string, args: readonly string[], port: number): Promise<void> {
  const child = spawn(command, args, { stdio: 'ignore' })
  const gone = new Promise((resolve) => child.once('exit', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await gone
  })
  let listens = false
  await until(`${command} listens`, () => {
    if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}`)
    const socket = connect({ port, host })
    socket
      .on('error', () => {})
      .once('connect', () => {
        listens = true
        socket.destroy()
      })
    return listens
  })
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'broker-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

interface Aedes {
  readonly handle: (socket: unknown) => void
  close(callback: () => void): void
}

export const BROKERS: readonly Broker[] = [
  {
    name: 'our hub',
    versions: [4, 5],
    qos: [0, 1, 2],
    sharedSubscriptions: true,
    open: async () => ({ port: (await hub()).port, host }),
  },
  {
    name: 'mosquitto',
    versions: [4, 5],
    qos: [0, 1, 2],
    sharedSubscriptions: true,
    async open() {
      const port = await freePort()
      const file = join(directory(), 'mosquitto.conf')
      writeFileSync(file, `user root\nlistener ${port} ${host}\nallow_anonymous true\nmax_queued_messages 10000\n`)
      await program('/usr/sbin/mosquitto', ['-c', file], port)
      return { port, host }
    },
  },
  {
    name: 'aedes',
    versions: [4],
    qos: [0, 1, 2],
    sharedSubscriptions: false,
    flaw: ['twice', 'it sends PUBREL and then the PUBLISH again, without DUP, against [MQTT-4.3.3-6]; seen with 1.2.0'],
    async open() {
      const { Aedes: Broker } = interop('aedes') as { Aedes: { createBroker(): Promise<Aedes> } }
      const broker = await Broker.createBroker()
      const server: Server = createServer(broker.handle)
      await new Promise<void>((resolve) => server.listen(0, host, resolve))
      onTestFinished(async () => {
        server.close()
        await new Promise<void>((resolve) => broker.close(resolve))
      })
      return { port: (server.address() as AddressInfo).port, host }
    },
  },
  {
    name: 'nats-server',
    versions: [4],
    qos: [0, 1],
    sharedSubscriptions: false,
    pause: 1.5,
    flaw: ['order', 'it sends again after ack_wait, behind what came later'],
    async open() {
      const [port, own] = [await freePort(), await freePort()]
      const path = directory()
      const file = join(path, 'nats.conf')
      const lines = [
        `host: "${host}"`,
        `port: ${own}`,
        'server_name: "peer"',
        `jetstream { store_dir: "${path}" }`,
        `mqtt { host: "${host}", port: ${port}, ack_wait: "2s" }`,
      ]
      writeFileSync(file, lines.join('\n'))
      await program('nats-server', ['-c', file], port)
      return { port, host }
    },
  },
]

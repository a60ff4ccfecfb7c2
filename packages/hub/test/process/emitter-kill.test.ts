/** Clients in processes of their own, which are killed: who is there, and what they have left to say, right afterwards. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { encodeToBytes } from '@halyard/wire/mqtt'
import { expect, it, onTestFinished } from 'vitest'
import { startEmitterHub } from '../emitter/support.ts'
import type { EmitterClient } from '../emitter/support.ts'
import { connectPacket, subscribePacket } from '../mqtt/raw-client.ts'

/** Sends its bytes over three connections, and says a word when each has had an answer to both packets; then it stays. */
const CLIENT = `
  import { connect } from 'node:net'
  const [port, bytes] = process.argv.slice(1)
  let answered = 0
  for (let n = 0; n < 3; n++) {
    const socket = connect({ port: Number(port), host: '127.0.0.1' })
    let came = 0
    // CONNACK has 4 bytes, SUBACK of two filters 6.
    socket.on('data', (chunk) => {
      if ((came += chunk.length) === 10 && ++answered === 3) console.log('subscribed')
    })
    socket.write(Buffer.from(bytes, 'hex'))
  }
`

async function startClient(port: number, bytes: Uint8Array): Promise<ChildProcess> {
  const words = ['--input-type=module', '-e', CLIENT, String(port), Buffer.from(bytes).toString('hex')]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(createInterface({ input: child.stdout }), 'line')
  return child
}

async function there(client: EmitterClient, key: string, channel: string): Promise<number> {
  const { who } = await client.ask('presence', { key, channel, status: true })
  return (who as readonly unknown[]).length
}

it('kill -9: presence is complete before and right after, each subscription and each will is told', async () => {
  const hub = await startEmitterHub()
  const watcher = await hub.client()
  const key = await watcher.keygen(hub.master, '#/', 'rwp')
  const will = { topic: `${key}/wills/?me=1`, payload: Buffer.from('gone'), qos: 0, retain: false } as const
  const filters = ['pres/', 'pres/x/'].map((channel) => ({ filter: `${key}/${channel}` }))
  const packets = [connectPacket({ will }), subscribePacket(1, filters)]
  const bytes = Buffer.concat(packets.map((packet) => encodeToBytes(packet, 4)))
  const children = await Promise.all([1, 2].map(() => startClient(hub.hub.ports.front, bytes)))
  expect(await there(watcher, key, 'pres/x/')).toBe(6)
  await watcher.ask('presence', { key, channel: 'pres/', status: false, changes: true })
  await watcher.subscribe(`${key}/wills/`)

  const heard: string[] = []
  const hear = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      const said = await watcher.said()
      const change = (): string => `${String(said.json['event'])} ${String(said.json['channel'])}`
      heard.push(said.topic === 'wills/' ? said.text : change())
    }
  }
  const [first, second] = children
  first?.kill('SIGKILL')
  // Three connections: two subscriptions and a will each, with nothing to wait for but the end of their sockets.
  await hear(9)
  expect(await there(watcher, key, 'pres/x/')).toBe(3)
  second?.kill('SIGKILL')
  await hear(9)
  expect(await there(watcher, key, 'pres/x/')).toBe(0)
  expect(heard.toSorted()).toEqual(
    ['gone', 'unsubscribe pres/', 'unsubscribe pres/x/'].flatMap((one) => Array.from({ length: 6 }, () => one)),
  )
  await watcher.quiet()
})

/** Everything at once against one hub in a process of its own: what it holds in memory, and whether others notice. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it, onTestFinished } from 'vitest'
import { encodeToBytes } from '@halyard/wire/mqtt'
import type { Packet } from '@halyard/wire/mqtt'
import { RawClient, connectPacket, publishPacket, subscribePacket } from '../../mqtt/raw-client.ts'
import { temporaryDirectory } from '../../support.ts'
import { EmitterClient } from '../../emitter/support.ts'

const program = join(import.meta.dirname, '../../../../cli/bin/halyard.js')
/** Beyond what the hub has at work: with what one connection may keep waiting, a few times over. */
const MORE_MIB = 150
/** Milliseconds; on a machine that does other things too. */
const SLOWEST = 2000

async function startProcess(where: 'memory' | 'disk'): Promise<{ pid: number; port: number; master: string }> {
  const data = where === 'memory' ? ':memory:' : await temporaryDirectory()
  const words = [program, 'hub', '--json', '--data', data, '--ephemeral']
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { ports, emitter } = JSON.parse(line) as {
    readonly ports: { readonly front: number }
    readonly emitter: { readonly master_key: string }
  }
  return { pid: child.pid ?? 0, port: ports.front, master: emitter.master_key }
}

function memoryOf(pid: number): number {
  const [, kib = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kib) / 1024
}

async function client(port: number): Promise<EmitterClient> {
  const raw = await RawClient.open(port)
  raw.send(connectPacket())
  await raw.expect('connack', { reasonCode: 0 })
  return new EmitterClient(raw)
}

/** Sends as fast as it is read, until it is cut or done. Gives how often it was told something, and lets go of the rest. */
async function pour(port: number, packets: Iterable<Uint8Array>, told: string): Promise<number> {
  const socket: Socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => {})
  let times = 0
  let before = ''
  socket.on('data', (chunk) => {
    const text = before + chunk.toString('latin1')
    times += text.split(told).length - 1
    before = text.slice(1 - told.length)
  })
  const over = once(socket, 'close')
  socket.write(bytesOf(connectPacket()))
  for (const packet of packets) {
    if (socket.destroyed) break
    if (!socket.write(packet)) await Promise.race([once(socket, 'drain').catch(() => {}), over])
  }
  socket.end()
  await over
  return times
}

function bytesOf(...packets: readonly Packet[]): Uint8Array {
  return Buffer.concat(packets.map((packet) => encodeToBytes(packet, 4)))
}

const subscribe = (filter: string): Uint8Array => bytesOf(subscribePacket(1, [{ filter }]))
const ask = (name: string, body: object): Uint8Array => bytesOf(publishPacket(`emitter/${name}/`, JSON.stringify(body)))

/** Thirty in one packet. */
function unsubscribe(key: string, n: number): Uint8Array {
  const filters = Array.from({ length: 30 }, (_, at) => `${key}/u/${n}/${at}/`)
  return bytesOf({ type: 'unsubscribe', packetId: 1, filters })
}

function* times(count: number, packet: (n: number) => Uint8Array): Generator<Uint8Array> {
  for (let n = 0; n < count; n += 50) {
    yield Buffer.concat(Array.from({ length: 50 }, (_, i) => packet(n + i)))
  }
}

const LETTERS = Array.from('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz')
/** Of links: there are no others. */
const NAMES = ['', ...LETTERS].flatMap((first) => LETTERS.map((second) => first + second))

type Flood = (key: string) => readonly Iterable<Uint8Array>[]

const FLOODS: Readonly<Record<string, Flood>> = {
  'SUBSCRIBE with last=9999999999': (key) => [times(2000, () => subscribe(`${key}/kept/?last=9999999999`))],
  'SUBSCRIBE with last=9999999999 of what is not there': (key) => [
    times(2000, (n) => subscribe(`${key}/none/${n}/?last=9999999999`)),
  ],
  'history with last=9999999999': (key) => [
    times(5000, () => ask('history', { channel: `${key}/kept/?last=9999999999` })),
  ],
  '100,000 watches': (key) => [
    times(100_000, (n) => ask('presence', { key, channel: `w/${n}/`, status: false, changes: true })),
  ],
  '100,000 links': (key) => [
    times(100_000, (n) => ask('link', { key, name: NAMES[n % NAMES.length], channel: `l/${n}/?ttl=9` })),
  ],
  '100,000 subscriptions': (key) => [times(100_000, (n) => subscribe(`${key}/s/${n}/`))],
  '30,000 UNSUBSCRIBE of what is not there beside 10,000 subscriptions': (key) => [
    [...times(10_000, (n) => subscribe(`${key}/s/${n}/`)), ...times(1000, (n) => unsubscribe(key, n))],
  ],
  '100,000 requests that are none': () => [
    times(100_000, (n) => ask(['keygen', 'history', 'presence', 'keyban'][n & 3] ?? '', [[n]])),
  ],
  '30,000 guesses over 30 connections': () =>
    Array.from({ length: 30 }, (_, at) => times(1000, (n) => subscribe(`${`${at}x${n}`.padStart(32, 'A')}/a/`))),
}

/** What whoever floods is told, and how often at least: of what he does not read in time a part is dropped. */
const TOLD: Readonly<Record<string, readonly [text: string, times: number]>> = {
  '100,000 watches': ['"status":403', 1000],
  '100,000 links': ['"status":403', 1000],
  '100,000 requests that are none': ['"status":400', 1000],
}

const STORED = Object.entries(FLOODS).filter(([name]) => name.includes('last='))

it.each([
  ...Object.entries(FLOODS).map(([name, flood]) => [name, flood, 'disk'] as const),
  ...STORED.map(([name, flood]) => [name, flood, 'memory'] as const),
])('$0 ($2)', async (name, flood, where) => {
  const [told, times = 0] = TOLD[name] ?? ['"status":4']
  const { pid, port, master } = await startProcess(where)
  const owner = await client(port)
  const key = await owner.keygen(master, '#/', 'rwslp')
  for (let n = 0; n < 1000; n++) owner.raw.send(publishPacket(`${key}/kept/?ttl=600`, 'x'.repeat(1000)))
  const own = await owner.keygen(master, 'own/', 'rw')
  expect(await owner.subscribe(`${own}/own/`)).toBe(0)
  const before = memoryOf(pid)
  const siege = { isOver: false }
  const besieged = Promise.all(flood(key).map((packets) => pour(port, packets, told))).finally(
    () => (siege.isOver = true),
  )
  let most = 0
  let slowest = 0
  for (let n = 0; !siege.isOver; n++) {
    const begun = performance.now()
    owner.raw.send(publishPacket(`${own}/own/`, String(n)))
    expect(await owner.message()).toBe(`own/ ${n}`)
    slowest = Math.max(slowest, performance.now() - begun)
    most = Math.max(most, memoryOf(pid) - before)
  }
  const answers = (await besieged).reduce((sum, each) => sum + each, 0)
  console.log(
    `${name} (${where}): at most ${most.toFixed(0)} MiB more, a round trip of another at most ${slowest.toFixed(0)} ms`,
  )
  expect(answers).toBeGreaterThanOrEqual(times)
  expect(most).toBeLessThan(MORE_MIB)
  expect(slowest).toBeLessThan(SLOWEST)
  // Whoever guesses from this address shuts out keys that it has not shown before, and no others.
  const guest = await client(port)
  expect(await guest.subscribe(`${own}/own/`)).toBe(0)
})

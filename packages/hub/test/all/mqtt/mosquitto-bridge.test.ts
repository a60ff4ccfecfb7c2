/** A Mosquitto 2.0.11 with a bridge to the hub: what a house with a broker does when it gets a second one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { until } from '../../support.ts'
import { useCertificates } from './support/certificates.ts'
import { serve } from './support/served.ts'
import type { Served } from './support/served.ts'
import { Tool, Tools, messagesOf } from './support/tools.ts'

const certificates = useCertificates()

/** Mosquitto takes no port 0. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

interface Bridged {
  readonly port: number
  readonly broker: Tool
  /** Of Mosquitto's side. */
  readonly local: (name: 'pub' | 'sub', ...args: string[]) => Tool
}

async function bridge({ mqttPort, account }: Served, lines: readonly string[]): Promise<Bridged> {
  const directory = mkdtempSync(join(tmpdir(), 'mosquitto-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const port = await freePort()
  const config = [
    // Started by root it would become a user who may not read the test's certificates.
    'user root',
    ...[`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'connection house', `address localhost:${mqttPort}`],
    ...[`remote_username ${account.username}`, `remote_password ${account.password}`, 'restart_timeout 1', ...lines],
  ]
  const file = join(directory, 'mosquitto.conf')
  writeFileSync(file, `${config.join('\n')}\n`)
  // Debian has it where only root looks.
  const broker = new Tool('/usr/sbin/mosquitto', ['-c', file, '-v'])
  await until(`Mosquitto's bridge has its subscriptions: ${broker.errors}`, () => /Received SUBACK/.test(broker.errors))
  const local = (name: 'pub' | 'sub', ...args: string[]): Tool =>
    new Tool(`mosquitto_${name}`, ['-h', '127.0.0.1', '-p', String(port), ...args])
  return { port, broker, local }
}

async function messages(tool: Tool, count: number): Promise<string[]> {
  await until(`${count} messages in ${tool.output}`, () => messagesOf(tool.lines()).length >= count)
  return messagesOf(tool.lines())
}

it.each([
  ['mqttv31', true, 'TCP'],
  ['mqttv311', true, 'TCP'],
  ['mqttv311', true, 'TLS'],
  ['mqttv311', false, 'TCP'],
  ['mqttv50', false, 'TCP'],
] as const)('%s, try_private %s, %s: both ways, nothing twice', async (version, isPrivate, transport) => {
  const served = await serve(certificates())
  const tools = new Tools(served, 'mqttv5')
  await tools.publish('-t', 'hub/state', '-r', '-q', '1', '-m', 'retained before')
  const { local, broker } = await bridge(served, [
    ...[`bridge_protocol_version ${version}`, `try_private ${String(isPrivate)}`],
    ...(transport === 'TLS' ? [`bridge_cafile ${certificates().ca}`] : []),
    // One topic both ways: without a protection its own messages would come back for ever.
    ...['topic both/# both 2', 'topic # out 1 house/ from/house/', 'topic hub/# in 1'],
  ])
  const inside = local('sub', '-d', '-v', '-q', '2', '-t', 'both/#', '-t', 'hub/#')
  await inside.said('Subscribed (mid: 1)')
  const outside = await tools.subscribe('-v', '-q', '2', '-t', 'both/#', '-t', 'from/house/#')
  expect(await messages(inside, 1)).toEqual(['hub/state retained before'])
  expect((await local('pub', '-t', 'both/a', '-q', '2', '-m', 'from inside').finished).code).toBe(0)
  expect((await local('pub', '-t', 'house/lamp', '-q', '1', '-m', 'on').finished).code).toBe(0)
  await tools.publish('-t', 'both/b', '-q', '2', '-m', 'from outside')
  await tools.publish('-t', 'hub/end', '-q', '1', '-m', 'end')
  await until('the last is inside', () => inside.output.includes('hub/end end'))
  // Without the private bit, or No Local in 5.0, a broker that is no Mosquitto gives the bridge its own messages back.
  const once = (lines: readonly string[]): string[] => [...new Set(lines)].toSorted()
  expect(once(messagesOf(inside.lines()))).toEqual([
    ...['both/a from inside', 'both/b from outside', 'hub/end end', 'hub/state retained before'],
  ])
  // Retained inside as well: the bridge gets the flag as it was published.
  const again = local('sub', '-t', 'hub/state', '-F', '%r %p', '-C', '1', '-W', '20')
  if (isPrivate || version === 'mqttv50') expect((await again.finished).output).toBe('1 retained before\n')
  expect(once(await messages(outside, 3))).toEqual(['both/a from inside', 'both/b from outside', 'from/house/lamp on'])
  if (version === 'mqttv311' && !isPrivate) return
  expect(messagesOf(inside.lines())).toHaveLength(4)
  expect(messagesOf(outside.lines())).toHaveLength(3)
  // Whole words: the random name of a client may hold the letters.
  expect(broker.errors).not.toMatch(/\b(error|bad|refused)\b/i)
})

it('what was published while the hub was cut off comes when the bridge is back', async () => {
  const served = await serve(certificates())
  const tools = new Tools(served, 'mqttv5')
  const { local, broker } = await bridge(served, [
    ...[
      'bridge_protocol_version mqttv311',
      'remote_clientid bridge',
      'cleansession false',
      'topic out/# out 1',
      'topic in/# in 1',
    ],
  ])
  const inside = local('sub', '-d', '-q', '1', '-t', 'in/#')
  await inside.said('Subscribed (mid: 1)')
  // Its client id from another place: the bridge loses its connection, and takes it back a second later.
  await tools.run('sub', '-i', 'bridge', '-c', '-t', 'nothing', '-E')
  await tools.publish('-t', 'in/a', '-q', '1', '-m', 'meanwhile')
  expect(await messages(inside, 1)).toEqual(['meanwhile'])
  const outside = await tools.subscribe('-q', '1', '-t', 'out/#')
  expect((await local('pub', '-t', 'out/a', '-q', '1', '-m', 'out').finished).code).toBe(0)
  expect(await messages(outside, 1)).toEqual(['out'])
  expect(broker.errors.match(/Connecting bridge/g)?.length).toBeGreaterThan(1)
})

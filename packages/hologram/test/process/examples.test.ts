import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createHub } from '@halyard/hub'
import type { Hub } from '@halyard/hub'
import { describe, expect, it } from 'vitest'
import { openPeer } from '../peer.ts'
import type { Script } from '../peer.ts'
import { push } from '../sender.ts'
import { root, run } from './scripts.ts'

/** Answers JSON in JSON, an SMS in digits, and anything else with `pong`. */
const anyServer: Script = ({ socket, request }) => {
  socket.once('data', (first: Buffer) => {
    const letter = first.toString('latin1', 0, 1)
    if (letter === '{') void request.then(() => socket.end('[0,0]'))
    else if (letter === 'S') void request.then(() => socket.end('00'))
    else socket.end('pong')
  })
}

const SENT = 'The message has been sent successfully.'
const INTERFACES = 'cellular-e303 wifi cellular-iota ble ethernet cellular-ms2131'

interface Example {
  readonly args?: readonly string[]
  /** What it prints. */
  readonly lines: readonly string[]
  /** What a hub has of it, in order; raw bytes are none of its protocols. */
  readonly kept: readonly string[]
}

const scripts: Readonly<Record<string, Example>> = {
  'hologram-send.ts': {
    lines: ['hurray!', `ERR_OK (0): ${SENT}`, 'taken'],
    kept: ['TOPIC 1,TOPIC 2: hi there!', 'TOPIC 1,TOPIC 2: hi again!'],
  },
  'hologram-credentials.ts': { lines: [SENT], kept: ['TOPIC 1,TOPIC 2: msg1'] },
  'hologram-outbox.ts': {
    lines: ['buffered: true', 'after a restart: delivered', `again: ${SENT}`],
    kept: ['temperature: 21.5'],
  },
  'hologram-custom-cloud.ts': {
    kept: [],
    lines: ['SDK version 0.1.0', `interfaces ${INTERFACES}`, 'answer: pong', 'buffered: true', 'then: delivered'],
  },
  'hologram-periodic.ts': {
    args: ['2'],
    lines: ['alive', 'alive', 'stopped'],
    kept: ['heartbeat: alive', 'heartbeat: alive'],
  },
  'hologram-document-000.ts': {
    args: ['0'],
    kept: [
      'TOPIC 1,TOPIC 2: hi there!',
      'TOPIC 1,TOPIC 2: hi again!',
      'sms:+11234567890: Hello, Python!',
      ': one',
      ': two',
    ],
    lines: [
      'version 0.1.0',
      'cellular-iota: ERR_HOLOGRAM_NETWORK',
      'answer: pong',
      'answer: pong',
      'received: hey there!bye!',
      'again: ""',
      'hello! I received something!',
      'still there: this is the payload',
      'hello! I received something!',
      'this is the payload',
      'consumed: ""',
      'cellular-iota: ERR_HOLOGRAM_NETWORK',
      'cloudsocket.hologram.io 9999 0.0.0.0 4010',
      `ERR_OK 0 ${SENT}`,
      'ERR_OK 0',
      'SMS: ERR_OK 0',
      `Available network interfaces: ${INTERFACES}`,
      'CONNECTION STATUS: 1',
      'hurray!',
    ],
  },
  'hologram-document-001.ts': {
    kept: ['TOPIC 1,TOPIC 2: msg1', 'sms:+11234567890: Hello, Python!', ': one', ': two'],
    lines: [
      'hologram_cloud csrpsk cloudsocket.hologram.io 9999',
      'answer: pong',
      'version 0.1.0',
      `ERR_OK 0 ${SENT}`,
      'SMS: ERR_OK 0',
      'hurray!',
      'buffered: true',
      'then: delivered',
    ],
  },
}

/** What the example printed, line by line. Nothing may be on its standard error. */
async function runExample(name: string, port: number, args: readonly string[] = [], env = {}): Promise<string[]> {
  const call = ['--import', 'tsx', `examples/${name}`, '127.0.0.1', String(port), ...args]
  const { stdout, stderr } = await run(process.execPath, call, {
    cwd: root,
    timeout: 30_000,
    env: { ...process.env, ...env },
  })
  expect(stderr).toBe('')
  return stdout.trim().split('\n')
}

/** Starts the example that receives, lets `deliver` send to its port, and gives what it printed about it. */
async function runReceiver(deliver: (port: number, text: string) => Promise<unknown>): Promise<string[]> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/hologram-receive.ts', '0', '2'], { cwd: root })
  const lines: string[] = []
  const reader = createInterface(child.stdout).on('line', (line) => lines.push(line))
  await once(reader, 'line')
  const port = Number(lines[0]?.split(':').at(-1))
  await deliver(port, 'hello')
  await deliver(port, 'again')
  expect(await once(child, 'exit')).toEqual([0, null])
  return lines.slice(1)
}

const RECEIVED = ['127.0.0.1 sent 5 bytes: hello', '127.0.0.1 sent 5 bytes: again']

/** How a hub brings a message to a device's port. */
async function deliverBy(hub: Hub, port: number, text: string): Promise<unknown> {
  return await hub.hologram.sendToDevice(hub.accounts.hologram?.cloud_id ?? '', text, { host: '127.0.0.1', port })
}

describe('the examples, with a plain TCP peer', () => {
  it.each(Object.entries(scripts))('%s', async (name, { args, lines }) => {
    await using peer = await openPeer(anyServer)
    expect(await runExample(name, peer.port, args)).toEqual(lines)
  })

  it('hologram-receive.ts', async () => {
    expect(await runReceiver(push)).toEqual(RECEIVED)
  })
})

describe('the examples, with a hub', () => {
  it.each(Object.entries(scripts))('%s arrives as it was meant', async (name, { args, lines, kept }) => {
    await using hub = await createHub({ data: ':memory:', ports: 'ephemeral' })
    const live = hub.messages()
    const { cloud_id: id = '', cloud_key: key = '' } = hub.accounts.hologram ?? {}
    const env = { HOLOGRAM_CLOUD_ID: id, HOLOGRAM_CLOUD_KEY: key }
    const printed = await runExample(name, hub.ports.hologram ?? 0, args, env)
    // A server of one's own answers what it likes; a hub says that this is no protocol of its own.
    expect(printed).toEqual(lines.map((line) => (line === 'answer: pong' ? 'answer: [5,0]' : line)))
    await hub.close()
    const arrived: string[] = []
    for await (const { account, channel, payload } of live) {
      expect(account).toBe(id)
      arrived.push(`${channel}: ${new TextDecoder().decode(payload)}`)
    }
    expect(arrived).toEqual(kept)
  })

  it('hologram-receive.ts hears what comes to its device', async () => {
    await using hub = await createHub({ data: ':memory:', ports: 'ephemeral' })
    expect(await runReceiver((port, text) => deliverBy(hub, port, text))).toEqual(RECEIVED)
  })
})

describe('the examples', () => {
  it('are all here', () => {
    const names = readdirSync(`${root}examples`).filter((name) => name.startsWith('hologram-'))
    expect(names.toSorted()).toEqual([...Object.keys(scripts), 'hologram-receive.ts'].toSorted())
  })

  it('hold every call that the contract makes with the documents 000 and 001', () => {
    const source = ['000', '001'].map((name) => readFileSync(`${root}examples/hologram-document-${name}.ts`, 'utf8'))
    const calls = new Set(source.join('\n').match(/\.[a-z]+[A-Za-z]*\(/g))
    const documented = [
      ...['getSDKVersion', 'sendMessage', 'openReceiveSocket', 'closeReceiveSocket', 'consumeReceivedMessage'],
      ...['sendSMS', 'connect', 'disconnect', 'listAvailableInterfaces', 'getConnectionStatus', 'subscribe'],
      'unsubscribe',
    ]
    expect(documented.filter((name) => !calls.has(`.${name}(`))).toEqual([])
  })
})

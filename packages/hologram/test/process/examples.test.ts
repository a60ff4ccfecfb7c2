import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
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

const scripts: Record<string, { args?: string[]; lines: string[] }> = {
  'hologram-send.ts': { lines: ['hurray!', `ERR_OK (0): ${SENT}`, 'taken'] },
  'hologram-credentials.ts': { lines: [SENT] },
  'hologram-outbox.ts': { lines: ['buffered: true', 'after a restart: delivered', `again: ${SENT}`] },
  'hologram-custom-cloud.ts': {
    lines: ['SDK version 0.1.0', `interfaces ${INTERFACES}`, 'answer: pong', 'buffered: true', 'then: delivered'],
  },
  'hologram-periodic.ts': { args: ['2'], lines: ['alive', 'alive', 'stopped'] },
  'hologram-document-000.ts': {
    args: ['0'],
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

describe('the examples', () => {
  it.each(Object.entries(scripts))('%s', async (name, { args = [], lines }) => {
    await using peer = await openPeer(anyServer)
    const call = ['--import', 'tsx', `examples/${name}`, '127.0.0.1', String(peer.port), ...args]
    const { stdout, stderr } = await run(process.execPath, call, { cwd: root, timeout: 30_000 })
    expect(stdout.trim().split('\n')).toEqual(lines)
    expect(stderr).toBe('')
  })

  it('hologram-receive.ts', async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'examples/hologram-receive.ts', '0', '2'], { cwd: root })
    const lines: string[] = []
    const reader = createInterface(child.stdout).on('line', (line) => lines.push(line))
    await once(reader, 'line')
    const port = Number(lines[0]?.split(':').at(-1))
    await push(port, 'hello')
    await push(port, 'again')
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(lines.slice(1)).toEqual(['127.0.0.1 sent 5 bytes: hello', '127.0.0.1 sent 5 bytes: again'])
  })

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

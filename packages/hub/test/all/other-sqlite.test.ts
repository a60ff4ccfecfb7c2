/**
 * The index is a SQLite file, written by the engine that this Node.js has: `node:sqlite` from 22.13, WebAssembly before.
 * A machine that is updated, or set back, must find what it had. The other Node.js comes from the package registry.
 */
import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it, onTestFinished } from 'vitest'
import type { HubReady } from '@halyard/hub'

const root = join(import.meta.dirname, '../../../..')
const VERSION = '22.23.3'

/** The path of a Node.js that has `node:sqlite`. */
function newerNode(): string {
  const name = `node-${process.platform}-${process.arch}`
  const prefix = join(root, '.cache', `node-${VERSION}`)
  const path = join(prefix, 'node_modules', name, 'bin/node')
  if (!existsSync(path)) {
    mkdirSync(prefix, { recursive: true })
    const words = ['install', '--prefix', prefix, '--no-save', '--no-audit', '--no-fund', '--loglevel=error']
    execFileSync('npm', [...words, `${name}@${VERSION}`], { cwd: prefix, stdio: 'inherit' })
  }
  return path
}

async function start(node: string, data: string): Promise<{ hub: ChildProcess; ready: HubReady }> {
  const main = join(root, 'packages/cli/dist/main.js')
  const hub = spawn(node, [main, 'hub', '--json', '--ephemeral', '--data', data], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void hub.kill('SIGKILL'))
  const [line] = (await once(createInterface(hub.stdout), 'line')) as [string]
  return { hub, ready: JSON.parse(line) as HubReady }
}

async function stop(hub: ChildProcess): Promise<void> {
  hub.kill('SIGTERM')
  const [code] = (await once(hub, 'exit')) as [number]
  expect(code).toBe(0)
}

async function send({ ports, hologram }: HubReady, text: string): Promise<string> {
  const socket = connect(ports.hologram ?? 0, '127.0.0.1')
  socket.write(`{"s": "${hologram?.cloud_id}", "c": "${hologram?.cloud_key}", "d": "${text}"}\r\r`)
  let answer = ''
  for await (const chunk of socket) answer += String(chunk)
  return answer
}

async function applied({ ports }: HubReady): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${ports.front}/health`)
  return ((await response.json()) as { journal: { applied: number } }).journal.applied
}

it('finds what the other engine wrote, in both directions', async () => {
  const other = newerNode()
  const data = mkdtempSync(join(tmpdir(), 'halyard-engines-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  let account: HubReady['hologram']
  let before = 0
  for (const node of [process.execPath, other, process.execPath]) {
    const { hub, ready } = await start(node, data)
    expect(ready.hologram).toEqual(account ?? ready.hologram)
    account = ready.hologram
    expect(await applied(ready)).toBe(before)
    expect(await send(ready, `from ${node === other ? 'the newer' : 'this'} Node.js`)).toBe('[0,0]')
    before++
    await stop(hub)
  }
}, 300_000)

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { HubReady } from '../../src/ready.ts'
import { IndexDatabase } from '../../src/store/sqlite/index-database.ts'
import { createHub } from '../../src/hub.ts'
import { drain } from '../history-support.ts'
import { send, temporaryDirectory } from '../support.ts'

const DIST = pathToFileURL(join(import.meta.dirname, '../../dist/index.js')).href
const PROGRAM = `
  import { createHub } from '${DIST}'
  const hub = await createHub({ data: process.argv[1], ports: 'ephemeral' })
  console.log(JSON.stringify(hub.ready))
  process.on('SIGTERM', () => hub.close().then(() => console.log('stopped')))
`

interface HubProcess {
  readonly child: ChildProcess
  readonly ready: HubReady
  readonly lines: AsyncIterator<string>
}

async function startProcess(data: string): Promise<HubProcess> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM, data], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const first = await lines.next()
  return { child, ready: JSON.parse(String(first.value)) as HubReady, lines }
}

async function stop({ child }: HubProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
  const exited = once(child, 'exit') as Promise<[number | null]>
  child.kill(signal)
  return (await exited)[0]
}

/** What the history holds after everything in the journal was taken over. */
async function kept(data: string): Promise<string[]> {
  const hub = await createHub({ data, ports: 'ephemeral' })
  await hub.close()
  const database = await IndexDatabase.open(join(data, 'hub.sqlite'), 'testtest')
  const texts: string[] = []
  let cursor: string | undefined
  do {
    const page = drain(database.history.query({ space: 'hologram', limit: 1000, cursor }, new Date()))
    texts.push(...page.messages.map(({ payload }) => new TextDecoder().decode(payload)))
    cursor = page.cursor
  } while (cursor !== undefined)
  database.close()
  return texts
}

describe('a hub in a process of its own', () => {
  it('killed in the middle, five times, keeps every message that it acknowledged, once', async () => {
    const data = await temporaryDirectory()
    const acknowledged: string[] = []
    const sent = new Set<string>()
    let account: HubReady['hologram']
    for (let round = 0; round < 5; round++) {
      const hub = await startProcess(data)
      account ??= hub.ready.hologram
      expect(hub.ready.hologram).toEqual(account)
      const enough = 40 + round * 60
      let inRound = 0
      let enoughReached = (): void => {}
      const reached = new Promise<void>((resolve) => (enoughReached = resolve))
      const running = new AbortController()
      const { signal } = running
      const sender = async (name: number): Promise<void> => {
        for (let count = 0; !signal.aborted; count++) {
          const text = `${round}/${name}/${count}`
          sent.add(text)
          const request = `{"s": "${account?.cloud_id}", "c": "${account?.cloud_key}", "d": "${text}", "t": ["A", "B"]}\r\r`
          const answer = await send(hub.ready.ports.hologram ?? 0, request)
          if (answer === '[0,0]') acknowledged.push(text)
          else if (!signal.aborted) expect(answer).toBe('')
          if (++inRound === enough) enoughReached()
        }
      }
      const senders = Array.from({ length: 8 }, (_, name) => sender(name))
      await reached
      const exited = stop(hub, 'SIGKILL')
      await exited
      running.abort()
      await Promise.all(senders)
    }
    const found = await kept(data)
    expect(new Set(found).size).toBe(found.length)
    expect(acknowledged.length).toBeGreaterThan(500)
    expect(acknowledged.filter((text) => !found.includes(text))).toEqual([])
    expect(found.filter((text) => !sent.has(text))).toEqual([])
    // Whoever sends one after the other finds them in this order.
    for (const prefix of new Set(acknowledged.map((text) => text.slice(0, text.lastIndexOf('/') + 1)))) {
      const counts = found.filter((text) => text.startsWith(prefix)).map((text) => Number(text.slice(prefix.length)))
      expect(counts).toEqual(counts.toSorted((a, b) => a - b))
    }
    expect((await readdir(data)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('told to stop, ends by itself: nothing keeps the process', async () => {
    const data = await temporaryDirectory()
    const hub = await startProcess(data)
    const { cloud_id: id, cloud_key: key } = hub.ready.hologram ?? {}
    expect(await send(hub.ready.ports.hologram ?? 0, `{"s": "${id}", "c": "${key}", "d": "last"}\r\r`)).toBe('[0,0]')
    expect(await stop(hub, 'SIGTERM')).toBe(0)
    expect((await hub.lines.next()).value).toBe('stopped')
    expect(await kept(data)).toEqual(['last'])
  })
})

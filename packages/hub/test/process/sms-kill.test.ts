/** SMS through `kill -9`: what was answered 00 is with the webhook or still owed, whatever was cut. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import type { HubReady } from '../../src/ready.ts'
import { TestWebhook, status } from '../sms/support.ts'
import { send, temporaryDirectory, until } from '../support.ts'

const DIST = pathToFileURL(join(import.meta.dirname, '../../dist/index.js')).href
const PROGRAM = `
  import { createHub } from '${DIST}'
  const [, data, config] = process.argv
  const hub = await createHub({ data, config, ports: 'ephemeral' })
  console.log(JSON.stringify(hub.ready))
`

async function startProcess(data: string, config: string): Promise<{ child: ChildProcess; ready: HubReady }> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM, data, config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const first = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()
  return { child, ready: JSON.parse(String(first.value)) as HubReady }
}

it('a hub that is killed three times hands on every SMS that it acknowledged; a second copy has the same key', async () => {
  const webhook = await TestWebhook.listen()
  const data = await temporaryDirectory()
  const config = join(await temporaryDirectory(), 'hub.hjson')
  await writeFile(config, JSON.stringify({ hologram: { sms: { webhook: { url: webhook.url } } } }))
  const acknowledged: string[] = []
  for (let round = 0; round < 3; round++) {
    // Each third request is told to come again: some are on the wire, some wait, when the end comes.
    webhook.answer = (response, request) => status(webhook.requests.length % 3 === 0 ? 503 : 200)(response, request)
    const { child, ready } = await startProcess(data, config)
    const { cloud_id: id, cloud_key: key } = ready.hologram ?? {}
    const running = new AbortController()
    const { signal } = running
    const sender = async (name: number): Promise<void> => {
      for (let count = 0; !signal.aborted; count++) {
        const text = `${round}/${name}/${count}`
        const answer = await send(ready.ports.hologram ?? 0, `S${id}${key}+1555${name} ${text}\r\r`)
        if (answer === '00') acknowledged.push(text)
        else if (!signal.aborted) expect(answer).toBe('')
      }
    }
    const before = acknowledged.length
    const senders = Array.from({ length: 8 }, (_, name) => sender(name))
    await until('enough are acknowledged', () => acknowledged.length > before + 50)
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    running.abort()
    await exited
    await Promise.all(senders)
  }

  webhook.answer = status(200)
  await startProcess(data, config)
  const arrived = (): Set<string> => new Set(webhook.texts)
  await until('all that was acknowledged arrives', () => {
    const texts = arrived()
    return acknowledged.every((text) => texts.has(text))
  })
  const keys = new Map<string, unknown>()
  for (const { headers, body } of webhook.requests) {
    expect(keys.get(body.text) ?? headers['idempotency-key']).toBe(headers['idempotency-key'])
    keys.set(body.text, headers['idempotency-key'])
  }
  expect(acknowledged.length).toBeGreaterThan(150)
})

/** `node examples/emitter-chat`: what its server gives out. What the page does is tested in Chromium (make testAll). */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createHub } from '@halyard/hub'
import type { Hub } from '@halyard/hub'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect } from '../../src/index.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
let hub: Hub
let chat: ChildProcess
let url = ''

function start(words: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  const options = { cwd: root, env: { ...process.env, PORT: '0', ...env } }
  return spawn(process.execPath, ['examples/emitter-chat', ...words], options)
}

beforeAll(async () => {
  hub = await createHub({ data: ':memory:', ports: 'ephemeral' })
  chat = start([], {
    EMITTER_PORT: String(hub.ports.front),
    EMITTER_MASTER_KEY: hub.accounts.emitter?.master_key ?? '',
  })
  const [line] = (await once(createInterface({ input: chat.stdout! }), 'line')) as [string]
  url = /http:\S+[/]/.exec(line)?.[0] ?? ''
})
afterAll(async () => {
  const ended = once(chat, 'exit')
  chat.kill('SIGINT')
  expect(await ended).toEqual([0, null])
  await hub.close()
})

const textOf = async (path: string): Promise<string> => {
  const response = await fetch(new URL(path, url))
  expect([path, response.status]).toEqual([path, 200])
  return response.text()
}

it('gives out a page, and every module that it leads to', async () => {
  const page = await fetch(url)
  const [, nonce, text = ''] = /<script type="importmap" nonce="(.*?)">(.*?)<\/script>/.exec(await page.text()) ?? []
  expect(page.headers.get('content-security-policy')).toContain(`script-src 'self' 'nonce-${nonce}';`)
  const { imports } = JSON.parse(text) as { imports: Record<string, string> }
  const found = new Set(['/chat.js'])
  for (const path of found) {
    // Comments hold examples.
    const code = (await textOf(path)).replaceAll(/\/\*[^]*?\*\//g, '')
    for (const [, name = ''] of code.matchAll(
      /(?:^(?:import|export)\b[^'"`;]*\bfrom|\bimport\(|^import) ?["']([^"'\n]+)["']/gm,
    )) {
      const target = imports[name] ?? (name.startsWith('.') ? new URL(name, new URL(path, url)).pathname : name)
      expect([path, target]).toEqual([path, expect.stringMatching(/^\/modules\/.*\.js$/)])
      found.add(target)
    }
  }
  for (const target of Object.values(imports)) expect(found).toContain(target)
  for (const path of ['/chat.css', '/flag.svg']) await textOf(path)
})

it('gives out a key of the chat alone, and keeps the master key', async () => {
  const settings = await textOf('/settings.json')
  expect(settings).not.toContain(hub.accounts.emitter?.master_key)
  const { key, port } = JSON.parse(settings) as { key: string; port: number }
  await using emitter = connect({ host: '127.0.0.1', port, secure: false })
  await emitter.me()
  expect(await emitter.publish({ key, channel: 'chat/a/', message: 'x' })).toMatchObject({ state: 'delivered' })
  await expect(emitter.publish({ key, channel: 'demo/a/', message: 'x' })).rejects.toMatchObject({ status: 401 })
  expect(await textOf('/settings.json')).toBe(settings)
})

it.each([
  '/index.js',
  '/page.html',
  '/modules/hub/hub.js',
  '/modules/core/..%2fpackage.json',
  '/modules/core/x.js.map',
])('does not give out %s', async (path) => {
  expect((await fetch(new URL(path, url))).status).toBe(404)
})

it('says where to begin when there is no hub', async () => {
  const child = start(['/nowhere'], {})
  let errors = ''
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  expect(await once(child, 'close')).toEqual([1, null])
  expect(errors).toMatch(/^\/nowhere holds no accounts of a hub: start one first/)
})

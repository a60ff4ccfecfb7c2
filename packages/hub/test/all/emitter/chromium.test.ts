/** The client as it is built, unbundled, in a page of Chromium: every call over WebSocket against the hub. */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createHub } from '../../../src/index.ts'
import { expect, it, onTestFinished } from 'vitest'
import { Browser } from '../mqtt/support/browser.ts'
import type { Pages } from '../mqtt/support/browser.ts'

const packages = fileURLToPath(new URL('../../../../', import.meta.url))
const NAMES = ['wire', 'core', 'mqtt', 'emitter']

type Doors = Readonly<Record<string, Readonly<Record<string, string>>>>

/** What a bundler reads in package.json, as an import map. */
function importMap(): string {
  const imports: Record<string, string> = {}
  const scopes: Record<string, Record<string, string>> = {}
  for (const name of NAMES) {
    const { exports, imports: own = {} } = JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8')) as {
      readonly exports: Doors
      readonly imports?: Doors
    }
    const at = (door: Readonly<Record<string, string>> | undefined): string =>
      `/${name}/${(door?.['default'] ?? '').slice(2)}`
    for (const [door, targets] of Object.entries(exports)) imports[`@halyard/${name}${door.slice(1)}`] = at(targets)
    scopes[`/${name}/`] = Object.fromEntries(Object.entries(own).map(([door, targets]) => [door, at(targets)]))
  }
  return JSON.stringify({ imports, scopes })
}

const PAGE = `<!doctype html><title>Emitter</title><script type="importmap">${importMap()}</script>
<script type="module">
  globalThis.emitter = await import('@halyard/emitter')
  globalThis.run = () => {}
</script>`

const pages: Pages = (url) => {
  if (url === '/') return { body: PAGE, type: 'text/html' }
  const [, name = '', file = ''] = /^\/(\w+)\/(dist\/[\w/.-]+\.js)$/.exec(url) ?? []
  return NAMES.includes(name) ? { body: readFile(join(packages, name, file)), type: 'text/javascript' } : undefined
}

it('connects, makes keys, publishes, subscribes, links, watches, bans and goes', async () => {
  await using hub = await createHub({ data: ':memory:', ports: 'ephemeral' })
  const browser = new Browser(pages)
  onTestFinished(() => browser[Symbol.asyncDispose]())
  const tab = await browser.open()
  const said = await tab.value(`(async () => {
    const options = { host: '127.0.0.1', port: ${hub.ports.front}, secure: false }
    const fires = (emitter, event) => new Promise((resolve) => emitter.on(event, resolve))
    const take = async (subscription) => { for await (const message of subscription) return message.asString() }
    const one = emitter.connect(options)
    await fires(one, 'connect')
    const other = emitter.connect({ ...options, username: 'bob' })
    const { key } = await one.keygen({ key: '${hub.accounts.emitter?.master_key ?? ''}', channel: 'a/#', type: 'rwslp' })
    const status = await one.presence({ key, channel: 'a' })
    const change = fires(one, 'presence')
    const heard = await other.subscribe({ key, channel: 'a' })
    const { event, who } = await change
    await one.publish({ key, channel: 'a/b', message: 'ü', ttl: 60 })
    const first = await take(heard)
    await one.link({ key, channel: 'a', name: 'l' })
    await one.publish({ link: 'l', message: 'by link', qos: 0 })
    const second = await take(heard)
    const history = []
    for await (const message of one.history({ key, channel: 'a' })) history.push(message.asString())
    const { id } = await one.me()
    const refused = await one.subscribe({ key, channel: 'b' }).catch((error) => error.status)
    await one.keyban({ secret: '${hub.accounts.emitter?.master_key ?? ''}', target: key, banned: true })
    await one.disconnect()
    await other.disconnect()
    return { there: status.who.length, event, name: who.username, first, second, history, id: id.length, refused }
  })()`)
  expect(said).toEqual({
    there: 0,
    event: 'subscribe',
    name: 'bob',
    first: 'ü',
    second: 'by link',
    history: ['ü'],
    id: 26,
    refused: 401,
  })
})

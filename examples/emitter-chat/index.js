/**
 * A chat in the browser, over a hub of yours:
 *
 *   npx halyard hub                        in one terminal (or make start)
 *   node examples/emitter-chat             in another; then open the address that it prints, twice
 *
 * This server does two things. It gives out the page and the built packages, which browsers load as they are: an import
 * map leads from `@halyard/emitter` to its files, so that there is nothing to bundle. And it makes the key that the page
 * talks to the hub with: the master key stays here, and what goes out opens `chat/` alone, and ends after a day.
 *
 *   node examples/emitter-chat [hub's data directory]      ./halyard-data; EMITTER_HOST, EMITTER_PORT, EMITTER_MASTER_KEY
 *                                                          name a broker elsewhere, PORT the port of the page (3000)
 */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from '@halyard/emitter'

const { EMITTER_HOST: host = '127.0.0.1', EMITTER_PORT = '8080', EMITTER_MASTER_KEY, PORT = '3000' } = process.env
const port = Number(EMITTER_PORT)
const here = fileURLToPath(new URL('.', import.meta.url))
const packages = fileURLToPath(new URL('../../packages/', import.meta.url))

/** What of the house runs in a browser, by the names that its files import. */
const IMPORTS = {
  '@halyard/core': '/modules/core/index.js',
  '@halyard/emitter': '/modules/emitter/index.js',
  '@halyard/mqtt/engine': '/modules/mqtt/engine.js',
  '@halyard/wire': '/modules/wire/index.js',
  '@halyard/wire/emitter': '/modules/wire/emitter/index.js',
  '@halyard/wire/mqtt': '/modules/wire/mqtt/index.js',
  '@halyard/wire/mqtt/topic': '/modules/wire/mqtt/topic.js',
  // Where Node has sockets and a disk, a browser has WebSocket and nothing.
  '#dial': '/modules/mqtt/browser/dial.js',
  '#storage': '/modules/core/outbox/no-storage.js',
}
const FILES = { '/chat.js': 'text/javascript', '/chat.css': 'text/css', '/flag.svg': 'image/svg+xml' }
const MODULE = /^\/modules\/(core|emitter|mqtt|wire)\/((?:[a-z\d-]+\/)*[a-z\d-]+\.js)$/

const DAY = 86_400

const masterKey = EMITTER_MASTER_KEY ?? (await sampleMasterKey(process.argv[2] ?? './halyard-data'))
const emitter = connect({ host, port, secure: false })
emitter.on('error', ({ message }) => console.error(message))

let key
let renewAt = 0

/** One key for all who come within half a day: each of them lasts for a day. */
async function chatKey() {
  if (Date.now() < renewAt) return key
  renewAt = Date.now() + (DAY / 2) * 1000
  key = emitter.keygen({ key: masterKey, channel: 'chat/#/', type: 'rwslp', ttl: DAY }).then((made) => made.key)
  key.catch(() => (renewAt = 0))
  return key
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error.message)
    if (!response.headersSent) response.writeHead(502)
    response.end()
  })
})

async function answer({ method, url = '/' }, response) {
  const { pathname } = new URL(url, 'http://localhost')
  const send = (type, body, headers = {}) =>
    response.writeHead(200, { 'content-type': type, 'x-content-type-options': 'nosniff', ...headers }).end(body)
  const [, name, file] = MODULE.exec(pathname) ?? []
  if (method !== 'GET') response.writeHead(405).end()
  else if (pathname === '/') {
    const nonce = randomBytes(16).toString('base64')
    const page = await readFile(join(here, 'page.html'), 'utf8')
    const map = `<script type="importmap" nonce="${nonce}">${JSON.stringify({ imports: IMPORTS })}</script>`
    send('text/html; charset=utf-8', page.replace('<!-- import map -->', map), {
      // The page's own files, the hub, and nothing else.
      'content-security-policy': `default-src 'none'; script-src 'self' 'nonce-${nonce}'; style-src 'self'; img-src 'self'; connect-src 'self' ws://*:${port}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'`,
    })
  } else if (pathname === '/settings.json') {
    send('application/json', JSON.stringify({ port, key: await chatKey() }), { 'cache-control': 'no-store' })
  } else if (pathname in FILES) send(`${FILES[pathname]}; charset=utf-8`, await readFile(join(here, pathname)))
  else if (file !== undefined) {
    send('text/javascript; charset=utf-8', await readFile(join(packages, name, 'dist', file)))
  } else response.writeHead(404).end()
}

/** Of a hub on this machine, which has written it down at its first start. */
async function sampleMasterKey(directory) {
  try {
    const accounts = JSON.parse(await readFile(join(directory, 'accounts.json'), 'utf8'))
    return accounts.emitter.master_key
  } catch {
    console.error(`${directory} holds no accounts of a hub: start one first (make start, or npx halyard hub)`)
    return process.exit(1)
  }
}

server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`The chat is at http://127.0.0.1:${server.address().port}/ – open it twice. Ctrl-C ends it.`)
})
process.once('SIGINT', () => {
  server.close()
  server.closeAllConnections()
  void emitter.disconnect()
})

/**
 * What Emitter's broker serves besides its protocol: a page that makes keys, and presence over HTTP. Whoever asks shows a
 * key in the body; nothing that a browser sends by itself, no cookie and no token, opens anything.
 * docs/protocols/emitter.md §5.10
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { EmitterFailure, EmitterRequests, KeyWish } from '../domain/emitter-requests.ts'
import { escape, page, pageHeaders } from './page.ts'

export interface EmitterPageParts {
  readonly emitter: EmitterRequests
  readonly addressKey: (address: string | undefined) => string
}

/** Bytes of a body: a key, and a channel of 23 levels. */
const MAX_BODY = 16_384
const MAX_TTL = 2_147_483_647

/** As the original calls them, and what each makes a key do. */
const BOXES = [
  ['sub', 'r', 'subscribe'],
  ['pub', 'w', 'publish'],
  ['store', 's', 'store'],
  ['load', 'l', 'load history'],
  ['presence', 'p', 'presence'],
  ['extend', 'e', 'extend (private channels)'],
] as const

type BoxName = (typeof BOXES)[number][0]

export function emitterPageRoutes(app: FastifyInstance, { emitter, addressKey }: EmitterPageParts): void {
  const headers = { ...pageHeaders(`'self'`), 'cache-control': 'no-store' }
  const addressOf = (request: FastifyRequest): string => addressKey(request.socket.remoteAddress)
  app.removeAllContentTypeParsers()
  // Whatever it is said to be: the original looks at the bytes alone.
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_BODY }, (_request, body, done) => done(null, body))

  app.get('/keygen', (_request, reply) => reply.headers(headers).send(keygenPage(EMPTY, undefined)))

  app.post('/keygen', async (request, reply) => {
    void reply.headers(headers)
    // Another site's page would have its visitor's browser guess, and count against him.
    if (request.headers['sec-fetch-site'] === 'cross-site') {
      return reply.code(403).send(keygenPage(EMPTY, 'this form is for pages of the hub itself'))
    }
    const form = new URLSearchParams(bytesOf(request.body).toString('utf8'))
    const wish = readForm(form)
    const result = typeof wish === 'string' ? wish : resultText(await emitter.keygen(wish, addressOf(request)))
    // As in the original a refusal is a page like any other: scripts read the text.
    return reply.send(keygenPage(form, result))
  })

  app.route({
    method: ['PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: '/keygen',
    handler: (_request, reply) => reply.code(405).header('allow', 'GET, HEAD, POST').send(),
  })

  app.post('/presence', (request, reply) => {
    const { status, body } = emitter.presence(bytesOf(request.body), addressOf(request))
    const json = {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    }
    return reply.code(status).headers(json).send(Buffer.from(body))
  })
}

/** As a new form has it. */
const EMPTY: URLSearchParams = new URLSearchParams({ sub: 'on', pub: 'on' })

function bytesOf(body: unknown): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0)
}

/** A wish, or what is wrong, in the original's words. */
function readForm(form: URLSearchParams): KeyWish | string {
  const [key = '', channel = '', ttlText = ''] = ['key', 'channel', 'ttl'].map((name) => form.get(name)?.trim() ?? '')
  if (key === '') return 'Missing SecretKey'
  if (channel === '') return 'Missing Channel'
  const ttl = Number(ttlText)
  const values = BOXES.map(([name]) => form.get(name) ?? '')
  if (!/^-?\d*$/.test(ttlText) || !(Math.abs(ttl) <= MAX_TTL)) return 'invalid arguments'
  if (values.some((value) => !['on', 'off', ''].includes(value))) return 'invalid arguments'
  return { key, channel, ttl, type: BOXES.map(([name, letter]) => (isOn(form, name) ? letter : '')).join('') }
}

function isOn(form: URLSearchParams, name: BoxName): boolean {
  return form.get(name) === 'on'
}

function resultText(made: { readonly key: string; readonly channel: string } | EmitterFailure): string {
  return 'status' in made ? made.message : `channel: ${made.channel}\nkey    : ${made.key}`
}

/** The key that was typed in is not repeated. */
function keygenPage(form: URLSearchParams, result: string | undefined): string {
  const box = ([name, , label]: (typeof BOXES)[number]): string =>
    `<label class="box"><input type="checkbox" name="${name}"${isOn(form, name) ? ' checked' : ''}> ${label}</label>`
  const given = (name: string): string => escape(form.get(name) ?? '')
  return page(
    'Make a key',
    `<h1>Make a key</h1>
<p>A key opens a channel for whoever has it: <code>chat/</code> that channel, <code>chat/#/</code> all below it too. Making one
takes the hub's master key, which is in <code>accounts.json</code> in its data directory.</p>
<form method="post" action="/keygen" autocomplete="off">
<label>Master key <input type="password" name="key" maxlength="64" required></label>
<label>Channel <input name="channel" value="${given('channel')}" placeholder="chat/#/" required></label>
<label>Seconds until it expires <input name="ttl" value="${given('ttl')}" inputmode="numeric" placeholder="never"></label>
<p>${BOXES.map((entry) => box(entry)).join('\n')}</p>
<button>Make the key</button>
</form>
${result === undefined ? '' : `<h2>Result</h2>\n<pre id="keygenResponse">${escape(result)}</pre>`}`,
  )
}

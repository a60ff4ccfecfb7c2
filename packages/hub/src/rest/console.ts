/** `GET /console/`: what this hub is and how to talk to it. A page without scripts, without secrets, without state. */
import type { FastifyInstance } from 'fastify'
import { escape, page, pageHeaders } from './page.ts'

interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly does: string
  /** Of a curl line: what stands before the address. */
  readonly options?: string
  /** An example of the address, where the path has places to fill. */
  readonly address?: string
}

/** Everything under `/api/`. */
export const ROUTES: readonly Route[] = [
  { method: 'GET', path: '/api/tokens', does: 'tokens of this API, without the tokens themselves' },
  { method: 'POST', path: '/api/tokens', does: 'a new token, shown once', options: json(`{"name": "laptop"}`) },
  { method: 'DELETE', path: '/api/tokens/{id}', does: 'ends a token, and the streams that came in by it' },
  { method: 'GET', path: '/api/hologram/accounts', does: 'accounts of devices' },
  { method: 'POST', path: '/api/hologram/accounts', does: 'a new account, its key shown once', options: json('{}') },
  { method: 'DELETE', path: '/api/hologram/accounts/{cloud_id}', does: 'removes an account' },
  { method: 'GET', path: '/api/mqtt/accounts', does: 'accounts of MQTT, with what they may do' },
  {
    method: 'POST',
    path: '/api/mqtt/accounts',
    does: 'a new account; a password that the hub made is shown once',
    options: json(`{"username": "pump", "access": [{"filter": "pumps/%u/#", "access": "readwrite"}]}`),
  },
  {
    method: 'PATCH',
    path: '/api/mqtt/accounts/{username}',
    does: 'another password (null: made), other rights',
    options: `-X PATCH ${json(`{"password": null}`)}`,
  },
  { method: 'DELETE', path: '/api/mqtt/accounts/{username}', does: 'removes an account, and ends its connections' },
  { method: 'GET', path: '/api/emitter/license', does: "the licence under which Emitter's keys are made" },
  { method: 'GET', path: '/api/emitter/keys', does: "Emitter's keys: what each opens, without the keys themselves" },
  {
    method: 'POST',
    path: '/api/emitter/keys',
    does: 'a new key, shown once; {"key": …} imports one',
    options: json(`{"channel": "chat/#/", "type": "rwslp"}`),
  },
  { method: 'POST', path: '/api/emitter/keys/describe', does: 'what a key opens', options: json(`{"key": "KEY"}`) },
  { method: 'GET', path: '/api/emitter/keys/{id}', does: 'what the key with this id opens' },
  { method: 'DELETE', path: '/api/emitter/keys/{id}', does: 'revokes a key for ever, and ends its subscriptions' },
  { method: 'GET', path: '/api/hologram/devices', does: 'devices: where and when they were last seen' },
  { method: 'GET', path: '/api/hologram/devices/{cloud_id}', does: 'one device' },
  {
    method: 'POST',
    path: '/api/hologram/devices/{cloud_id}/messages',
    does: 'sends a message to a device',
    options: json(`{"data": "ahoy"}`),
  },
  { method: 'GET', path: '/api/hologram/devices/{cloud_id}/outbox', does: 'what is queued for a device' },
  { method: 'GET', path: '/api/hologram/devices/{cloud_id}/outbox/{id}', does: 'what became of one message' },
  { method: 'DELETE', path: '/api/hologram/devices/{cloud_id}/outbox/{id}', does: 'takes a queued message back' },
  {
    method: 'GET',
    path: '/api/hologram/devices/{cloud_id}/messages',
    does: 'messages of a device, in and out',
    address: '/api/hologram/devices/{cloud_id}/messages?last=10',
  },
  {
    method: 'GET',
    path: '/api/hologram/messages',
    does: 'messages of all devices from a time on, page by page',
    address: '/api/hologram/messages?from=2026-06-01T12:00:00Z',
  },
  {
    method: 'GET',
    path: '/api/messages',
    does: 'messages of all services; here as a stream that goes on',
    options: `-N -H 'Accept: text/event-stream' `,
  },
]

function json(body: string): string {
  return `-d '${body}' -H 'Content-Type: application/json' `
}

/** Addresses as they are typed on the hub's own machine; no address that a caller named is repeated. */
const HUB = 'http://127.0.0.1:8080'

export function consoleRoutes(app: FastifyInstance): void {
  const headers = pageHeaders(`'none'`)
  const shown = consolePage()
  app.get('/console/', (_request, reply) => reply.headers(headers).send(shown))
  app.get('/console', (_request, reply) => reply.redirect('/console/', 308))
}

function consolePage(): string {
  return page(
    'Halyard hub',
    `<h1>Halyard hub</h1>
<p>This hub answers in place of the clouds of small devices: it takes their messages, keeps them, and sends messages to
them. Programs talk to it over HTTP. This page only tells how; <code>GET /health</code> tells how the hub is, and
<a href="/keygen">/keygen</a> makes keys for Emitter's channels.</p>
<p>Each request below needs a token in the place of <code>TOKEN</code>. The first one is in <code>accounts.json</code> in
the hub's data directory; <code>POST /api/tokens</code> makes more.</p>
<dl>
${ROUTES.map((route) => routeEntry(route)).join('\n')}
</dl>`,
  )
}

function routeEntry({ method, path, does, options = '', address = path }: Route): string {
  const verb = method === 'DELETE' ? '-X DELETE ' : ''
  const url = HUB + address.replace('{cloud_id}', 'CLOUD_ID').replace('{id}', 'ID').replace('{username}', 'USERNAME')
  const line = `curl ${verb}${options}-H 'Authorization: Bearer TOKEN' '${url}'`
  return `<dt><code>${method} ${escape(path)}</code></dt><dd>${escape(does)}<pre>${escape(line)}</pre></dd>`
}

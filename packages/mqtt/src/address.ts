import { UsageError } from '@halyard/core'

/** What carries MQTT: TCP, TLS over it, WebSocket over either. */
export type Scheme = 'mqtt' | 'mqtts' | 'ws' | 'wss'

export interface Address {
  readonly scheme: Scheme
  /** a name, an IPv4 address, or an IPv6 address without brackets */
  readonly host: string
  readonly port: number
  /** of a WebSocket, with its query; '' else */
  readonly path: string
}

/** The names that people write, and the ports they mean: 5.0 has none of its own, IANA 1883 and 8883. */
const SCHEMES: Readonly<Record<string, readonly [scheme: Scheme, port: number]>> = {
  'mqtt:': ['mqtt', 1883],
  'tcp:': ['mqtt', 1883],
  'mqtts:': ['mqtts', 8883],
  'ssl:': ['mqtts', 8883],
  'tls:': ['mqtts', 8883],
  'ws:': ['ws', 80],
  'wss:': ['wss', 443],
}

/**
 * The parts of `mqtt://host:port`, `mqtts://…`, `ws://host:port/path` or `wss://…`; a host alone is `mqtt://`.
 *
 * @throws {UsageError} `ERR_MQTT_URL` for what is none, or has a user or password in it: those belong into options, where
 * no log shows them. No message repeats the address.
 */
export function parseAddress(text: string): Address {
  if (typeof text !== 'string') throw notAnAddress()
  const written = /^[a-z][a-z\d+.-]*:\/\//iu.test(text) ? text : `mqtt://${text}`
  const colon = written.indexOf(':')
  const [scheme, defaultPort] = SCHEMES[written.slice(0, colon + 1).toLowerCase()] ?? []
  if (scheme === undefined || defaultPort === undefined) throw notAnAddress()
  const rest = written.slice(colon)
  // `URL` would mend these: take blanks out, `\` for `/`, and the path's first part for the host.
  if (/[\s\\\p{Cc}]|^:\/\/(?:[/?#]|$)/u.test(rest)) throw notAnAddress()
  // Only `http` and the like have hosts and ports in every engine.
  const url = URL.canParse(`http${rest}`) ? new URL(`http${rest}`) : undefined
  if (url === undefined || url.hostname === '') throw notAnAddress()
  if (url.username !== '' || url.password !== '') {
    throw new UsageError('ERR_MQTT_URL', 'pass user name and password as options, not in the address, which logs show')
  }
  const isWebSocket = scheme === 'ws' || scheme === 'wss'
  if (!isWebSocket && (url.pathname !== '/' || url.search !== '')) {
    throw new UsageError('ERR_MQTT_URL', `${scheme}:// has no path: leave it out, or use ws:// or wss:// with it`)
  }
  const port = portOf(rest, url, defaultPort)
  if (port === 0) throw new UsageError('ERR_MQTT_URL', 'nothing listens on port 0: give one from 1 to 65535')
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  return { scheme, host, port, path: isWebSocket ? `${url.pathname}${url.search}` : '' }
}

function notAnAddress(): UsageError {
  const text = 'an address looks like mqtt://host:1883, mqtts://host, ws://host:8080 or wss://host'
  return new UsageError('ERR_MQTT_URL', text)
}

/** `http:` hides its own port 80, which may be meant. */
function portOf(rest: string, url: URL, defaultPort: number): number {
  if (url.port !== '') return Number(url.port)
  const authority = rest.slice('://'.length).split(/[/?#]/u)[0] ?? ''
  return /:0*80$/u.test(authority) ? 80 : defaultPort
}

/** As it is shown to people. A query is not: some servers take a token there. */
export function addressText({ scheme, host, port, path }: Address): string {
  const query = path.indexOf('?')
  const shown = query < 0 ? path : `${path.slice(0, query)}?…`
  return `${scheme}://${hostText(host)}:${port}${shown === '/' ? '' : shown}`
}

/** As a WebSocket is opened. */
export function urlOf({ scheme, host, port, path }: Address): string {
  return `${scheme}://${hostText(host)}:${port}${path}`
}

/** `host:port` */
export function hostAndPort({ host, port }: Address): string {
  return `${hostText(host)}:${port}`
}

function hostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

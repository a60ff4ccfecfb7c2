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
 * no log shows them.
 */
export function parseAddress(text: string): Address {
  const written = /^[a-z][a-z\d+.-]*:\/\//iu.test(text) ? text : `mqtt://${text}`
  const colon = written.indexOf(':')
  const [scheme, defaultPort] = SCHEMES[written.slice(0, colon + 1).toLowerCase()] ?? []
  const known = scheme !== undefined && defaultPort !== undefined
  // Only `http` and the like have hosts and ports in every engine.
  const url = known && URL.canParse(`http${written.slice(colon)}`) ? new URL(`http${written.slice(colon)}`) : undefined
  if (!known || url === undefined || url.hostname === '') {
    throw new UsageError(
      'ERR_MQTT_URL',
      'an address looks like mqtt://host:1883, mqtts://host, ws://host:8080 or wss://host',
    )
  }
  if (url.username !== '' || url.password !== '') {
    throw new UsageError('ERR_MQTT_URL', 'pass user name and password as options, not in the address, which logs show')
  }
  const isWebSocket = scheme === 'ws' || scheme === 'wss'
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  const port = portOf(written, url, defaultPort)
  return { scheme, host, port, path: isWebSocket ? `${url.pathname}${url.search}` : '' }
}

/** `http:` hides its own port 80, which may be meant. */
function portOf(written: string, url: URL, defaultPort: number): number {
  if (url.port !== '') return Number(url.port)
  const authority = written.slice(written.indexOf('://') + 3).split(/[/?#]/u)[0] ?? ''
  return authority.endsWith(':80') ? 80 : defaultPort
}

/** As it is shown to people: no secret is in it. */
export function addressText({ scheme, host, port, path }: Address): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${path === '/' ? '' : path}`
}

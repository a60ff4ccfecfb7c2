/** What `connect()` is given, checked and complete. Loads nothing: it runs before the first turn of the program is over. */
import { UsageError, loggerFor } from '@halyard/core'
import type { Logger } from '@halyard/core'
import type { MqttOptions, MqttPorts } from '@halyard/mqtt'
import type { ConnectOptions } from './types.ts'

/** What a client stands on; all have defaults. For tests, and for whoever has a clock or a network of his own. */
export type EmitterPorts = MqttPorts

export interface Settings {
  /** of `@halyard/mqtt` */
  readonly url: string
  readonly mqtt: Omit<MqttOptions, 'will'>
  readonly will: ConnectOptions['will']
  readonly logger: Logger
}

const HOST = 'api.emitter.io'
const SECURE_PORT = 443
const PLAIN_PORT = 8080
const KEEPALIVE = 30
const MAX_KEEPALIVE = 65_535

/** A channel without wildcards, as far as it can be told here; the grammar is in `wire`. */
const STATIC_CHANNEL = /^\/*[-.0-9:A-Z[\\\]^_`a-z$]+(\/[-.0-9:A-Z[\\\]^_`a-z$]+)*\/*$/u

/** @throws {UsageError} `ERR_USAGE`, `ERR_EMITTER_HOST`, `ERR_EMITTER_WILL` */
export function readSettings(options: ConnectOptions): Settings {
  if (typeof options !== 'object' || options === null) throw usage('connect() takes an object with options')
  const { secure = true, transport = isNode() ? 'tcp' : 'websocket', keepalive = KEEPALIVE } = options
  const { port = secure ? SECURE_PORT : PLAIN_PORT, username, password, tls, outbox } = options
  if (typeof secure !== 'boolean') throw usage(`secure is true or false, not ${String(secure)}`)
  if (transport !== 'tcp' && transport !== 'websocket') throw usage("transport is 'tcp' or 'websocket'")
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw usage(`port is a whole number from 1 to 65,535, not ${String(port)}`)
  }
  if (typeof keepalive !== 'number' || !(keepalive >= 0 && keepalive <= MAX_KEEPALIVE)) {
    throw usage(`keepalive is in seconds, from 0, which is none, to 65,535, not ${String(keepalive)}`)
  }
  for (const [name, value] of Object.entries({ username, password })) {
    if (value !== undefined && typeof value !== 'string') throw usage(`${name} is a text`)
  }
  for (const [name, value] of Object.entries({ tls, outbox })) {
    if (value !== undefined && (typeof value !== 'object' || value === null)) throw usage(`${name} is an object`)
  }
  const host = readHost(options.host ?? HOST)
  const scheme = transport === 'tcp' ? (secure ? 'mqtts' : 'mqtt') : secure ? 'wss' : 'ws'
  const path = transport === 'tcp' ? '' : '/'
  return {
    url: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`,
    mqtt: {
      version: 4,
      clean: true,
      // MQTT counts whole seconds.
      keepalive: Math.ceil(keepalive),
      username,
      password,
      tls: secure ? tls : undefined,
      outbox,
      destination: `emitter:${host}`,
      logger: options.logger,
    },
    will: readWill(options.will),
    logger: loggerFor('Emitter', options.logger),
  }
}

/** As the JavaScript SDK does it: `tcp://host` is `host`, whatever stands before `://`. */
function readHost(host: unknown): string {
  if (typeof host !== 'string') throw wrongHost('host is a text')
  const bare = host.replace(/^[a-z][a-z\d+.-]*:\/\//iu, '').replace(/\/$/u, '')
  const address = /^\[(.*)\]$/u.exec(bare)?.[1] ?? bare
  if (/^[\da-f:.]*:[\da-f:.]*:[\da-f:.]*$/iu.test(address)) return address.toLowerCase()
  if (address.includes('@')) throw wrongHost('host holds a user or password; give them as username and password')
  if (/:\d*$/u.test(address)) throw wrongHost('host holds a port; give it as port')
  if (!/^[^\s/?#:%[\]\\]+$/u.test(address)) throw wrongHost('host is the name or address of a broker, without a path')
  return address.toLowerCase()
}

function readWill(will: ConnectOptions['will']): ConnectOptions['will'] {
  if (will === undefined) return undefined
  const { key, channel, message } = will
  if (typeof key !== 'string' || !/^\/*[^/+#\s]+\/*$/u.test(key)) throw wrongWill('needs the key of its channel')
  if (typeof channel !== 'string' || !STATIC_CHANNEL.test(channel)) {
    throw wrongWill('needs a channel without wildcards and options')
  }
  if (typeof message !== 'string' && (typeof message !== 'object' || message === null)) {
    throw wrongWill('needs a message: text, bytes, or an object, which is sent as JSON')
  }
  return will
}

/** Also in Bun and Deno, which have Node's sockets. */
function isNode(): boolean {
  const host = globalThis as { process?: { versions?: { node?: unknown } } }
  return typeof host.process?.versions?.node === 'string'
}

function usage(message: string): UsageError {
  return new UsageError('ERR_USAGE', message)
}

function wrongHost(message: string): UsageError {
  return new UsageError('ERR_EMITTER_HOST', message)
}

function wrongWill(what: string): UsageError {
  return new UsageError('ERR_EMITTER_WILL', `the will ${what}`)
}

/** What a caller may choose, its defaults, and what comes of it. */
import { UsageError, secondsToMilliseconds } from '@halyard/core'
import type { Logger, Outbox, OutboxOptions } from '@halyard/core'
// Of its own path: what an import of the client loads is a third of it with the codec.
import { checkTopicName } from '@halyard/wire/mqtt/topic'
import type { ConnectProperties, Qos, UserProperties, WillProperties } from '@halyard/wire/mqtt'
import { parseAddress } from './address.ts'
import type { Address } from './address.ts'
import { checkTypes } from './option-types.ts'
import { shownTopic } from './shown-topic.ts'
import type { TlsOptions } from './transport.ts'

/** Published by the server when the client vanishes without a DISCONNECT: 5.0 §3.1.2.5. */
export interface WillOptions {
  topic: string
  /** text is sent as UTF-8; empty */
  payload?: string | Uint8Array
  /** 0 */
  qos?: Qos
  /** false */
  retain?: boolean
  /** 5.0 */
  properties?: WillProperties
}

/** Enhanced authentication, 5.0 §4.12: a method such as SCRAM-SHA-256, in as many steps as it takes. */
export interface Authentication {
  readonly method: string
  /** what CONNECT carries */
  begin(): Uint8Array | undefined
  /** the answer to what the server asks */
  answer(data: Uint8Array | undefined): Uint8Array | undefined | Promise<Uint8Array | undefined>
}

export interface ReconnectOptions {
  /** seconds; the wait is random, from 0 to the least of `cap` and `base` doubled with each failure; 1 */
  base?: number
  /** seconds; 60 */
  cap?: number
}

export interface MqttOptions {
  /** 5 is MQTT 5.0, 4 is 3.1.1; 5, and 4 if the server has no 5.0 */
  version?: 4 | 5
  /** 'halyard-' and 16 random digits. Choose one for a session that outlives the process. */
  clientId?: string
  username?: string
  password?: string | Uint8Array
  /** seconds, from 0, which is none, to 65,535; 60 */
  keepalive?: number
  /**
   * The first connection begins with an empty session; true unless `sessionExpiry` is given. Those that follow go on with
   * what the server has.
   */
  clean?: boolean
  /** seconds for which the server keeps the session without a connection; `Infinity` for ever. 0; in 3.1.1 it is all or nothing */
  sessionExpiry?: number
  /** QoS 1 and 2 messages that the server may send ahead of our acknowledgements; 1,000 */
  receiveMaximum?: number
  /** bytes of a packet that is taken; 1 MiB */
  maximumPacketSize?: number
  /** 5.0: short numbers for topics that repeat, both ways; true */
  topicAliases?: boolean
  /** 5.0: of CONNECT */
  userProperties?: UserProperties['userProperties']
  will?: WillOptions
  /** 5.0 */
  authentication?: Authentication
  tls?: TlsOptions
  /** seconds from the first byte to CONNACK; 30 */
  connectTimeout?: number
  /** false: the first loss of the connection ends the client; true */
  reconnect?: boolean | ReconnectOptions
  /** of QoS 1 and 2 that wait for their acknowledgement; 1,000, and 20 for QoS 2 in 3.1.1 */
  window?: number
  outbox?: OutboxOptions | Outbox
  /** under which the outbox keeps messages; `mqtt:<host>:<port>`, and `/<client id>` if one is given */
  destination?: string
  logger?: Logger
}

/** {@link MqttOptions}, checked and complete. */
export interface Settings {
  readonly address: Address
  /** `undefined`: 5.0, then 3.1.1 */
  readonly version: 4 | 5 | undefined
  readonly clientId: string
  readonly username: string | undefined
  readonly password: Uint8Array | undefined
  /** seconds */
  readonly keepalive: number
  readonly clean: boolean
  /** seconds; 0xFFFF_FFFF for ever */
  readonly sessionExpiry: number
  readonly receiveMaximum: number
  readonly maximumPacketSize: number
  readonly topicAliasMaximum: number
  readonly userProperties: ConnectProperties['userProperties']
  readonly will:
    | (Required<Omit<WillOptions, 'properties' | 'payload'>> & {
        readonly payload: Uint8Array
        readonly properties: WillProperties | undefined
      })
    | undefined
  readonly authentication: Authentication | undefined
  readonly tls: TlsOptions | undefined
  /** milliseconds */
  readonly connectTimeout: number
  readonly reconnect: ReconnectOptions | undefined
  readonly window: number
  /** of QoS 2 in 3.1.1, whose servers cannot say how many they take at once: Mosquitto's 20, unless a window was asked for */
  readonly oldQos2Window: number
  readonly outbox: OutboxOptions | Outbox | undefined
  readonly destination: string
  readonly logger: Logger | undefined
}

/** 5.0 §3.1.2.11.2 */
const NEVER_EXPIRES = 0xffff_ffff
const MAX_UINT16 = 65_535
/** Topics that repeat are few; each costs the server a string. */
const TOPIC_ALIASES = 64
/** Packet identifiers above are for SUBSCRIBE and UNSUBSCRIBE. */
const MAX_WINDOW = 32_768

const utf8 = new TextEncoder()

/** @throws {UsageError} `ERR_USAGE`, `ERR_USAGE_SECONDS`, `ERR_MQTT_URL`, `ERR_MQTT_TOPIC` */
export function settle(url: string, options: MqttOptions): Settings {
  const address = parseAddress(url)
  checkTypes(options)
  const { version, clientId, username, password, keepalive = 60, clean, sessionExpiry } = options
  const { receiveMaximum = 1000, maximumPacketSize = 1024 * 1024, window = 1000, connectTimeout = 30 } = options
  if (version !== undefined && version !== 4 && version !== 5) throw usage('version is 4 for MQTT 3.1.1 or 5 for 5.0')
  whole('keepalive', keepalive, 0, MAX_UINT16)
  whole('receiveMaximum', receiveMaximum, 1, MAX_UINT16)
  whole('window', window, 1, MAX_WINDOW)
  whole('maximumPacketSize', maximumPacketSize, 1024, 268_435_460)
  const expiry = sessionExpiryOf(sessionExpiry, clean)
  if (expiry > 0 && (clientId === undefined || clientId === '')) {
    throw usage('a session that outlives the connection needs a clientId of its own')
  }
  if (password !== undefined && username === undefined && version === 4) {
    throw usage('before MQTT 5.0 a password needs a username')
  }
  const { host, port } = address
  return {
    address,
    version,
    clientId: clientId ?? `halyard-${randomDigits()}`,
    username,
    password: typeof password === 'string' ? utf8.encode(password) : password,
    keepalive,
    clean: clean ?? expiry === 0,
    sessionExpiry: expiry,
    receiveMaximum,
    maximumPacketSize,
    topicAliasMaximum: options.topicAliases === false ? 0 : TOPIC_ALIASES,
    userProperties: options.userProperties,
    will: options.will && willOf(options.will),
    authentication: options.authentication,
    tls: options.tls,
    connectTimeout: secondsToMilliseconds('connectTimeout', connectTimeout),
    reconnect: reconnectOf(options.reconnect),
    window,
    oldQos2Window: options.window ?? 20,
    outbox: options.outbox,
    destination: options.destination ?? `mqtt:${host}:${port}${clientId === undefined ? '' : `/${clientId}`}`,
    logger: options.logger,
  }
}

function sessionExpiryOf(seconds: number | undefined, clean: boolean | undefined): number {
  // Without clean, 3.1.1 keeps the session for as long as the server likes.
  return seconds === undefined && clean === false ? NEVER_EXPIRES : wireExpiry(seconds ?? 0)
}

/** Seconds as the wire has them. @throws {UsageError} `ERR_USAGE` */
export function wireExpiry(seconds: number): number {
  if (seconds === Infinity) return NEVER_EXPIRES
  whole('sessionExpiry', seconds, 0, NEVER_EXPIRES)
  return seconds
}

function willOf({ topic, payload = '', qos = 0, retain = false, properties }: WillOptions): Settings['will'] {
  const problem = typeof topic === 'string' ? checkTopicName(topic) : 'it is no text'
  if (problem !== undefined) {
    throw new UsageError('ERR_MQTT_TOPIC', `${shownTopic(topic)} is no topic for the will: ${problem}`)
  }
  if (qos !== 0 && qos !== 1 && qos !== 2) throw usage('the qos of the will is 0, 1 or 2')
  return { topic, payload: typeof payload === 'string' ? utf8.encode(payload) : payload, qos, retain, properties }
}

function reconnectOf(reconnect: MqttOptions['reconnect'] = true): ReconnectOptions | undefined {
  if (reconnect === false) return undefined
  const { base = 1, cap = 60 } = reconnect === true ? {} : reconnect
  secondsToMilliseconds('reconnect.base', base)
  secondsToMilliseconds('reconnect.cap', cap)
  return { base, cap }
}

function whole(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw usage(`${name} is a whole number from ${least} to ${most}, not ${String(value)}`)
}

function usage(message: string): UsageError {
  return new UsageError('ERR_USAGE', message)
}

/**
 * 64 random bits: a name that no other client has. It is no secret, since its session ends with the client, and `crypto` would
 * cost a start under Node.js 2 ms.
 */
function randomDigits(): string {
  const half = (): string =>
    Math.floor(Math.random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0')
  return half() + half()
}

/** The hub's configuration file: what it may hold, what holds without it. docs/guide/hub.md lists every key. */
import { totalmem } from 'node:os'
import { MAX_SECONDS, UsageError } from '@halyard/core'
import { readConfigFile } from '@halyard/core/node'
import * as v from 'valibot'
import type { HistoryLimits } from './domain/ports.ts'
import { EmitterSchema, emitterConfig } from './emitter-config.ts'
import type { EmitterConfig } from './emitter-config.ts'
import type { HologramLimits } from './hologram/limits.ts'
import type { PushLimits } from './hologram/push/limits.ts'
import type { SmsConfig } from './hologram/sms/config.ts'
import { DEFAULT_MQTT_LIMITS } from './mqtt/limits.ts'
import type { MqttLimits, OverflowPolicy } from './mqtt/limits.ts'
import type { MqttAuthLimits } from './mqtt/start.ts'

export interface ConnectionLimits {
  /** in all */
  readonly connections: number
  readonly connectionsPerAddress: number
}

export type MqttConfig = MqttLimits & MqttAuthLimits & ConnectionLimits

export type HologramConfig = HologramLimits & ConnectionLimits

/** Times in seconds. */
export interface HttpLimits {
  readonly headerBytes: number
  readonly bodyBytes: number
  /** For a whole request; half of it for its head; and for a peer that does not read its answers. */
  readonly requestTimeout: number
  readonly keepAliveTimeout: number
}

/** Of the HTTP API. */
export interface ApiLimits {
  /** Streams of messages at once. */
  readonly followers: number
  readonly authFailuresPerAddress: number
  readonly authWindowPerAddress: number
}

export interface FrontConfig extends HttpLimits, ConnectionLimits, ApiLimits {
  readonly firstByteTimeout: number
}

export interface HubConfig {
  /** As the option of `createHub()`. */
  readonly data?: string
  readonly host?: string
  readonly ports: { readonly front: number; readonly hologram: number; readonly mqtt: number }
  readonly hologram: { readonly limits: HologramConfig; readonly push: PushLimits; readonly sms: SmsConfig }
  readonly front: { readonly limits: FrontConfig }
  readonly mqtt: {
    readonly limits: MqttConfig
    /** By the user name of an account, which may come later; that of the limits. */
    readonly overflow: ReadonlyMap<string, OverflowPolicy>
    /** Seconds between two rounds of `$SYS`; 0: none. */
    readonly sysInterval: number
  }
  readonly emitter: EmitterConfig
  readonly history: HistoryLimits
  /** `commitInterval`: seconds for which what arrives waits for company before it is written. */
  readonly journal: { readonly commitInterval: number }
  /** `maxBytes`: what all data may take; none: a tenth of what is free. */
  readonly disk: { readonly maxBytes?: number | undefined }
  /** Paths of PEM files; `ca`: whose certificates let clients of the MQTT port in without a password. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string | undefined }
}

const KIB = 1024
const MIB = 1024 * KIB

/** What holds without a file, and for every key that the file leaves out. */
export const DEFAULT_CONFIG: HubConfig = {
  ports: { front: 8080, hologram: 9999, mqtt: 1883 },
  hologram: {
    limits: {
      connections: 10_000,
      connectionsPerAddress: 512,
      messageBytes: MIB,
      bufferedBytes: 64 * MIB,
      smsCharacters: 160,
      messageTimeout: 60,
      idleTimeout: 20,
      lingerTimeout: 2,
      authFailuresPerAddress: 100,
      authWindowPerAddress: 600,
      authFailuresPerAccount: 60,
      authWindowPerAccount: 3600,
    },
    push: {
      port: 4010,
      attemptTimeout: 30,
      messageBytes: MIB,
      queuedPerDevice: 1000,
      queuedBytes: 256 * MIB,
      maxAge: 604_800,
      connections: 64,
    },
    sms: {},
  },
  front: {
    limits: {
      connections: 10_000,
      connectionsPerAddress: 512,
      firstByteTimeout: 5,
      headerBytes: 16 * KIB,
      bodyBytes: MIB,
      requestTimeout: 60,
      keepAliveTimeout: 20,
      followers: 100,
      authFailuresPerAddress: 100,
      authWindowPerAddress: 600,
    },
  },
  mqtt: {
    sysInterval: 10,
    overflow: new Map(),
    limits: {
      ...DEFAULT_MQTT_LIMITS,
      connections: 10_000,
      connectionsPerAddress: 10_000,
      authFailuresPerAddress: 100,
      authWindowPerAddress: 600,
    },
  },
  emitter: emitterConfig(),
  history: { maxBytes: KIB * MIB },
  journal: { commitInterval: 0 },
  disk: {},
}

const anyCount = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000))
const anySeconds = v.pipe(v.number(), v.gtValue(0), v.maxValue(MAX_SECONDS))
const anyAge = v.pipe(v.number(), v.gtValue(0))
const count = v.optional(anyCount)
const seconds = v.optional(anySeconds)
const age = v.optional(anyAge)
const path = v.pipe(v.string(), v.nonEmpty())
const port = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535)))

const policy = v.picklist(['drop-oldest', 'drop-newest', 'expire-session', 'reject'])

/** A map, since a name may be one that every object has. */
const OverflowSchema = v.pipe(
  v.custom<object>((value) => typeof value === 'object' && value !== null && !Array.isArray(value)),
  v.transform((names) => new Map<string, unknown>(Object.entries(names))),
  v.map(v.string(), policy),
  v.maxSize(10_000),
)

const MqttLimitsSchema = v.strictObject({
  connections: count,
  connectionsPerAddress: count,
  authFailuresPerAddress: count,
  authWindowPerAddress: seconds,
  connectTimeout: seconds,
  authenticateTimeout: seconds,
  connectBytes: bytes(256, MIB),
  // With what belongs to it a message is one record of the journal, which has 32 MiB at the most.
  packetBytes: bytes(256, 31 * MIB),
  topicLevels: between(1, 1000),
  subscriptions: count,
  filterBytes: bytes(KIB, 2 ** 30),
  userProperties: between(0, 10_000),
  receiveMaximum: between(1, 65_535),
  topicAliases: between(0, 65_535),
  window: between(1, 65_535),
  // Less than twice the buffer of a socket, and nobody would say when there is room again.
  outputBytes: bytes(128 * KIB),
  stuckTimeout: seconds,
  keepAlive: between(1, 65_535),
  sessionExpiry: between(0, 4_294_967_294),
  queuedMessages: between(0, 100_000_000),
  queuedBytes: bytes(0, 2 ** 50),
  uncommittedBytes: bytes(0),
  totalQueuedBytes: bytes(0, 2 ** 50),
  retainedMessages: between(0, 100_000_000),
  retainedBytes: bytes(0, 2 ** 50),
  sessions: between(1, 100_000_000),
  overflow: v.optional(policy),
})

const Schema = v.strictObject({
  data: v.optional(path),
  host: v.optional(path),
  ports: v.optional(v.strictObject({ front: port, hologram: port, mqtt: port })),
  hologram: v.optional(
    v.strictObject({
      limits: v.optional(
        v.strictObject({
          connections: count,
          connectionsPerAddress: count,
          messageBytes: bytes(64, 16 * MIB),
          bufferedBytes: bytes(64 * KIB),
          smsCharacters: count,
          messageTimeout: seconds,
          idleTimeout: seconds,
          lingerTimeout: seconds,
          authFailuresPerAddress: count,
          authWindowPerAddress: seconds,
          authFailuresPerAccount: count,
          authWindowPerAccount: seconds,
        }),
      ),
      push: v.optional(
        v.strictObject({
          port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))),
          attemptTimeout: seconds,
          messageBytes: bytes(1, 16 * MIB),
          queuedPerDevice: count,
          queuedBytes: bytes(KIB),
          maxAge: age,
          connections: count,
        }),
      ),
      sms: v.optional(
        v.strictObject({
          file: v.optional(path),
          webhook: v.optional(
            v.strictObject({
              url: v.pipe(v.string(), v.check(isHttpUrl)),
              secret: v.optional(path),
              timeout: v.optional(anySeconds, 10),
              maxAge: v.optional(anyAge, 86_400),
              queued: v.optional(anyCount, 10_000),
            }),
          ),
        }),
      ),
    }),
  ),
  front: v.optional(
    v.strictObject({
      limits: v.optional(
        v.strictObject({
          connections: count,
          connectionsPerAddress: count,
          firstByteTimeout: seconds,
          headerBytes: bytes(KIB, MIB),
          bodyBytes: bytes(KIB, KIB * MIB),
          requestTimeout: seconds,
          keepAliveTimeout: seconds,
          followers: count,
          authFailuresPerAddress: count,
          authWindowPerAddress: seconds,
        }),
      ),
    }),
  ),
  mqtt: v.optional(
    v.strictObject({
      sysInterval: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(MAX_SECONDS))),
      limits: v.optional(MqttLimitsSchema),
      overflow: v.optional(OverflowSchema),
    }),
  ),
  emitter: v.optional(EmitterSchema),
  history: v.optional(v.strictObject({ maxAge: age, maxBytes: bytes(KIB, 2 ** 50) })),
  journal: v.optional(
    v.strictObject({ commitInterval: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(10))) }),
  ),
  disk: v.optional(v.strictObject({ maxBytes: bytes(64 * MIB, 2 ** 50) })),
  tls: v.optional(v.strictObject({ cert: path, key: path, ca: v.optional(path) })),
})

/** One that a request can be made of: `%zz` in a password is an address, and no request. */
function isHttpUrl(text: string): boolean {
  if (!/^https?:[/][/]/i.test(text) || !URL.canParse(text)) return false
  try {
    const { username, password } = new URL(text)
    return typeof decodeURIComponent(username + password) === 'string'
  } catch {
    return false
  }
}

function between(lowest: number, highest: number) {
  return v.optional(v.pipe(v.number(), v.integer(), v.minValue(lowest), v.maxValue(highest)))
}

function bytes(lowest: number, highest = KIB * MIB) {
  return v.optional(v.pipe(v.number(), v.integer(), v.minValue(lowest), v.maxValue(highest)))
}

/**
 * Reads the file.
 *
 * @throws {UsageError} `ERR_CONFIG_FILE`: not there, not HJSON; `ERR_HUB_CONFIG`: an unknown key, a value of the wrong
 * kind; the text names the key by its path.
 */
export async function readConfig(path: string): Promise<HubConfig> {
  return checkConfig(await readConfigFile(path), path)
}

/** @throws {UsageError} `ERR_HUB_CONFIG` */
export function checkConfig(value: Readonly<Record<string, unknown>>, path: string): HubConfig {
  const result = v.safeParse(Schema, value)
  if (result.success) return withDefaults(result.output)
  const problems = result.issues.slice(0, 5).map((issue) => describeIssue(issue))
  throw new UsageError('ERR_HUB_CONFIG', `${path}: ${problems.join('; ')}; docs/guide/hub.md lists all keys`)
}

const ServerLimits = v.strictObject({
  ...v.omit(MqttLimitsSchema, ['authFailuresPerAddress', 'authWindowPerAddress']).entries,
  firstByteTimeout: seconds,
})

/** Of `createMqttServer()`. @throws {UsageError} `ERR_USAGE` */
export function checkMqttLimits(limits: unknown): void {
  const result = v.safeParse(ServerLimits, limits)
  if (result.success) return
  const problems = result.issues.slice(0, 5).map((issue) => describeIssue(issue))
  throw new UsageError('ERR_USAGE', `limits: ${problems.join('; ')}; docs/guide/mqtt.md lists all`)
}

/** Of this machine, without a file. */
export function defaultConfig(): HubConfig {
  return withDefaults({})
}

/** What waits for sessions lies on the disk, and in memory too: on a small machine no more than it has room for. */
function mayQueue(): number {
  return Math.min(DEFAULT_CONFIG.mqtt.limits.totalQueuedBytes, Math.floor(totalmem() / 4))
}

function withDefaults(found: v.InferOutput<typeof Schema>): HubConfig {
  const { hologram, front, mqtt, emitter, history, journal, disk, tls, data, host, ports } = found
  const defaults = DEFAULT_CONFIG
  return {
    ...(data !== undefined && { data }),
    ...(host !== undefined && { host }),
    ports: { ...defaults.ports, ...ports },
    hologram: {
      limits: { ...defaults.hologram.limits, ...hologram?.limits },
      push: { ...defaults.hologram.push, ...hologram?.push },
      sms: { ...hologram?.sms },
    },
    front: { limits: { ...defaults.front.limits, ...front?.limits } },
    mqtt: {
      sysInterval: mqtt?.sysInterval ?? defaults.mqtt.sysInterval,
      overflow: mqtt?.overflow ?? defaults.mqtt.overflow,
      limits: { ...defaults.mqtt.limits, totalQueuedBytes: mayQueue(), ...mqtt?.limits },
    },
    emitter: emitterConfig(emitter),
    history: { ...defaults.history, ...history },
    journal: { commitInterval: journal?.commitInterval ?? defaults.journal.commitInterval },
    disk: { ...disk },
    ...(tls && { tls }),
  }
}

function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue) ?? 'the file'
  if (issue.type === 'strict_object' && issue.expected === 'never') return `unknown key ${path}`
  if (issue.type === 'max_size') return `${path} has more names than${limitOf(issue)}`
  if (issue.input === undefined) return `${path} is missing`
  // A file may hold what should not be shown: the kind of a wrong value is told, a number's value, never a text.
  const received = typeof issue.input === 'number' ? String(issue.input) : kindOf(issue.input)
  return `${path} must be ${expectedOf(issue)}${limitOf(issue)}, not ${received}`
}

const EXPECTED: Readonly<Record<string, string>> = {
  number: 'a number',
  boolean: 'true or false',
  integer: 'a whole number',
  string: 'a text',
  strict_object: 'an object { … }',
  custom: 'an object { … }',
  min_value: 'at least',
  max_value: 'at most',
  gt_value: 'more than',
  check: 'an address that begins with http:// or https://',
  non_empty: 'a text that is not empty',
}

function expectedOf({ type, expected }: v.BaseIssue<unknown>): string {
  if (type !== 'picklist') return EXPECTED[type] ?? type
  const words = (expected ?? '').replaceAll(/[()"]/g, '').split(' | ')
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

function limitOf(issue: v.BaseIssue<unknown>): string {
  const requirement = (issue as { readonly requirement?: unknown }).requirement
  return typeof requirement === 'number' && /_(value|size)$/.test(issue.type) ? ` ${requirement}` : ''
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value === 'string' ? 'text' : typeof value}`
}

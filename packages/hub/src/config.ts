/** The hub's configuration file: what it may hold, what holds without it. docs/guide/hub.md lists every key. */
import { readFile } from 'node:fs/promises'
import { MAX_SECONDS, UsageError, describeError } from '@halyard/core'
import hjson from 'hjson'
import * as v from 'valibot'

const count = (fallback: number, highest = 1_000_000): v.GenericSchema<unknown, number> =>
  v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(highest)), fallback) as never
const bytes = (fallback: number, lowest = 1): v.GenericSchema<unknown, number> =>
  v.optional(v.pipe(v.number(), v.integer(), v.minValue(lowest), v.maxValue(2 ** 40)), fallback) as never
const seconds = (fallback: number): v.GenericSchema<unknown, number> =>
  v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(MAX_SECONDS)), fallback) as never

const ConnectionLimits = { connections: count(10_000), connectionsPerAddress: count(512) }

const HologramLimits = v.strictObject({
  ...ConnectionLimits,
  messageBytes: v.optional(v.pipe(v.number(), v.integer(), v.minValue(64), v.maxValue(16 * 1024 * 1024)), 1024 * 1024),
  bufferedBytes: bytes(64 * 1024 * 1024, 65_536),
  messageTimeout: seconds(60),
  idleTimeout: seconds(20),
  lingerTimeout: seconds(2),
  authFailuresPerAddress: count(100),
  authWindowPerAddress: seconds(600),
  authFailuresPerAccount: count(60),
  authWindowPerAccount: seconds(3600),
})

const FrontLimits = v.strictObject({
  ...ConnectionLimits,
  firstByteTimeout: seconds(5),
  headerBytes: bytes(16 * 1024, 1024),
  bodyBytes: bytes(1024 * 1024),
  requestTimeout: seconds(60),
  keepAliveTimeout: seconds(20),
})

const History = v.strictObject({
  maxAge: v.optional(v.pipe(v.number(), v.gtValue(0))),
  maxBytes: bytes(1024 * 1024 * 1024),
})

const Config = v.strictObject({
  hologram: v.optional(v.strictObject({ limits: v.optional(HologramLimits, {}) }), {}),
  front: v.optional(v.strictObject({ limits: v.optional(FrontLimits, {}) }), {}),
  history: v.optional(History, {}),
  tls: v.optional(v.strictObject({ cert: v.pipe(v.string(), v.nonEmpty()), key: v.pipe(v.string(), v.nonEmpty()) })),
})

export type HubConfig = v.InferOutput<typeof Config>
export type HologramLimits = v.InferOutput<typeof HologramLimits>
export type FrontLimits = v.InferOutput<typeof FrontLimits>

/** What holds without a file. */
export function defaultConfig(): HubConfig {
  return v.parse(Config, {})
}

/**
 * Reads the file.
 *
 * @throws {UsageError} `ERR_HUB_CONFIG`: not there, not HJSON, an unknown key, a value of the wrong kind; the text names
 * the key by its path.
 */
export async function readConfig(path: string): Promise<HubConfig> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new UsageError('ERR_HUB_CONFIG', `the configuration file ${path} cannot be read: ${describeError(cause)}`, {
      cause,
    })
  }
  return parseConfig(text, path)
}

/** @throws {UsageError} `ERR_HUB_CONFIG` */
export function parseConfig(text: string, path: string): HubConfig {
  let value: unknown
  try {
    value = hjson.parse(text)
  } catch (cause) {
    throw new UsageError('ERR_HUB_CONFIG', `${path} is not HJSON: ${describeError(cause)}`, { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError('ERR_HUB_CONFIG', `${path} must hold an object: { hologram: { limits: { … } } }`)
  }
  const result = v.safeParse(Config, value)
  if (result.success) return result.output
  const problems = result.issues.slice(0, 5).map((issue) => describeIssue(issue))
  throw new UsageError('ERR_HUB_CONFIG', `${path}: ${problems.join('; ')}; docs/guide/hub.md lists all keys`)
}

function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue) ?? 'the file'
  if (issue.type === 'strict_object' && issue.expected === 'never') return `unknown key ${path}`
  // A file may hold what should not be shown: the kind of a wrong value is told, a number's value, never a text.
  const received = typeof issue.input === 'number' ? String(issue.input) : kindOf(issue.input)
  return `${path} must be ${EXPECTED[issue.type] ?? issue.type}${limitOf(issue)}, not ${received}`
}

const EXPECTED: Readonly<Record<string, string>> = {
  number: 'a number',
  integer: 'a whole number',
  string: 'a text',
  strict_object: 'an object { … }',
  min_value: 'at least',
  max_value: 'at most',
  gt_value: 'more than',
  non_empty: 'a text that is not empty',
}

function limitOf(issue: v.BaseIssue<unknown>): string {
  const requirement = (issue as { readonly requirement?: unknown }).requirement
  return typeof requirement === 'number' && issue.type.endsWith('_value') ? ` ${requirement}` : ''
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value === 'string' ? 'text' : typeof value}`
}

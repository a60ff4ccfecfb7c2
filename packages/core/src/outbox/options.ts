import { UsageError, describeError } from '../errors.ts'
import { PRIORITIES } from './record.ts'
import type { OutboxOptions, OutboxSubmission, Priority, SendControl } from './types.ts'

export const DEFAULTS: Required<
  Pick<OutboxOptions, 'maxMessages' | 'maxBytes' | 'overflow' | 'concurrency' | 'ordered'>
> = {
  maxMessages: 10_000,
  maxBytes: 64 * 1024 * 1024,
  overflow: 'reject',
  concurrency: 4,
  ordered: true,
}

const OVERFLOWS: readonly unknown[] = ['reject', 'drop-oldest', 'drop-newest']
/** its place among the priorities */
const NORMAL = 1
const MAX_ID = 128
const MAX_NAME = 1024
/** characters of JSON: options are topics and the like, what is large belongs into the body */
const MAX_OPTIONS = 64 * 1024
/** Characters of JSON that one of a text may become, and those beside a key and a text: quotes, a number, a comma. */
const MAX_ESCAPED = 6
const MAX_AROUND = 32
/** bytes: a body fits into one record of the log together with all that goes with it */
export const MAX_BODY: number = 31 * 1024 * 1024

export type Plain = Readonly<Record<string, unknown>>

/** A submission that has passed the checks. */
export interface Intake {
  /** `undefined`: the caller has no name for it */
  readonly id: string | undefined
  readonly submission: OutboxSubmission
  /** JSON text, '' for none, or for those that are `plain` */
  readonly options: string
  /** Of a message that never leaves memory: its options, if they are but texts, numbers and the like. */
  readonly plain?: Plain | undefined
  /** 0 high, 1 normal, 2 low */
  readonly priority: number
  /** seconds; 0: never */
  readonly expires: number
  /** '' for none */
  readonly latest: string
}

/** @throws {UsageError} `ERR_USAGE` that names the option. */
export function checkOptions(options: OutboxOptions): void {
  const { path, overflow = DEFAULTS.overflow } = options
  if (path !== undefined && (typeof path !== 'string' || path === ''))
    throw wrong('path', 'the name of a directory', path)
  if (!OVERFLOWS.includes(overflow)) throw wrong('overflow', 'reject, drop-oldest or drop-newest', overflow)
  if (options.readOnly === true && path === undefined) throw wrong('readOnly', 'used together with a path', true)
  for (const name of ['ordered', 'readOnly'] as const) {
    const value = options[name]
    if (value !== undefined && typeof value !== 'boolean') throw wrong(name, 'true or false', value)
  }
  for (const name of ['maxMessages', 'maxBytes', 'concurrency'] as const) {
    const value = options[name]
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0))
      throw wrong(name, 'a whole number above 0', value)
  }
  for (const name of ['maxAge', 'drainRate'] as const) {
    const value = options[name]
    if (value !== undefined && !(typeof value === 'number' && value > 0)) throw wrong(name, 'a number above 0', value)
  }
}

/** @throws {UsageError} `ERR_USAGE` */
export function checkDestination(destination: string): void {
  if (!isName(destination, MAX_NAME)) throw wrong('destination', `a text of 1 to ${MAX_NAME} characters`, destination)
}

/** @throws {UsageError} `ERR_USAGE` */
export function checkPipeline(pipeline: number | undefined): void {
  if (pipeline !== undefined && !(Number.isSafeInteger(pipeline) && pipeline > 0))
    throw wrong('pipeline', 'a whole number above 0', pipeline)
}

/** What is submitted, looked at. A client's destination and kind are the same again and again: they are looked at once. */
export class SubmissionCheck {
  /** the last ones that were good */
  #destination = '-'
  #kind = '-'

  /** @throws {UsageError} `ERR_USAGE` that names the field. */
  pass({ destination, kind, body }: OutboxSubmission, { id, expires, priority, latest }: SendControl): void {
    if (destination !== this.#destination) checkDestination(destination)
    if (kind !== this.#kind && !isName(kind, MAX_NAME)) {
      throw wrong('kind', `a text of 1 to ${MAX_NAME} characters`, kind)
    }
    this.#destination = destination
    this.#kind = kind
    if (!(body instanceof Uint8Array)) throw wrong('body', 'a Uint8Array', typeof body)
    if (id !== undefined && !isName(id, MAX_ID)) throw wrong('id', `a text of 1 to ${MAX_ID} characters`, id)
    if (latest !== undefined && !isName(latest, MAX_NAME))
      throw wrong('latest', `a text of 1 to ${MAX_NAME} characters`, latest)
    if (expires !== undefined && !(typeof expires === 'number' && expires > 0)) {
      throw wrong('expires', 'a number of seconds above 0', expires)
    }
    if (priority !== undefined && !PRIORITIES.includes(priority)) {
      throw wrong('priority', 'high, normal or low', priority)
    }
  }
}

/** Options as they are kept: JSON text, '' for none. @throws {UsageError} `ERR_USAGE` */
export function optionsText(options: OutboxSubmission['options']): string {
  if (options === undefined) return ''
  const expected = `an object of JSON values, at most ${MAX_OPTIONS} characters of them`
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw wrong('options', expected, options)
  let text: string
  try {
    text = JSON.stringify(options)
  } catch (error) {
    throw wrong('options', expected, describeError(error))
  }
  if (text.length > MAX_OPTIONS) throw wrong('options', expected, text.length)
  return text
}

/**
 * A copy of options that JSON would give back as they are, which is told without making a text of them: nothing but
 * texts, finite numbers, true, false and null. `undefined` for others, and for more than JSON may have.
 */
export function plainCopy(options: OutboxSubmission['options']): Plain | undefined {
  if (typeof options !== 'object' || options === null || Array.isArray(options) || 'toJSON' in options) return undefined
  // What nobody can change needs no copy.
  const isFrozen = isFixed(options)
  const copy: Record<string, unknown> = {}
  let most = 2
  for (const key of Object.keys(options)) {
    const value = options[key]
    if (typeof value === 'string') most += value.length * MAX_ESCAPED
    else if (typeof value === 'number' ? !Number.isFinite(value) || Object.is(value, -0) : !isPlain(value)) {
      return undefined
    }
    if (key === '__proto__') return undefined
    most += key.length * MAX_ESCAPED + MAX_AROUND
    if (!isFrozen) copy[key] = value
  }
  if (most > MAX_OPTIONS) return undefined
  return isFrozen ? options : copy
}

/** Frozen, and nothing else answers for it: what is read of a getter or a prototype may be another thing tomorrow. */
function isFixed(options: object): boolean {
  if (!Object.isFrozen(options) || Object.getPrototypeOf(options) !== Object.prototype) return false
  return Object.values(Object.getOwnPropertyDescriptors(options)).every((property) => 'value' in property)
}

function isPlain(value: unknown): boolean {
  return typeof value === 'boolean' || value === null
}

export function priorityNumber(priority: Priority | undefined): number {
  return priority === undefined ? NORMAL : PRIORITIES.indexOf(priority)
}

/** A text that UTF-8 gives back as it was: half a surrogate pair would come back from the disk as another name. */
function isName(value: unknown, most: number): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= most && !/\p{Surrogate}/u.test(value)
}

function wrong(name: string, expected: string, value: unknown): UsageError {
  return new UsageError('ERR_USAGE', `${name} must be ${expected}, not ${String(value)}`)
}

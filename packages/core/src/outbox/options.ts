import { UsageError } from '../errors.ts'
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
const MAX_ID = 128
const MAX_NAME = 1024
const LONE_SURROGATE = /\p{Surrogate}/u

/** @throws {UsageError} `ERR_USAGE` that names the option. */
export function checkOptions(options: OutboxOptions): void {
  const { path, overflow = DEFAULTS.overflow } = options
  if (path !== undefined && (typeof path !== 'string' || path === ''))
    throw wrong('path', 'the name of a directory', path)
  if (!OVERFLOWS.includes(overflow)) throw wrong('overflow', 'reject, drop-oldest or drop-newest', overflow)
  if (options.readOnly === true && path === undefined) throw wrong('readOnly', 'used together with a path', true)
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

/** @throws {UsageError} `ERR_USAGE` that names the field. */
export function checkSubmission(submission: OutboxSubmission, control: SendControl): void {
  const { destination, kind, body } = submission
  const { id, expires, priority, latest } = control
  if (!isName(destination, MAX_NAME)) throw wrong('destination', 'a name', destination)
  if (!isName(kind, MAX_NAME)) throw wrong('kind', 'a name', kind)
  if (!(body instanceof Uint8Array)) throw wrong('body', 'a Uint8Array', typeof body)
  if (id !== undefined && !isName(id, MAX_ID)) throw wrong('id', `a text of 1 to ${MAX_ID} characters`, id)
  if (latest !== undefined && !isName(latest, MAX_NAME))
    throw wrong('latest', `a text of 1 to ${MAX_NAME} characters`, latest)
  if (expires !== undefined && !(typeof expires === 'number' && expires > 0)) {
    throw wrong('expires', 'a number of seconds above 0', expires)
  }
  if (priority !== undefined && !PRIORITIES.includes(priority)) throw wrong('priority', 'high, normal or low', priority)
}

export function priorityNumber(priority: Priority = 'normal'): number {
  return PRIORITIES.indexOf(priority)
}

function isName(value: unknown, most: number): boolean {
  // Half of a surrogate pair cannot be written as UTF-8: it would be another name in the next process.
  return typeof value === 'string' && value.length > 0 && value.length <= most && !LONE_SURROGATE.test(value)
}

function wrong(name: string, expected: string, value: unknown): UsageError {
  return new UsageError('ERR_USAGE', `${name} must be ${expected}, not ${String(value)}`)
}

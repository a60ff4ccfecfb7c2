/** What comes in a body, a query or a path is checked here, and what does not fit is told by name. */
import { UsageError } from '@halyard/core'
import * as v from 'valibot'

export const MAX_PAGE = 1000
const DEFAULT_PAGE = 100

/** @throws {UsageError} `ERR_USAGE` */
export function check<T>(schema: v.GenericSchema<unknown, T>, value: unknown, where: 'body' | 'query' | 'path'): T {
  // To valibot a list is an object with no keys.
  const result = v.safeParse(schema, Array.isArray(value) ? undefined : value, { abortEarly: true })
  if (result.success) return result.output
  throw new UsageError('ERR_USAGE', `${where}: ${describe(result.issues[0])}`)
}

function describe(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue)?.slice(0, 40)
  if (path === undefined) return `it ${issue.message}`
  if (issue.type !== 'strict_object') return `${path} ${issue.message}`
  return issue.expected === 'never' ? `there is no ${path}` : `${path} is missing`
}

/** Keys that are not named are refused: a misspelt one must not go unnoticed. */
export function fields<const E extends v.ObjectEntries>(entries: E): v.StrictObjectSchema<E, string> {
  return v.strictObject(entries, 'must be an object')
}

export function text(longest: number): v.GenericSchema<unknown, string> {
  const message = `must be a text of 1 to ${longest} characters`
  return v.pipe(v.string(message), v.minLength(1, message), v.maxLength(longest, message))
}

/** What a person reads in a list. */
export function name(longest: number): v.GenericSchema<unknown, string> {
  const message = `must be a text of 1 to ${longest} characters without control characters`
  return v.pipe(v.string(message), v.regex(new RegExp(`^[^\\p{Cc}\\p{Cs}]{1,${longest}}$`, 'u'), message))
}

export function number(lowest: number, highest: number): v.GenericSchema<unknown, number> {
  const message = `must be a number from ${lowest} to ${highest}`
  return v.pipe(v.number(message), v.minValue(lowest, message), v.maxValue(highest, message))
}

/** Of a query, where everything is text. */
export function count(lowest: number, highest: number): v.GenericSchema<unknown, number> {
  const message = `must be a whole number from ${lowest} to ${highest}`
  return v.pipe(
    v.string(message),
    v.regex(/^\d{1,9}$/, message),
    v.transform(Number),
    v.minValue(lowest, message),
    v.maxValue(highest, message),
  )
}

export const FOUR_CHARACTERS: v.GenericSchema<unknown, string> = v.pipe(
  v.string('must be 4 printable ASCII characters'),
  v.regex(/^[!-~]{4}$/, 'must be 4 printable ASCII characters'),
)

const TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/
const NO_TIME = 'must be a time such as 2026-06-01T12:00:00Z'

export const TIMESTAMP: v.GenericSchema<unknown, Date> = v.pipe(
  v.string(NO_TIME),
  // A `+` that was not written %2B arrives as a space.
  v.transform((written) => written.replace(' ', '+')),
  v.regex(TIME, NO_TIME),
  v.transform((written) => new Date(written)),
  v.check((date) => !Number.isNaN(date.getTime()), NO_TIME),
)

export interface Page {
  readonly after?: string
  readonly limit: number
}

const PageSchema = fields({ after: v.optional(text(256)), limit: v.optional(count(1, MAX_PAGE)) })

/** `?after=&limit=` */
export function checkPage(query: unknown): Page {
  const { after, limit = DEFAULT_PAGE } = check(PageSchema, query, 'query')
  return { limit, ...(after !== undefined && { after }) }
}

const NoQuery = fields({})

export function checkNoQuery(query: unknown): void {
  check(NoQuery, query, 'query')
}

const DeviceParams = fields({ cloud_id: FOUR_CHARACTERS, id: v.optional(text(256)) })

/** `{cloud_id}`, and `{id}` where the path has one. */
export function checkDevicePath(params: unknown): { readonly cloudId: string; readonly id: string } {
  const { cloud_id: cloudId, id = '' } = check(DeviceParams, params, 'path')
  return { cloudId, id }
}

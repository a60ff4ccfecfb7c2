import { EPOCH_2018 } from './epoch.ts'

/** What stands behind `/?` in a topic. docs/protocols/emitter.md §1.3 */
export interface TopicOptions {
  /** Seconds that a published message is stored; `undefined`: not at all, and so is 0. */
  readonly ttl: number | undefined
  /** False: not to the connection that publishes (`me=0`). */
  readonly me: boolean
  /** How many stored messages are wanted. */
  readonly last: number | undefined
  /** Unix seconds, inclusive, within {@link EARLIEST} and {@link LATEST}. */
  readonly from: number | undefined
  readonly until: number | undefined
}

/** The years of the protocol, in unix seconds: `from` and `until` outside of them count as not given. */
export const EARLIEST: number = EPOCH_2018
export const LATEST = 3_029_529_600

/** Of a topic without options. */
const NO_OPTIONS: TopicOptions = {
  ttl: undefined,
  me: true,
  last: undefined,
  from: undefined,
  until: undefined,
}

/** An empty list and a final `&` are good: Python's SDK sends both. */
const WELL_FORMED = /^(?:[0-9A-Za-z]+=[0-9A-Za-z]+(?:&[0-9A-Za-z]+=[0-9A-Za-z]+)*&?)?$/

/** The options in `ttl=5&me=0`, `undefined` if the list is malformed. Unknown names are passed over. */
export function parseOptions(query: string): TopicOptions | undefined {
  if (query === '') return NO_OPTIONS
  if (!WELL_FORMED.test(query)) return undefined
  return {
    ttl: integer(findOption(query, 'ttl')),
    me: integer(findOption(query, 'me')) !== 0,
    last: integer(findOption(query, 'last')),
    from: moment(findOption(query, 'from')),
    until: moment(findOption(query, 'until')),
  }
}

/**
 * The value of an option in a list that the topic was taken with: of several with one name the first. Names are
 * case-sensitive.
 *
 * @example
 * ```ts
 * import { findOption } from '@halyard/wire/emitter'
 * console.log(findOption('ttl=5&req=7&ttl=9', 'ttl'), findOption('ttl=5', 'TTL')) // 5 undefined
 * ```
 */
export function findOption(query: string, name: string): string | undefined {
  const wanted = `${name}=`
  let at = query.startsWith(wanted) ? 0 : query.indexOf(`&${wanted}`) + 1
  if (at === 0 && !query.startsWith(wanted)) return undefined
  at += wanted.length
  const end = query.indexOf('&', at)
  return query.slice(at, end < 0 ? undefined : end)
}

const MAX_INT64 = '9223372036854775807'

/** A decimal of 64 bits, else `undefined`. Above 2^53 the last digits are lost, which no option minds. */
function integer(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d+$/.test(text)) return undefined
  const digits = text.replace(/^0+(?=\d)/, '')
  if (digits.length > MAX_INT64.length || (digits.length === MAX_INT64.length && digits > MAX_INT64)) return undefined
  return Number(digits)
}

function moment(text: string | undefined): number | undefined {
  const seconds = integer(text)
  return seconds !== undefined && seconds >= EARLIEST && seconds <= LATEST ? seconds : undefined
}

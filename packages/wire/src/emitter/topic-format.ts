import { EmitterEncodeError } from './errors.ts'
import { EARLIEST, LATEST } from './topic-options.ts'
import { parseTopic } from './topic.ts'

/** What stands behind a channel; what is `undefined` or `null` is left out. */
export interface OptionParts {
  /** Seconds; 0 is left out. */
  readonly ttl?: number | null
  /** Only `false` is written. */
  readonly me?: boolean
  /** 0: no stored messages. Left out, the broker sends one. */
  readonly last?: number | null
  /** Unix seconds, from 2018 to 2065 */
  readonly from?: number | null
  readonly until?: number | null
}

export interface ChannelParts extends OptionParts {
  /** Slashes around it do not matter, and `a/#` is `a/#/`. */
  readonly channel: string
  readonly group?: string
}

export interface TopicParts extends ChannelParts {
  readonly key: string
}

/**
 * The topic that a client sends: `key/$share/group/channel/?ttl=5&me=0`. {@link parseTopic} reads it back.
 *
 * @throws {EmitterEncodeError} `ERR_EMITTER_UNENCODABLE` for a key, channel, group or option that Emitter's grammar does
 *   not have, or that brokers pass over without a word.
 *
 * @example
 * ```ts
 * import { formatTopic } from '@halyard/wire/emitter'
 * console.log(formatTopic({ key: 'k8Kz2fTf', channel: '/sensors/kitchen', me: false })) // k8Kz2fTf/sensors/kitchen/?me=0
 * ```
 */
export function formatTopic(parts: TopicParts): string {
  const key = trimSlashes(parts.key)
  if (key === '') throw unencodable('the key is empty; give the key of the channel')
  if (key.includes('/')) throw unencodable('the key holds a slash; give the key alone, and the channel apart from it')
  return `${key}/${formatChannel(parts)}`
}

/** The same without the key, as a link is made for: `channel/?ttl=5&me=0`. Throws as {@link formatTopic} does. */
export function formatChannel(parts: ChannelParts): string {
  const plain = normaliseChannel(parts.channel)
  if (plain === '/') throw unencodable('the channel is empty; give at least one segment')
  const group = parts.group
  if (group !== undefined && !/^[^/+#*?]+$/.test(group))
    throw unencodable('a share group is a segment without wildcards')
  const channel = group === undefined ? plain : `$share/${group}/${plain}`
  const parsed = parseTopic(`key/${channel}`)
  if ('problem' in parsed) throw unencodable(parsed.problem)
  checkWildcards(parsed.segments)
  if (parsed.query !== '') throw unencodable('the channel holds options; give them as options')
  const options = formatOptions(parts)
  return options === '' ? channel : `${channel}?${options}`
}

/** Brokers take these, and nothing ever arrives. */
function checkWildcards(segments: readonly string[]): void {
  if (segments.includes('*'))
    throw unencodable('* in a channel matches nothing; + is any one segment, a final # all below')
  if (segments.slice(0, -1).includes('#'))
    throw unencodable('# in a channel must be its last segment; + is any one segment')
}

/** The channel without slashes in front and with one behind, which is how the broker wants it. */
export function normaliseChannel(channel: string): string {
  return `${trimSlashes(channel)}/`
}

function formatOptions(parts: OptionParts): string {
  const options: string[] = []
  const put = (name: string, value: number | null | undefined): void => {
    if (value === null || value === undefined) return
    if (!Number.isSafeInteger(value) || value < 0)
      throw unencodable(`${name} must be a whole number from 0, not ${value}`)
    options.push(`${name}=${value}`)
  }
  put('ttl', parts.ttl === 0 ? undefined : parts.ttl)
  if (parts.me === false) options.push('me=0')
  put('last', parts.last)
  put('from', checkMoment('from', parts.from))
  put('until', checkMoment('until', parts.until))
  return options.join('&')
}

/** Brokers read a moment outside of their years as "not given", and would answer with too much. */
function checkMoment(name: string, seconds: number | null | undefined): number | null | undefined {
  if (seconds === null || seconds === undefined || (seconds >= EARLIEST && seconds <= LATEST)) return seconds
  throw unencodable(`${name} must lie from ${EARLIEST} to ${LATEST} unix seconds, not ${seconds}`)
}

function trimSlashes(text: string): string {
  let from = 0
  let end = text.length
  while (from < end && text[from] === '/') from++
  while (end > from && text[end - 1] === '/') end--
  return text.slice(from, end)
}

function unencodable(message: string): EmitterEncodeError {
  return new EmitterEncodeError('ERR_EMITTER_UNENCODABLE', message)
}

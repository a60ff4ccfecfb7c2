/// <reference lib="esnext.disposable" preserve="true" />
import { MAX_STRING_BYTES, utf8Length } from './utf8.ts'

/** Topic names and topic filters: 5.0 §4.7 and §4.8.2, 3.1.1 §4.7. No normalisation anywhere [MQTT-4.7.3-4]. */

const SLASH = 0x2f
const PLUS = 0x2b
const HASH = 0x23
const DOLLAR = 0x24

/** Names and filters: what is wrong with one, for a message, or `undefined`. */
export type TopicProblem = string | undefined

export interface TopicLimits {
  /** levels of a name or filter; none */
  readonly maxLevels?: number
}

export function hasWildcard(topic: string): boolean {
  for (let i = 0; i < topic.length; i++) {
    const unit = topic.charCodeAt(i)
    if (unit === PLUS || unit === HASH) return true
  }
  return false
}

/** `a//b` has three levels, `/` has two. */
export function countLevels(topic: string): number {
  let levels = 1
  for (let i = 0; i < topic.length; i++) if (topic.charCodeAt(i) === SLASH) levels++
  return levels
}

/**
 * What keeps a text from being a topic name, to publish to; `undefined` for a good one.
 *
 * @example
 * ```ts
 * import { checkTopicName } from '@halyard/wire/mqtt'
 * console.log(checkTopicName('sensors/+/temperature')) // it has a wildcard, which only filters have
 * ```
 */
export function checkTopicName(name: string, limits: TopicLimits = {}): TopicProblem {
  // [MQTT-3.3.2-2], [MQTT-4.7.0-1]; 3.1.1 [MQTT-4.7.1-1]
  return hasWildcard(name) ? 'it has a wildcard, which only filters have' : checkText(name, limits)
}

/** What keeps a text from being a topic filter, `$share` ones included; `undefined` for a good one. */
export function checkFilter(filter: string, limits: TopicLimits = {}): TopicProblem {
  const problem = checkText(filter, limits)
  if (problem) return problem
  if (!isShared(filter)) return checkWildcards(filter)
  const shared = parseShared(filter)
  return shared ? checkWildcards(shared.filter) : 'it is not $share/<name>/<filter> with a name without + and #'
}

function checkText(text: string, { maxLevels }: TopicLimits): TopicProblem {
  // [MQTT-4.7.3-1] to [MQTT-4.7.3-3]
  if (text.length === 0) return 'it is empty'
  try {
    utf8Length(text)
  } catch {
    return `it holds U+0000 or half of a surrogate pair, or takes more than ${MAX_STRING_BYTES} bytes`
  }
  if (maxLevels !== undefined && countLevels(text) > maxLevels) return `it has more than ${maxLevels} levels`
  return undefined
}

function checkWildcards(filter: string): TopicProblem {
  for (let i = 0; i < filter.length; i++) {
    const unit = filter.charCodeAt(i)
    if (unit !== PLUS && unit !== HASH) continue
    // `charCodeAt` beyond the ends is NaN.
    const begins = i === 0 || filter.charCodeAt(i - 1) === SLASH
    const last = i === filter.length - 1
    // [MQTT-4.7.1-1] of 5.0, [MQTT-4.7.1-2] of 3.1.1
    if (unit === HASH && !(begins && last)) return 'its # is not a last level of its own'
    // [MQTT-4.7.1-2] of 5.0, [MQTT-4.7.1-3] of 3.1.1
    if (unit === PLUS && !(begins && (last || filter.charCodeAt(i + 1) === SLASH))) return 'its + is not a whole level'
  }
  return undefined
}

const SHARE = '$share/'

/** Whether a filter claims to be shared, however badly [MQTT-4.8.2-1]. */
export function isShared(filter: string): boolean {
  return filter.startsWith(SHARE)
}

/**
 * The parts of `$share/<group>/<filter>`; `undefined` for any other filter, and for a group without a name or with a
 * wildcard in it, or nothing behind it [MQTT-4.8.2-2].
 */
export function parseShared(filter: string): { readonly group: string; readonly filter: string } | undefined {
  if (!isShared(filter)) return undefined
  const slash = filter.indexOf('/', SHARE.length)
  const group = filter.slice(SHARE.length, slash)
  if (slash <= SHARE.length || slash === filter.length - 1 || hasWildcard(group)) return undefined
  return { group, filter: filter.slice(slash + 1) }
}

/**
 * Whether a filter (of a shared one: the part behind the group) matches a topic name, both of them checked before.
 *
 * @example
 * ```ts
 * import { matches } from '@halyard/wire/mqtt'
 * console.log(matches('a/#', 'a'), matches('#', '$SYS/uptime'), matches('$SYS/#', '$SYS/uptime')) // true false true
 * ```
 */
export function matches(filter: string, topic: string): boolean {
  const first = filter.charCodeAt(0)
  // [MQTT-4.7.2-1]
  if (topic.charCodeAt(0) === DOLLAR && (first === HASH || first === PLUS)) return false
  let at = 0
  let i = 0
  for (; i < filter.length; i++) {
    const unit = filter.charCodeAt(i)
    if (unit === HASH) return true
    if (unit === PLUS) {
      while (at < topic.length && topic.charCodeAt(at) !== SLASH) at++
    } else if (at < topic.length && topic.charCodeAt(at) === unit) at++
    // `a/#` also matches its parent level, `a`: 5.0 §4.7.1.2.
    else return at === topic.length && unit === SLASH && filter.charCodeAt(i + 1) === HASH
  }
  return at === topic.length
}

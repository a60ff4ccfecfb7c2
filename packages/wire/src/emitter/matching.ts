/** `emitter`: a subscription gets everything below its channel. `mqtt`: what its levels say. docs/protocols/emitter.md §1.6 */
export type Matcher = 'emitter' | 'mqtt'

/**
 * Whether a subscription to `filter` gets what is published to `channel`. Both are channels as {@link parseTopic} gives
 * them, with their final slash and without a share group; `channel` is a static one.
 *
 * @example
 * ```ts
 * import { matchesChannel } from '@halyard/wire/emitter'
 * console.log(matchesChannel('emitter', 'a/', 'a/b/'), matchesChannel('mqtt', 'a/', 'a/b/')) // true false
 * ```
 */
export function matchesChannel(matcher: Matcher, filter: string, channel: string): boolean {
  return matcher === 'emitter' ? matchesPrefix(filter, channel) : matchesLevels(filter, channel)
}

const SLASH = 0x2f
const PLUS = 0x2b
const HASH_SEGMENT = '#/'

/**
 * The filter is a prefix of the channel, segment by segment, with `+` for any one. A final `#` says what a prefix means
 * anyway, and so `a/#/` is `a/`. In the original, such a subscription is accepted and receives nothing.
 */
function matchesPrefix(filter: string, channel: string): boolean {
  return walk(filter, filter.length - (endsWithHash(filter) ? HASH_SEGMENT.length : 0), channel) !== undefined
}

/** Segment by segment, as many of the one as of the other; a final `#` is one or more, never the parent level. */
function matchesLevels(filter: string, channel: string): boolean {
  if (!endsWithHash(filter)) return walk(filter, filter.length, channel) === channel.length
  const end = walk(filter, filter.length - HASH_SEGMENT.length, channel)
  return end !== undefined && end < channel.length
}

function endsWithHash(filter: string): boolean {
  return filter === HASH_SEGMENT || filter.endsWith('/#/')
}

/** How far the channel goes along with `filter[0, end)`; `undefined` if they part. */
function walk(filter: string, end: number, channel: string): number | undefined {
  let at = 0
  for (let i = 0; i < end; i++) {
    const unit = filter.charCodeAt(i)
    if (at >= channel.length) return undefined
    if (unit === PLUS) while (at < channel.length && channel.charCodeAt(at) !== SLASH) at++
    else if (channel.charCodeAt(at) === unit) at++
    else return undefined
  }
  return at
}

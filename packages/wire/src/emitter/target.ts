import type { Refusal } from './failures.ts'
import { channelHash } from './hash.ts'

/** The channels that a key is for. docs/protocols/emitter.md §3.4 */
export interface KeyTarget {
  /** 24 bits: bit 23 is "this depth and no deeper", bit 22 − i says that segment i is spelled out, not `+`. */
  readonly path: number
  /** {@link channelHash} of the segments, joined by slashes. */
  readonly hash: number
}

/** A final `#` does not count. */
export const MAX_TARGET_SEGMENTS = 23

const EXACT = 1 << MAX_TARGET_SEGMENTS

/**
 * The target of a channel, which must end with a slash; a final `#` takes in all that is below. As in the original,
 * nothing else of the channel is looked at: a key can be made for `te st/` or `/`, which nobody can ever use.
 *
 * @example
 * ```ts
 * import { encodeTarget, targetAllows } from '@halyard/wire/emitter'
 * const target = encodeTarget('a/#/')
 * if ('refusal' in target) throw new Error(target.refusal)
 * console.log(targetAllows(target, 'a/b/'), targetAllows(target, 'b/')) // true false
 * ```
 */
export function encodeTarget(channel: string): KeyTarget | Refusal {
  if (!channel.endsWith('/')) return { refusal: 'bad-target' }
  const segments = channel.replace(/\/+$/, '').split('/')
  const open = segments.at(-1) === '#'
  if (open) segments.pop()
  if (segments.length > MAX_TARGET_SEGMENTS) return { refusal: 'target-too-long' }
  let path = open ? 0 : EXACT
  for (const [i, segment] of segments.entries()) if (segment !== '+' && segment !== '#') path |= bitOf(i)
  return { path, hash: channelHash(segments.join('/')) }
}

/**
 * Whether the original lets a key with this target at a channel, which is written with its final slash and with
 * `$share/<group>/` if it has one. It is not always what was meant:
 *
 * - `a/+/` and `a/+/#/` allow nothing, and `+/#/` only channels that begin with a literal `+`: the depth is read from the
 *   lowest bit, which a trailing `+` does not have, and the hash is that of the deeper text. {@link targetCovers} mends it.
 * - `+/` allows `a/#/` too, though not `a/b/`: the final `#` of what is asked for is cut off.
 * - path 0 without the hash of `#/` is a key from before there were paths, for one segment and all below.
 */
export function targetAllows(target: KeyTarget, channel: string): boolean {
  if (channel === '') return false
  if (target.path === 0) {
    return target.hash === channelHash('') || target.hash === channelHash(channel.split('/', 1)[0]!)
  }
  const segments = segmentsOf(channel)
  const depth = depthOf(target.path) ?? segments.length
  if (!fits(target, segments, depth)) return false
  return mask(target, segments, depth) === target.hash
}

/**
 * As {@link targetAllows}, and also what a target with `+` at its end says: `a/+/` is for `a/b/`, `a/+/#/` for that and
 * all below, `+/#/` for everything. A target is still known by its hash alone, so that nothing is allowed which the
 * channel that the key was made for does not say.
 */
export function targetCovers(target: KeyTarget, channel: string): boolean {
  if (targetAllows(target, channel)) return true
  const segments = segmentsOf(channel)
  const written = depthOf(target.path) ?? 0
  const deepest = Math.min(segments.length, MAX_TARGET_SEGMENTS)
  // The depth that was meant is not in the key: it is the one whose text has the hash.
  for (let depth = written + 1; depth <= deepest; depth++) {
    if (fits(target, segments, depth) && mask(target, segments, depth) === target.hash) return true
  }
  return false
}

function bitOf(segment: number): number {
  return 1 << (MAX_TARGET_SEGMENTS - 1 - segment)
}

/** How many segments there are up to the last that is spelled out; `undefined` if none is. */
function depthOf(path: number): number | undefined {
  const bits = path & ~EXACT
  // The lowest bit alone, as a number.
  return bits === 0 ? undefined : MAX_TARGET_SEGMENTS - (31 - Math.clz32(bits & -bits))
}

function segmentsOf(channel: string): string[] {
  const segments = channel.replace(/\/$/, '').split('/')
  if (segments.at(-1) === '#') segments.pop()
  return segments
}

function fits({ path }: KeyTarget, segments: readonly string[], depth: number): boolean {
  return (path & EXACT) === 0 ? segments.length >= depth : segments.length === depth
}

/** The hash of the channel as the target would spell it; `undefined` if it asks for `+` where the target has a name. */
function mask({ path }: KeyTarget, segments: readonly string[], depth: number): number | undefined {
  let text = ''
  for (let i = 0; i < depth; i++) {
    const named = i < MAX_TARGET_SEGMENTS && (path & bitOf(i)) !== 0
    if (named && segments[i] === '+') return undefined
    const separator = i === 0 ? '' : '/'
    text += separator + (named ? segments[i]! : '+')
  }
  return channelHash(text)
}

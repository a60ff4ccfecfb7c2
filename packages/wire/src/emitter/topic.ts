import type { Problem } from './errors.ts'
import { parseOptions } from './topic-options.ts'
import type { TopicOptions } from './topic-options.ts'

/**
 * What Emitter's clients publish and subscribe to. docs/protocols/emitter.md §1
 *
 * ```
 * topic   = key "/" channel [ "?" options ]
 * channel = 1*( segment "/" )
 * segment = "+" / "#" / "*" / 1*( "-" / "." / %x30-3A / %x41-7A / "$" )    digits, ":", letters, [ \ ] ^ _ `
 * options = [ option *( "&" option ) [ "&" ] ]
 * option  = 1*( ALPHA / DIGIT ) "=" 1*( ALPHA / DIGIT )
 * ```
 */
export interface EmitterChannel {
  /**
   * `a/b/`: with its final slash, without options. A share group stays in front (`$share/g/a/`), for that is what a key
   * must authorise.
   */
  readonly channel: string
  /** `['a', 'b']` */
  readonly segments: readonly string[]
  /** Messages are published to static channels alone. */
  readonly kind: 'static' | 'wildcard'
  /** The options as they were written, without `?`; `''` */
  readonly query: string
  readonly options: TopicOptions
  /** Of `$share/g/a/`: the group `g` of the channel `a/`. */
  readonly share: ShareGroup | undefined
}

export interface EmitterTopic extends EmitterChannel {
  /** All before the first slash; its length is not looked at. `emitter` asks the broker itself ({@link requestOf}). */
  readonly key: string
}

export interface ShareGroup {
  readonly group: string
  /** What the members of the group share, with its final slash. */
  readonly channel: string
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Reads a topic, or says what is wrong with it. Never throws; linear in the length of the topic.
 *
 * @example
 * ```ts
 * import { parseTopic } from '@halyard/wire/emitter'
 * const topic = parseTopic('k8Kz2fTf/sensors/kitchen/?ttl=60&me=0')
 * if ('problem' in topic) throw new Error(topic.problem)
 * console.log(topic.channel, topic.kind, topic.options.ttl, topic.options.me) // sensors/kitchen/ static 60 false
 * ```
 */
export function parseTopic(topic: string | Uint8Array): EmitterTopic | Problem {
  const text = typeof topic === 'string' ? topic : decoder.decode(topic)
  const slash = text.indexOf('/')
  if (slash < 0) return { problem: 'the topic has no slash; it is key/channel/' }
  if (slash === 0) return { problem: 'the topic begins with a slash; it is key/channel/' }
  const read = parse(text, slash + 1)
  if ('problem' in read) return read
  const { channel, segments, kind, query, options, share } = read
  return { key: text.slice(0, slash), channel, segments, kind, query, options, share }
}

/** The same for a channel without a key, as links and requests for presence name it: `a/b/?ttl=5`. */
export function parseChannel(channel: string): EmitterChannel | Problem {
  return parse(channel, 0)
}

const SLASH = 0x2f
const QUESTION_MARK = 0x3f

function parse(text: string, from: number): EmitterChannel | Problem {
  const segments: string[] = []
  let kind: EmitterChannel['kind'] = 'static'
  let start = from
  let at = from
  for (; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === SLASH) {
      if (at === start) return { problem: `segment ${segments.length + 1} of the channel is empty` }
      segments.push(text.slice(start, at))
      start = at + 1
    } else if (unit === QUESTION_MARK) break
    else if (isWildcard(unit)) {
      if (at !== start || text.charCodeAt(at + 1) !== SLASH) return wildcardProblem(text, at, start)
      kind = 'wildcard'
    } else if (!isSegmentUnit(unit)) {
      return { problem: `segment ${segments.length + 1} of the channel holds a character that channels do not have` }
    }
  }
  if (start !== at) return { problem: 'the channel must end with a slash' }
  if (segments.length === 0) return { problem: 'there is no channel' }
  const query = text.slice(at + 1)
  const options = parseOptions(query)
  if (!options) return { problem: 'the options behind ? are not name=value, joined by &, of letters and digits' }
  return { channel: text.slice(from, at), segments, kind, query, options, share: shareOf(segments) }
}

function wildcardProblem(text: string, at: number, start: number): Problem {
  const cut = at === start && at === text.length - 1
  return {
    problem: cut ? 'the channel must end with a slash' : `${text[at]} in a channel must be a whole segment`,
  }
}

/** `+`, `#` and `*`, which the grammar knows and no matcher. */
function isWildcard(unit: number): boolean {
  return unit === 0x2b || unit === 0x23 || unit === 0x2a
}

function isSegmentUnit(unit: number): boolean {
  return (unit >= 0x2d && unit <= 0x3a) || (unit >= 0x41 && unit <= 0x7a) || unit === 0x24
}

const SHARE = '$share'

function shareOf(segments: readonly string[]): ShareGroup | undefined {
  const [share, group] = segments
  if (share !== SHARE || group === undefined || segments.length < 3) return undefined
  // `$share/+/a/` is what a key may be for; nobody can be a member of every group.
  if (isWildcard(group.charCodeAt(0))) return undefined
  return { group, channel: `${segments.slice(2).join('/')}/` }
}

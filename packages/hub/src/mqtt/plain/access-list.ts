/** Which topics an account may publish to and subscribe to. Filters are those of MQTT, `%u` is its name, `%c` the client id. */
import type { Access, AccessRule } from '../../domain/mqtt-account-book.ts'
import { endOfLevel, fits, isServerTopic } from '../../domain/topics/filter.ts'

export interface Subject {
  readonly username: string
  readonly clientId: string
}

/** What holds for an account without a list: everything but the server's own topics, which it may read. */
export const FULL_ACCESS: readonly AccessRule[] = [
  { filter: '#', access: 'readwrite' },
  { filter: '$SYS/#', access: 'read' },
]

/** The list of one connection, its names put in. A `deny` wins over whatever else fits. */
export class AccessList {
  readonly #readable: readonly string[]
  readonly #writable: readonly string[]
  readonly #denied: readonly string[]

  constructor(rules: readonly AccessRule[], subject: Subject) {
    const filters = (wanted: readonly Access[]): string[] => {
      const meant = rules.filter(({ access }) => wanted.includes(access))
      // A copy is as long as it must be; what has grown has room for sixteen more, in each of many sessions.
      return [...meant.flatMap((rule) => filled(rule, subject) ?? [])]
    }
    this.#readable = filters(['read', 'readwrite'])
    this.#writable = filters(['write', 'readwrite'])
    this.#denied = filters(['deny'])
  }

  mayPublish(topic: string): boolean {
    return (
      this.#writable.some((filter) => allows(filter, topic)) && !this.#denied.some((filter) => allows(filter, topic))
    )
  }

  /** Only if one rule covers all that the filter could bring, and nothing of it is denied. */
  maySubscribe(filter: string): boolean {
    return this.#readable.some((rule) => covers(rule, filter)) && !this.#denied.some((rule) => mayMeet(rule, filter))
  }
}

/** What a name may not hold in a rule that gives: it would open more than its own. A client chooses its id. */
const OPENS_MORE = /[+#/]|^$/
/** In one that takes away: no topic has such a name in it, and as a wildcard it would take from others. */
const IS_NO_TOPIC = /[+#]/

/** The filter with the names put in; `undefined`: the rule counts for nothing. */
function filled({ filter, access }: AccessRule, { username, clientId }: Subject): string | undefined {
  const foreign = access === 'deny' ? IS_NO_TOPIC : OPENS_MORE
  if (filter.includes('%u') && foreign.test(username)) return undefined
  if (filter.includes('%c') && foreign.test(clientId)) return undefined
  const text = filter.replaceAll(/%[uc]/g, (word) => (word === '%u' ? username : clientId))
  // Who is called `$SYS` has no more to do with the server's own topics than others.
  return access !== 'deny' && passesBy(filter, text) ? undefined : text
}

function allows(rule: string, topic: string): boolean {
  return fits(rule, 0, topic, 0) && !passesBy(rule, topic)
}

/** Whether every topic that fits `filter` fits `rule`. */
function covers(rule: string, filter: string): boolean {
  if (passesBy(rule, filter)) return false
  return walk(rule, filter, (ours, theirs) => (ours === '+' ? theirs !== '#' : ours === theirs), 'covers')
}

/** Whether there is a topic that fits both. */
function mayMeet(rule: string, filter: string): boolean {
  if (passesBy(rule, filter) || passesBy(filter, rule)) return false
  return walk(rule, filter, (ours, theirs) => ours === '+' || theirs === '+' || ours === theirs, 'meets')
}

function walk(
  rule: string,
  filter: string,
  isSame: (ours: string, theirs: string) => boolean,
  question: 'covers' | 'meets',
): boolean {
  let r = 0
  let f = 0
  for (;;) {
    const ours = levelAt(rule, r)
    const theirs = levelAt(filter, f)
    // `a/#` has `a` in it.
    if (ours === '#') return true
    if (theirs === '#' && question === 'meets') return true
    if (ours === undefined || theirs === undefined) return ours === theirs
    if (!isSame(ours, theirs)) return false
    r += ours.length + 1
    f += theirs.length + 1
  }
}

function levelAt(text: string, at: number): string | undefined {
  return at > text.length ? undefined : text.slice(at, endOfLevel(text, at))
}

/** A rule that begins with a wildcard says nothing of the server's own topics. */
function passesBy(rule: string, other: string): boolean {
  return isServerTopic(other) && !isServerTopic(rule)
}

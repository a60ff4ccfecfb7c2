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
    const filters = (wanted: readonly Access[]): string[] =>
      rules.filter(({ access }) => wanted.includes(access)).flatMap(({ filter }) => filled(filter, subject) ?? [])
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

/** A name with a wildcard or a slash in it would open more than its own: the rule is left out then. */
function filled(filter: string, { username, clientId }: Subject): string | undefined {
  const usesForeign =
    (filter.includes('%u') && /[+#/]|^$/.test(username)) || (filter.includes('%c') && /[+#/]|^$/.test(clientId))
  return usesForeign ? undefined : filter.replaceAll(/%[uc]/g, (word) => (word === '%u' ? username : clientId))
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
    if (ours === '#') return true
    if (theirs === '#' && question === 'meets') return true
    if (ours === undefined || theirs === undefined) {
      if (ours === theirs) return true
      // `a` and `a/#` meet in `a`.
      return question === 'meets' && theirs === undefined && ours === '#'
    }
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

import { endOfLevel, isServerTopic } from './filter.ts'

export interface Retainable {
  /** Monotonic ms; Infinity: never. */
  readonly expiresAt: number
}

export interface RetainedLimits {
  readonly retainedMessages: number
  readonly retainedBytes: number
}

/** A message that is, or was, the retained one of its topic. */
export interface Retained<M> {
  readonly message: M
  /** False as soon as another has taken its place, or nothing. */
  readonly isCurrent: boolean
}

/** The last retained message of each topic of a space: a trie of levels, since they are asked for by filter. */
export class RetainedStore<M extends Retainable> {
  readonly #limits: RetainedLimits
  readonly #root = new Level<M>()
  #count = 0
  #sets = 0
  #bytes = 0

  constructor(limits: RetainedLimits) {
    this.#limits = limits
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  /** False: there is no room for it. `bytes`: what it counts against the limit. */
  set(topic: string, message: M, bytes: number): boolean {
    if (!this.hasRoomFor(topic, bytes)) return false
    this.restore(topic, message, bytes)
    return true
  }

  /** One that was taken before, whatever the limits are now. */
  restore(topic: string, message: M, bytes: number): void {
    const level = this.#grow(topic)
    const previous = level.kept
    level.kept = { message, bytes, number: ++this.#sets, isCurrent: true }
    if (previous) previous.isCurrent = false
    else this.#count++
    this.#bytes += bytes - (previous?.bytes ?? 0)
  }

  /** Whether {@link set} would take it. */
  hasRoomFor(topic: string, bytes: number): boolean {
    const { retainedMessages, retainedBytes } = this.#limits
    const previous = this.#find(topic)?.kept
    const more = bytes - (previous?.bytes ?? 0)
    // The limits may have been higher once: what takes no more than the one before always has room.
    const isCounted = previous !== undefined || this.#count < retainedMessages
    return isCounted && (more <= 0 || this.#bytes + more <= retainedBytes)
  }

  get(topic: string): M | undefined {
    return this.#find(topic)?.kept?.message
  }

  /** Of all that are there, in no order. */
  topics(): string[] {
    const found: string[] = []
    const visit = (level: Level<M>, topic: string): void => {
      if (level.kept) found.push(topic)
      for (const [name, below] of level.levels ?? []) visit(below, `${topic}/${name}`)
    }
    for (const [name, below] of this.#root.levels ?? []) visit(below, name)
    return found
  }

  /** False if there was none. */
  remove(topic: string): boolean {
    return this.#remove(this.#root, topic, 0)
  }

  /** How many were ever set: what {@link match} takes for a moment to look back to. */
  get sets(): number {
    return this.#sets
  }

  /**
   * The messages whose topics fit, in no order; those that have expired at `now` are left out, and those that came behind
   * the first `upTo`.
   */
  match(filter: string, now: number, upTo: number = Infinity): Retained<M>[] {
    const found: Retained<M>[] = []
    const isMeant = ({ message, number }: Kept<M>): boolean => message.expiresAt > now && number <= upTo
    collect(this.#root, filter, 0, (kept) => isMeant(kept) && found.push(kept), true)
    return found
  }

  /** Removes what has expired; gives how many. Looks at all: for once a minute. */
  sweep(now: number): number {
    const expired = this.topics().filter((topic) => (this.get(topic)?.expiresAt ?? Infinity) <= now)
    for (const topic of expired) this.remove(topic)
    return expired.length
  }

  #find(topic: string): Level<M> | undefined {
    let level: Level<M> | undefined = this.#root
    for (let at = 0; at <= topic.length && level;) {
      const end = endOfLevel(topic, at)
      level = level.levels?.get(topic.slice(at, end))
      at = end + 1
    }
    return level
  }

  #grow(topic: string): Level<M> {
    let level = this.#root
    for (let at = 0; at <= topic.length;) {
      const end = endOfLevel(topic, at)
      level = level.below(topic.slice(at, end))
      at = end + 1
    }
    return level
  }

  #remove(level: Level<M>, topic: string, at: number): boolean {
    if (at > topic.length) {
      if (!level.kept) return false
      this.#count--
      this.#bytes -= level.kept.bytes
      level.kept.isCurrent = false
      level.kept = undefined
      return true
    }
    const end = endOfLevel(topic, at)
    const name = topic.slice(at, end)
    const below = level.levels?.get(name)
    if (!below || !this.#remove(below, topic, end + 1)) return false
    if (below.isEmpty) level.levels?.delete(name)
    return true
  }
}

interface Kept<M> {
  readonly message: M
  readonly bytes: number
  /** In the order in which they were set. */
  readonly number: number
  isCurrent: boolean
}

class Level<M> {
  levels: Map<string, Level<M>> | undefined = undefined
  kept: Kept<M> | undefined = undefined

  get isEmpty(): boolean {
    return this.kept === undefined && (this.levels === undefined || this.levels.size === 0)
  }

  below(name: string): Level<M> {
    this.levels ??= new Map()
    let level = this.levels.get(name)
    if (!level) this.levels.set(name, (level = new Level()))
    return level
  }
}

/** Walks the levels of a filter; `isFirst`: a wildcard here passes the server's own topics by. */
function collect<M>(
  level: Level<M>,
  filter: string,
  at: number,
  visit: (kept: Kept<M>) => unknown,
  isFirst: boolean,
): void {
  if (at > filter.length) {
    if (level.kept) visit(level.kept)
    return
  }
  const end = endOfLevel(filter, at)
  const name = filter.slice(at, end)
  if (name === '#') return collectAll(level, visit, isFirst)
  if (name !== '+') {
    const below = level.levels?.get(name)
    if (below) collect(below, filter, end + 1, visit, false)
    return
  }
  for (const [other, below] of level.levels ?? []) {
    if (!(isFirst && isServerTopic(other))) collect(below, filter, end + 1, visit, false)
  }
}

function collectAll<M>(level: Level<M>, visit: (kept: Kept<M>) => unknown, isFirst: boolean): void {
  if (level.kept) visit(level.kept)
  for (const [name, below] of level.levels ?? []) {
    if (!(isFirst && isServerTopic(name))) collectAll(below, visit, false)
  }
}

import { encodePresenceChange, requestTopic } from '@halyard/wire/emitter'
import type { Matcher, PresenceWho } from '@halyard/wire/emitter'
import { Timed } from '../domain/timed.ts'
import { SubscriptionIndex } from '../domain/topics/subscription-index.ts'
import type { DialectConnection } from '../mqtt/dialect.ts'
import { filterInIndex, questionInIndex } from './channels.ts'
import { principalOf } from './principal.ts'
import { readChannel } from './topics.ts'

/** A connection that is subscribed to something, or watches. */
interface Member {
  readonly connection: DialectConnection
  readonly who: PresenceWho
  /** What it is subscribed to, and by which subscriptions: mostly one for each. */
  readonly channels: Map<string, string | Set<string>>
  /** Of these channels, and for how many of them. */
  readonly filters: Map<string, number>
  /** What it hears of, by channel. */
  readonly watches: Map<string, Watch>
}

interface Watch {
  readonly member: Member
  /** The id of its key. */
  readonly key: string
  readonly channel: string
  /** Its key's end: monotonic ms. */
  readonly validUntil: number
  /** Of the room that its connection has for such things. */
  readonly bytes: number
}

export interface PresenceParts {
  readonly matcher: Matcher
  /** Unix seconds. */
  readonly now: () => number
  readonly monotonic: () => number
  /** A watch has ended because its key has. */
  readonly ended: (connection: DialectConnection) => void
}

/**
 * Who is there. It stands on what the engine tells of connections and their subscriptions, so that whoever went without a
 * word has gone here too. docs/protocols/emitter.md §5.7
 */
export class Presence {
  readonly #parts: PresenceParts
  readonly #members = new Map<DialectConnection, Member>()
  readonly #subscribed = new SubscriptionIndex<Member>()
  readonly #watching = new SubscriptionIndex<Watch>()
  /** By their keys. */
  readonly #watchesOf = new Map<string, Set<Watch>>()
  readonly #timed = new Timed<Watch>()

  constructor(parts: PresenceParts) {
    this.#parts = parts
  }

  /** Everybody who would get what is published there; of a share group all members, since any of them may. */
  who(channel: string): PresenceWho[] {
    return this.#find(channel).map(({ who }) => who)
  }

  /** The connections of {@link who}. */
  connections(channel: string): DialectConnection[] {
    return this.#find(channel).map(({ connection }) => connection)
  }

  /** `name`: of the subscription. */
  joined(connection: DialectConnection, channel: string, name: string): void {
    const member = this.#memberOf(connection)
    const names = member.channels.get(channel)
    if (names instanceof Set) names.add(name)
    else member.channels.set(channel, names === undefined || names === name ? name : new Set([names, name]))
    if (names !== undefined) return
    for (const filter of this.#filtersOf(channel)) {
      const channels = member.filters.get(filter) ?? 0
      member.filters.set(filter, channels + 1)
      if (channels === 0) this.#subscribed.add(filter, member)
    }
    this.#tell('subscribe', member, channel)
  }

  left(connection: DialectConnection, channel: string, name: string): void {
    const member = this.#members.get(connection)
    const names = member?.channels.get(channel)
    if (member === undefined || names === undefined) return
    if (names instanceof Set ? !names.delete(name) || names.size > 0 : names !== name) return
    this.#leave(member, channel)
    this.#letGo(member)
  }

  /** Of its subscriptions to this very channel. */
  namesOf(connection: DialectConnection, channel: string): readonly string[] {
    const names = this.#members.get(connection)?.channels.get(channel)
    if (names === undefined) return []
    return names instanceof Set ? [...names] : [names]
  }

  /** The connection is over. */
  gone(connection: DialectConnection): void {
    const member = this.#members.get(connection)
    if (member === undefined) return
    for (const watch of member.watches.values()) this.#forget(watch)
    for (const channel of [...member.channels.keys()]) this.#leave(member, channel)
    this.#members.delete(connection)
  }

  /** In place of what it heard of this channel before. False: its connection, which may have `maxBytes`, has no room for it. */
  watch(connection: DialectConnection, wish: Omit<Watch, 'member'>, maxBytes: number): boolean {
    const { channel, bytes } = wish
    const member = this.#memberOf(connection)
    const before = member.watches.get(channel)
    if (before) this.#forget(before)
    if (!principalOf(connection).takeRoom(bytes, maxBytes)) {
      this.#letGo(member)
      return false
    }
    const watch: Watch = { member, ...wish }
    member.watches.set(channel, watch)
    this.#watching.add(filterInIndex(this.#parts.matcher, channel), watch)
    this.#timed.add(channel, watch)
    const others = this.#watchesOf.get(watch.key)
    if (others) others.add(watch)
    else this.#watchesOf.set(watch.key, new Set([watch]))
    return true
  }

  unwatch(connection: DialectConnection, channel: string): void {
    const member = this.#members.get(connection)
    const watch = member?.watches.get(channel)
    if (member === undefined || watch === undefined) return
    this.#forget(watch)
    this.#letGo(member)
  }

  /** Those of these keys end. */
  endWatches(keys: readonly string[]): void {
    this.#end(keys.flatMap((key) => [...(this.#watchesOf.get(key) ?? [])]))
  }

  /** Once a second: those whose keys have ended. */
  sweep(): void {
    this.#end(this.#timed.take(this.#parts.monotonic()).map(([watch]) => watch))
  }

  #end(watches: readonly Watch[]): void {
    for (const watch of watches) {
      this.#forget(watch)
      this.#letGo(watch.member)
    }
    for (const { member } of watches) this.#parts.ended(member.connection)
  }

  #find(channel: string): Member[] {
    const found: Member[] = []
    const question = questionInIndex(this.#parts.matcher, channel)
    this.#subscribed.match(question, found)
    if (!channel.startsWith('$share/')) this.#subscribed.match(`${SHARED}${question}`, found)
    return [...new Set(found)]
  }

  /** A member of a group is there for the channel and for its group. */
  #filtersOf(channel: string): readonly string[] {
    const { matcher } = this.#parts
    const plain = sharedChannelOf(channel)
    const own = filterInIndex(matcher, channel)
    return plain === undefined ? [own] : [own, `${SHARED}${filterInIndex(matcher, plain)}`]
  }

  #leave(member: Member, channel: string): void {
    member.channels.delete(channel)
    for (const filter of this.#filtersOf(channel)) {
      const channels = (member.filters.get(filter) ?? 0) - 1
      if (channels > 0) {
        member.filters.set(filter, channels)
        continue
      }
      member.filters.delete(filter)
      this.#subscribed.remove(filter, member)
    }
    this.#tell('unsubscribe', member, channel)
  }

  #tell(event: 'subscribe' | 'unsubscribe', { who }: Member, channel: string): void {
    if (this.#watching.size === 0) return
    const told = new Set<Watch>()
    for (const meant of [sharedChannelOf(channel), channel]) {
      if (meant === undefined) continue
      const watches: Watch[] = []
      this.#watching.match(questionInIndex(this.#parts.matcher, meant), watches)
      const now = this.#parts.monotonic()
      const fresh = watches.filter((watch) => !told.has(watch) && watch.validUntil > now)
      if (fresh.length === 0) continue
      const payload = encodePresenceChange({ time: this.#parts.now(), event, channel: meant, who })
      for (const connection of new Set(fresh.map(({ member }) => member.connection))) connection.send(TOPIC, payload)
      for (const watch of fresh) told.add(watch)
    }
  }

  #memberOf(connection: DialectConnection): Member {
    let member = this.#members.get(connection)
    if (member === undefined) {
      const { id, name } = principalOf(connection)
      const who = name === undefined ? { id } : { id, username: name }
      member = { connection, who, channels: new Map(), filters: new Map(), watches: new Map() }
      this.#members.set(connection, member)
    }
    return member
  }

  #forget(watch: Watch): void {
    const { member, channel, key, bytes } = watch
    this.#timed.remove(watch)
    const others = this.#watchesOf.get(key)
    others?.delete(watch)
    if (others?.size === 0) this.#watchesOf.delete(key)
    member.watches.delete(channel)
    principalOf(member.connection).giveRoom(bytes)
    this.#watching.remove(filterInIndex(this.#parts.matcher, channel), watch)
  }

  #letGo(member: Member): void {
    if (member.channels.size === 0 && member.watches.size === 0) this.#members.delete(member.connection)
  }
}

const TOPIC = requestTopic('presence')
/**
 * In front of what the members of groups share: a filter for that fits the names of other groups too, and who is in a group
 * is not asked of it. Wildcards pass by what begins with `$`.
 */
const SHARED = '$/'

/** Of `$share/g/a/`: `a/`. */
function sharedChannelOf(channel: string): string | undefined {
  return channel.startsWith('$share/') ? readChannel(channel)?.share?.channel : undefined
}

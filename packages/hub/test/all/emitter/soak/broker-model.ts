/**
 * Emitter's broker a second time, written from the words of docs/protocols/emitter.md: lists, loops and split texts, no
 * index, no hash, nothing remembered. Slow, and easy to believe.
 */
import type { Matcher } from '@halyard/wire/emitter'

export interface ModelKey {
  readonly text: string
  /** The channel it was made for. */
  readonly target: string
  /** Letters of `rwslpe`. */
  readonly letters: string
  /** `bad`: ended, or made by nobody. */
  state: 'good' | 'banned' | 'bad'
}

interface ModelSubscription {
  readonly key: ModelKey
  /** With its group. */
  readonly channel: string
}

export interface ModelClient {
  readonly number: number
  /** As the hub names its connection. */
  id: string
  readonly username: string | undefined
  /** By key and channel. */
  readonly subscriptions: Map<string, ModelSubscription>
  /** By channel: with which key it hears of changes. */
  readonly watches: Map<string, ModelKey>
  /** `key/channel/?options` */
  readonly links: Map<string, { readonly key: ModelKey; readonly channel: string; readonly query: string }>
  will: { readonly key: ModelKey; readonly channel: string; readonly payload: string } | undefined
  /** What it must have got since somebody has looked, in no order. */
  readonly owed: string[]
}

/** One of them gets it, who may be one that gets it anyway. */
export interface GroupDebt {
  readonly entry: string
  readonly members: readonly ModelClient[]
  /** A member that must not be the one. */
  readonly except: ModelClient | undefined
}

export interface Publishing {
  readonly me?: boolean
  readonly stored?: boolean
}

export class BrokerModel {
  readonly matcher: Matcher
  readonly clients = new Set<ModelClient>()
  readonly groupDebts: GroupDebt[] = []
  readonly history: { readonly channel: string; readonly payload: string }[] = []

  constructor(matcher: Matcher) {
    this.matcher = matcher
  }

  /** What is published there, and by which reason it is refused: a status. */
  publish(
    from: ModelClient | undefined,
    key: ModelKey,
    channel: string,
    payload: string,
    how: Publishing = {},
  ): number {
    if (/[+#]/.test(channel)) return 403
    if (!this.allows(key, channel, 'w') || key.letters.includes('e')) return 401
    const entry = `${channel} ${payload}`
    if (shared(channel).group !== undefined)
      return this.#publishToGroup(how.me === false ? from : undefined, channel, entry)
    const except = how.me === false ? from : undefined
    const groups = new Map<string, ModelClient[]>()
    for (const client of this.clients) {
      let gets = false
      for (const { channel: filter } of client.subscriptions.values()) {
        const { group, plain } = shared(filter)
        if (!this.matches(plain, channel)) continue
        if (group === undefined) gets = true
        else {
          // `a/` and `a/#/` are two ways to say one thing, where a channel means all below it.
          const name = `${group} ${this.#asked(plain)}`
          groups.set(name, [...(groups.get(name) ?? []), client])
        }
      }
      if (gets && client !== except) client.owed.push(entry)
    }
    for (const members of groups.values()) this.groupDebts.push({ entry, members, except })
    if (how.stored === true && key.letters.includes('s')) this.history.push({ channel, payload })
    return 200
  }

  /** All of its members get it, under this name, and whoever is subscribed to everything. */
  #publishToGroup(except: ModelClient | undefined, channel: string, entry: string): number {
    for (const client of this.clients) {
      const gets = [...client.subscriptions.values()].some((one) => this.matches(one.channel, channel))
      if (gets && client !== except) client.owed.push(entry)
    }
    return 200
  }

  /** What comes before the SUBACK, oldest first; a number: why it was refused. */
  subscribe(client: ModelClient, key: ModelKey, channel: string, last: number): readonly string[] | number {
    if (!this.reads(key, channel, 'r') || key.letters.includes('e')) return 401
    const name = `${key.text}/${channel}`
    const isNew = ![...client.subscriptions.values()].some((one) => one.channel === channel)
    client.subscriptions.set(name, { key, channel })
    if (isNew) this.#tell('subscribe', client, channel)
    const { group } = shared(channel)
    if (group !== undefined || last === 0 || !key.letters.includes('l')) return []
    return this.stored(channel).slice(-last)
  }

  stored(channel: string): readonly string[] {
    const fitting = this.history.filter((one) => this.matches(channel, one.channel))
    return fitting.map((one) => `${one.channel} ${one.payload}`)
  }

  /** 200, or why nothing was taken away. */
  unsubscribe(client: ModelClient, key: ModelKey, channel: string): number {
    const name = `${key.text}/${channel}`
    if (client.subscriptions.has(name)) {
      this.#drop(client, [name])
      return 200
    }
    if (!this.reads(key, channel, 'r') || key.letters.includes('e')) return 401
    const others = [...client.subscriptions].filter(([, one]) => one.channel === channel).map(([other]) => other)
    this.#drop(client, others)
    return 200
  }

  /** Who is there; a status: why that is not said. */
  presence(key: ModelKey, channel: string): readonly string[] | number {
    if (!this.reads(key, channel, 'p') || key.letters.includes('e')) return 401
    return [...this.clients]
      .filter((client) => [...client.subscriptions.values()].some((one) => this.#isThere(one.channel, channel)))
      .map(nameOf)
      .toSorted((a, b) => a.localeCompare(b))
  }

  watch(client: ModelClient, key: ModelKey, channel: string, changes: boolean): number {
    if (!this.reads(key, channel, 'p') || key.letters.includes('e')) return 401
    if (changes) client.watches.set(channel, key)
    else client.watches.delete(channel)
    return 200
  }

  /** From now on it is for nothing; what stood on it ends, and is told. */
  ban(key: ModelKey): void {
    key.state = 'banned'
    // Whoever hears of others by this key does not hear of what it ends.
    for (const client of this.clients) {
      for (const [channel, watched] of client.watches) {
        if (watched !== key) continue
        client.watches.delete(channel)
        client.owed.push('error 0 401')
      }
    }
    for (const client of this.clients) {
      for (const [name, one] of client.subscriptions) {
        if (one.key !== key) continue
        this.#drop(client, [name])
        client.owed.push('error 0 401')
      }
    }
  }

  /** Its connection is over. */
  end(client: ModelClient, isAbnormal: boolean): void {
    this.clients.delete(client)
    client.watches.clear()
    this.#drop(client, [...client.subscriptions.keys()])
    const { will } = client
    if (isAbnormal && will) this.publish(client, will.key, will.channel, will.payload)
  }

  allows(key: ModelKey, channel: string, letter: string): boolean {
    return key.state === 'good' && key.letters.includes(letter) && covers(key.target, channel)
  }

  /** With the matcher of MQTT an open channel is more than the one that it is open below. */
  reads(key: ModelKey, channel: string, letter: string): boolean {
    if (!this.allows(key, channel, letter)) return false
    return this.matcher === 'emitter' || !channel.endsWith('#/') || key.target.endsWith('#/')
  }

  matches(filter: string, channel: string): boolean {
    const wanted = segmentsOf(filter)
    const given = segmentsOf(channel)
    const open = wanted.at(-1) === '#'
    if (open) wanted.pop()
    const fits = wanted.every((segment, i) => i < given.length && (segment === '+' || segment === given[i]))
    if (this.matcher === 'emitter') return fits
    return fits && (open ? given.length > wanted.length : given.length === wanted.length)
  }

  #drop(client: ModelClient, names: readonly string[]): void {
    for (const name of names) {
      const channel = client.subscriptions.get(name)?.channel ?? ''
      client.subscriptions.delete(name)
      const stays = [...client.subscriptions.values()].some((one) => one.channel === channel)
      if (!stays) this.#tell('unsubscribe', client, channel)
    }
  }

  /** A question with a final `#`, where that means a prefix, asks about the channel above; of `#/` any one is. */
  #asked(channel: string): string {
    return this.matcher === 'emitter' && channel.endsWith('/#/') ? channel.slice(0, -2) : channel
  }

  #isThere(filter: string, question: string): boolean {
    const { group, plain } = shared(filter)
    const asked = this.#asked(question)
    if (this.matches(filter, asked)) return true
    return group !== undefined && !asked.startsWith('$share/') && this.matches(plain, asked)
  }

  /** A member of a group is told of by the channel, and by its group to those who hear of that alone. */
  #tell(event: string, about: ModelClient, channel: string): void {
    const { group, plain } = shared(channel)
    for (const client of this.clients) {
      const watches = [...client.watches.keys()]
      const ofPlain = watches.filter((watch) => this.matches(watch, this.#asked(plain)))
      if (ofPlain.length > 0) client.owed.push(`presence ${event} ${plain} ${nameOf(about)}`)
      if (group === undefined) continue
      const ofGroup = watches.filter((watch) => !ofPlain.includes(watch) && this.matches(watch, this.#asked(channel)))
      if (ofGroup.length > 0) client.owed.push(`presence ${event} ${channel} ${nameOf(about)}`)
    }
  }
}

export function nameOf({ id, username = '' }: { readonly id: string; readonly username?: string | undefined }): string {
  return `${id} ${username}`
}

function segmentsOf(channel: string): string[] {
  return channel.split('/').filter((segment) => segment !== '')
}

function shared(channel: string): { readonly group: string | undefined; readonly plain: string } {
  const [, group, plain] = /^\$share\/([^/]+)\/(.+)$/.exec(channel) ?? []
  return group === undefined || plain === undefined ? { group: undefined, plain: channel } : { group, plain }
}

/** Each segment that a target names must be named; a final `#` in what is asked for is looked past. */
function covers(target: string, channel: string): boolean {
  const wanted = segmentsOf(target)
  const open = wanted.at(-1) === '#'
  if (open) wanted.pop()
  const given = segmentsOf(channel)
  if (given.at(-1) === '#') given.pop()
  if (open ? given.length < wanted.length : given.length !== wanted.length) return false
  return wanted.every((segment, i) => segment === '+' || segment === given[i])
}

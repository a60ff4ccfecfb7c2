/**
 * Two hundred clients who do what comes to their mind, and a model that says what each of them must see. Within a phase all
 * act at once; between two phases all that was said has come, and is compared.
 *
 * ```
 * watch    presence changes, links, bans
 * move     subscribe, unsubscribe, links that subscribe
 * leave    DISCONNECT, FIN, RST, a process killed; then others come in their place
 * publish  all at once, by topic and by link, QoS 0 and 1
 * store    one after the other: history has one order
 * ask      who is there, what is stored
 * ```
 */
import { expect } from 'vitest'
import type { Matcher } from '@halyard/wire/emitter'
import { Comparison } from './comparison.ts'
import { BrokerModel } from './broker-model.ts'
import { keyFor, keyRing, makeKey, pick, randomOf, someChannel, someFilter } from './key-ring.ts'
import type { Random } from './key-ring.ts'
import type { ModelKey } from './broker-model.ts'
import { Seats } from './seats.ts'
import type { Seat } from './seats.ts'
import { SoakClient } from './soak-client.ts'

export interface SoakOptions {
  readonly port: number
  readonly master: string
  readonly matcher: Matcher
  readonly seed: number
  readonly clients: number
  /** Monotonic ms. */
  readonly until: number
}

/** So many are stored and no more: the model looks at all of them each time. */
const STORED = 400
const BANNED = 40

export class Soak {
  readonly counts = {
    rounds: 0,
    messages: 0,
    presence: 0,
    changes: 0,
    replayed: 0,
    refused: 0,
    ended: 0,
    killed: 0,
    bans: 0,
  }
  readonly #options: SoakOptions
  readonly #random: Random
  readonly #model: BrokerModel
  readonly #seats: Seats
  readonly #comparison: Comparison
  readonly #control: SoakClient
  readonly #keys: ModelKey[]
  #serial = 0

  private constructor(options: SoakOptions, random: Random, control: SoakClient, keys: ModelKey[], own: ModelKey) {
    this.#options = options
    this.#random = random
    this.#control = control
    this.#keys = keys
    this.#model = new BrokerModel(options.matcher)
    this.#seats = new Seats({ ...options, model: this.#model, key: own, control })
    this.#comparison = new Comparison(this.#model, this.#seats)
  }

  static async run(options: SoakOptions): Promise<Soak['counts']> {
    const random = randomOf(options.seed)
    const control = await SoakClient.open(options.port, 'control', undefined)
    const keys = await keyRing(control, options.master, random)
    const own = await makeKey(control, options.master, 'seat/#/', 'rwp')
    const soak = new Soak(options, random, control, keys, own)
    try {
      await soak.#run()
    } finally {
      await soak.#seats.close()
      control.socket.destroy()
    }
    return soak.counts
  }

  async #run(): Promise<void> {
    while (performance.now() < this.#options.until) {
      this.counts.rounds++
      await this.#phase('come', () => this.#seats.fill(this.#random))
      await this.#phase('watch', () => this.#watch())
      await this.#phase('move', () => this.#each(2, (seat, random) => this.#move(seat, random)))
      await this.#phase('publish', () => this.#each(1, (seat, random) => this.#publish(seat, random)))
      if (this.#random(3) === 0) await this.#phase('store', () => this.#store())
      if (this.#random(3) === 0)
        await this.#phase('ask', () => this.#each(5, (seat, random) => this.#ask(seat, random)))
      if (this.#random(2) === 0) await this.#phase('leave', () => this.#leave())
    }
  }

  async #phase(name: string, task: () => Promise<unknown>): Promise<void> {
    await task()
    await Promise.all(this.#seats.taken.map(({ client }) => client.settle()))
    const where = `seed ${this.#options.seed}, round ${this.counts.rounds}, ${name}`
    const { messages, changes } = this.#comparison.check(where)
    this.counts.messages += messages
    this.counts.changes += changes
  }

  /** One in `n` of them, all at once, each with chances of its own: whoever is quicker changes nobody else's. */
  async #each(n: number, task: (seat: Seat, random: Random) => Promise<void>): Promise<void> {
    const some = this.#seats.taken.filter(() => this.#random(n) === 0)
    await Promise.all(some.map((seat) => task(seat, randomOf(this.#random(2 ** 31)))))
  }

  async #watch(): Promise<void> {
    await this.#each(20, async ({ client, model }, random) => {
      const channel = someFilter(random)
      const key = keyFor(random, this.#keys, channel, 'p')
      const changes = random(3) > 0
      const expected = this.#model.watch(model, key, channel, changes)
      const { status } = await client.ask('presence', { key: key.text, channel, status: false, changes })
      expect(status, `watch ${channel}`).toBe(expected)
    })
    await this.#each(10, async ({ client, model }, random) => {
      const channel = someChannel(random)
      const key = keyFor(random, this.#keys, channel, 'w')
      const [name, query] = [pick(random, ['a', 'b', '1c']), pick(random, ['', 'me=0', 'ttl=0', ''])]
      model.links.set(name, { key, channel, query })
      const asked = query === '' ? channel : `${channel}?${query}`
      const answer = await client.ask('link', { name, key: key.text, channel: asked, subscribe: false })
      expect(answer).toEqual({ status: 200, name, channel: asked })
      const links = Object.fromEntries(
        Array.from(model.links, ([one, link]) => [one, `${link.channel}${link.query === '' ? '' : `?${link.query}`}`]),
      )
      expect(await client.ask('me', {})).toEqual({ status: 200, id: model.id, links })
    })
    if (this.#random(20) === 0 && this.counts.bans < BANNED) await this.#ban()
  }

  async #ban(): Promise<void> {
    const { master } = this.#options
    const banned = this.#keys.filter(({ state }) => state === 'banned')
    const isBan = banned.length === 0 || this.#random(2) === 0
    const key = pick(this.#random, isBan ? this.#keys.filter(({ state }) => state === 'good') : banned)
    const answer = await this.#control.ask('keyban', { secret: master, target: key.text, banned: isBan })
    expect(answer).toEqual({ status: 200, banned: isBan })
    if (isBan) this.#model.ban(key)
    else key.state = 'good'
    this.counts.bans++
  }

  async #move({ client, model }: Seat, random: Random): Promise<void> {
    const channel = someFilter(random)
    const key = keyFor(random, this.#keys, channel, 'r')
    const [own] = [...model.subscriptions.values()].slice(1 + random(6))
    if (random(2) === 0 && own !== undefined) {
      // What it has, with the key that it had, or another one.
      const shown = random(3) === 0 ? key : own.key
      const expected = this.#model.unsubscribe(model, shown, own.channel)
      const packetId = await client.unsubscribe(`${shown.text}/${own.channel}`)
      if (expected !== 200) this.#refused(model.owed, packetId, expected)
      return
    }
    if (random(10) === 0) return this.#linkAndSubscribe({ client, model }, key, channel)
    const last = pick(random, [undefined, undefined, 0, 1, 3, 50])
    const expected = this.#model.subscribe(model, key, channel, last ?? 1)
    const query = last === undefined ? pick(random, ['', '?']) : `?last=${last}`
    const { code, packetId, before } = await client.subscribe(`${key.text}/${channel}${query}`, random(2) as 0 | 1)
    if (typeof expected === 'number') {
      expect(code).toBe(0x80)
      return this.#refused(model.owed, packetId, expected)
    }
    expect(code, `subscribe ${channel}`).toBeLessThan(3)
    expect(before).toEqual(expected)
    this.counts.replayed += before.length
  }

  /** Nothing says whether it was subscribed; what comes later does. */
  async #linkAndSubscribe(
    { client, model }: Pick<Seat, 'client' | 'model'>,
    key: ModelKey,
    channel: string,
  ): Promise<void> {
    model.links.set('s', { key, channel, query: '' })
    this.#model.subscribe(model, key, channel, 0)
    const answer = await client.ask('link', { name: 's', key: key.text, channel, subscribe: true })
    expect(answer).toEqual({ status: 200, name: 's', channel })
  }

  async #publish({ client, model }: Seat, random: Random): Promise<void> {
    for (let n = random(4); n > 0; n--) {
      const payload = `${model.number}.${++this.#serial}`
      const qos = random(2) as 0 | 1
      const [name, link] = pick(random, [...model.links, ['', undefined] as const])
      const channel = link?.channel ?? someChannel(random)
      const key = link?.key ?? keyFor(random, this.#keys, channel, 'w')
      const query = link?.query ?? pick(random, ['', 'me=0', 'me=1&ttl=0', 'me=00'])
      const expected = this.#model.publish(model, key, channel, payload, { me: !/me=0/.test(query) })
      const topic = link ? name : `${key.text}/${channel}${query === '' ? '' : `?${query}`}`
      const packetId = await client.publish(topic, payload, qos)
      if (expected !== 200) this.#refused(model.owed, packetId, expected)
    }
  }

  async #store(): Promise<void> {
    for (let n = this.#random(8); n > 0 && this.#model.history.length < STORED; n--) {
      const { client, model } = pick(this.#random, this.#seats.taken)
      const channel = someChannel(this.#random)
      const key = keyFor(this.#random, this.#keys, channel, 's')
      const payload = `${model.number}.${++this.#serial}`
      const expected = this.#model.publish(model, key, channel, payload, { stored: true })
      const packetId = await client.publish(`${key.text}/${channel}?ttl=86400`, payload, 1)
      if (expected !== 200) this.#refused(model.owed, packetId, expected)
    }
  }

  async #ask({ client }: Seat, random: Random): Promise<void> {
    const channel = random(3) === 0 ? someFilter(random).replace(/#\/$/, '') || 'a/' : someChannel(random)
    const key = keyFor(random, this.#keys, channel, 'p')
    const expected = this.#model.presence(key, channel)
    const answer = await client.ask('presence', { key: key.text, channel, status: true })
    if (typeof expected === 'number') return expect(answer['status']).toBe(expected)
    expect(this.#seats.namesOf(answer['who']), `who is at ${channel}`).toEqual(expected)
    this.counts.presence++
  }

  async #leave(): Promise<void> {
    const { ended, killed } = await this.#seats.leave(this.#random)
    this.counts.ended += ended
    this.counts.killed += killed
  }

  #refused(owed: string[], packetId: number, status: number): void {
    owed.push(`error ${packetId} ${status}`)
    this.counts.refused++
  }
}

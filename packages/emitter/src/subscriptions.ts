/**
 * What is subscribed, and who gets what arrives. The broker's messages name neither key nor group nor which subscription
 * they are for: they are led by their channel, to everybody whose channel is the same, or above it.
 */
import { HalyardError, UsageError, throwIfAborted } from '@halyard/core'
import type { Clock, WaitOptions } from '@halyard/core'
import { withSignal } from '@halyard/mqtt/engine'
import type { Filters } from '@halyard/mqtt/engine'
import { EARLIEST, HandlerTree, LATEST, formatChannel, formatTopic } from '@halyard/wire/emitter'
import type { SubscribeCall, UnsubscribeCall } from './calls.ts'
import { closedError } from './errors.ts'
import { unexplained } from './explain.ts'
import type { Deed } from './explain.ts'
import { EmitterMessage } from './message.ts'
import { checkChannel, checkGroup, checkKey, seconds } from './payload.ts'
import { Recent } from './recent.ts'
import { ChannelSubscription } from './subscription.ts'
import type { Wanted } from './subscription.ts'
import type { Subscription } from './types.ts'

/** All subscriptions of one channel and group: to the broker they are one. */
interface Shared {
  readonly members: Set<ChannelSubscription>
  /** Keys of those that left, under which the broker has not been told. */
  readonly left: Set<string>
}

/** Stored messages that are asked for again after a reconnection, if any were wanted. */
const STORED_AGAIN = 1000
/** seconds by which the clocks of both sides may differ, and which the broker's whole seconds hide */
const MARGIN = 2

const OPTIONS = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const

export class Subscriptions {
  readonly #filters: Filters
  readonly #clock: Clock
  readonly #byChannel = new HandlerTree<Set<ChannelSubscription>>()
  readonly #shared = new Map<string, Shared>()
  readonly #recent = new Recent()
  #numbers = 0
  #isUp = false
  /** Subscribed again, and what the broker stored meanwhile is coming. */
  #isCatchingUp = false
  /** when the last message came, or the last subscription was granted: on the monotonic clock */
  #heard = 0

  constructor(filters: Filters, clock: Clock) {
    this.#filters = filters
    this.#clock = clock
  }

  async subscribe(call: SubscribeCall, { signal }: WaitOptions): Promise<Subscription> {
    throwIfAborted(signal)
    const wanted = wantedOf(call)
    const wire = formatChannel({ channel: wanted.channel, group: wanted.group })
    formatTopic(wanted)
    const name = `${wire} (${++this.#numbers})`
    const subscription = new ChannelSubscription(wanted, name, (leaving) => this.#leave(wire, leaving), call.buffer)
    // Stored messages come before the broker has granted it.
    this.#enter(wire, subscription)
    try {
      const granted = this.#filters.add(name, subscription, OPTIONS, (into) => {
        if (into === 'unsubscribe') return `${wanted.key}/${wire}`
        return into === 'again' ? this.#again(wanted) : formatTopic(wanted)
      })
      await withSignal(granted, signal)
    } catch (error) {
      subscription.end()
      if (signal?.aborted) void this.#leave(wire, subscription).catch(() => {})
      else this.#refused(wire, subscription)
      throw explained(error, { what: `subscribe to ${wire}`, kind: 'subscribe', key: wanted.key })
    }
    this.#heard = this.#clock.monotonic()
    return subscription
  }

  /** @throws {EmitterError} if the broker refuses it; here it has ended all the same */
  async unsubscribe(call: UnsubscribeCall, { signal }: WaitOptions): Promise<void> {
    throwIfAborted(signal)
    const key = checkKey(call.key)
    const wire = formatChannel({ channel: checkChannel(call.channel), group: checkGroup(call.group) })
    await withSignal(this.#end(wire, key), signal)
  }

  /** An ordinary message. False: it was here before. */
  accept(channel: string, payload: Uint8Array): EmitterMessage | undefined {
    const message = new EmitterMessage(channel, payload)
    if (this.#isCatchingUp && this.#recent.take(message)) return undefined
    this.#heard = this.#clock.monotonic()
    this.#recent.put(message)
    return message
  }

  deliver(message: EmitterMessage): void {
    for (const subscriptions of this.#byChannel.lookup(message.channel)) {
      for (const subscription of subscriptions) subscription.push(message)
    }
  }

  up(): void {
    this.#isUp = true
  }

  /** Everything is subscribed again. */
  caughtUp(): void {
    this.#isCatchingUp = false
  }

  down(): void {
    this.#isUp = false
    this.#isCatchingUp = false
  }

  #enter(wire: string, subscription: ChannelSubscription): void {
    const { channel } = subscription
    const there = this.#byChannel.get(channel)
    if (there === undefined) this.#byChannel.insert(channel, new Set([subscription]))
    else there.add(subscription)
    const shared = this.#shared.get(wire)
    if (shared === undefined) this.#shared.set(wire, { members: new Set([subscription]), left: new Set() })
    else shared.members.add(subscription)
  }

  /** It gets nothing more. Whether it was the last one of its channel and group. */
  #exit(wire: string, subscription: ChannelSubscription): boolean {
    const there = this.#byChannel.get(subscription.channel)
    there?.delete(subscription)
    if (there?.size === 0) this.#byChannel.delete(subscription.channel)
    const shared = this.#shared.get(wire)
    shared?.members.delete(subscription)
    return shared?.members.size === 0
  }

  #refused(wire: string, subscription: ChannelSubscription): void {
    if (!this.#exit(wire, subscription)) return
    const [key] = this.#shared.get(wire)?.left ?? []
    if (key === undefined) this.#shared.delete(wire)
    else void this.#end(wire, key).catch(() => {})
  }

  /** The broker is told when the last one leaves: before, it would take the channel from the others too. */
  async #leave(wire: string, subscription: ChannelSubscription): Promise<void> {
    const { key } = subscription.wanted
    if (this.#exit(wire, subscription)) return this.#end(wire, key, subscription)
    this.#filters.forget(subscription.name, subscription)
    subscription.end()
    this.#shared.get(wire)?.left.add(key)
  }

  async #end(wire: string, key: string, last?: ChannelSubscription): Promise<void> {
    const { members, left } = this.#shared.get(wire) ?? { members: [], left: [] }
    this.#shared.delete(wire)
    const keys = new Set(left)
    for (const subscription of [...members, ...(last ? [last] : [])]) {
      keys.add(subscription.wanted.key)
      this.#exit(wire, subscription)
      this.#filters.forget(subscription.name, subscription)
      subscription.end()
    }
    keys.delete(key)
    // What a broker is told of a connection it forgets with it.
    if (!this.#isUp) return
    const told = [key, ...keys].map((each) => this.#filters.removeUnknown(wire, () => `${each}/${wire}`))
    // Of the others' keys nobody asked: one may have expired.
    await Promise.all(told.map((asked, index) => (index === 0 ? asked : asked.catch(() => {}))))
  }

  /**
   * After a reconnection: what was stored since the last message came, if stored messages were wanted. Whoever left
   * `last` to the broker gets the newest one, if it is new.
   */
  #again(wanted: Wanted): string {
    const { last = 1, until, ...channel } = wanted
    const ago = this.#clock.monotonic() - this.#heard
    const since = Math.floor((this.#clock.now() - ago) / 1000) - MARGIN
    const from = Math.max(since, wanted.from ?? since)
    if (last === 0 || (until !== undefined && until < from))
      return formatTopic({ ...channel, last: 0, from: undefined })
    if (!this.#isCatchingUp) this.#recent.again()
    this.#isCatchingUp = true
    const most = wanted.last === undefined ? 1 : Math.max(last, STORED_AGAIN)
    // A clock that was never set knows nothing: better twice than never.
    const known = from >= EARLIEST && from <= LATEST
    return formatTopic({ ...channel, last: known ? most : last, from: known ? from : wanted.from, until })
  }
}

function wantedOf({ key, channel, last, from, until, group }: SubscribeCall): Wanted {
  if (last !== undefined && last !== null && !(Number.isSafeInteger(last) && last >= 0)) {
    throw new UsageError('ERR_USAGE', `last is a number of messages from 0, not ${String(last)}`)
  }
  const wire = formatChannel({ channel: checkChannel(channel) })
  return {
    key: checkKey(key),
    channel: wire,
    group: checkGroup(group),
    last: last ?? undefined,
    from: seconds('from', from),
    until: seconds('until', until),
  }
}

/** The session's errors in the words of this client. */
function explained(error: unknown, deed: Deed): unknown {
  if (!(error instanceof HalyardError)) return error
  if (error.code === 'ERR_MQTT_CLOSED') return closedError()
  return error.code === 'ERR_MQTT_SUBSCRIBE' ? unexplained(deed, error) : error
}

import { EventBus, UsageError } from '@halyard/core'
import type { HalyardError, Outbox, Receipt, SendControl, WaitOptions } from '@halyard/core'
import type {
  ChannelPublication,
  HistoryCall,
  KeybanCall,
  KeygenCall,
  LinkCall,
  LinkPublication,
  PresenceCall,
  SubscribeCall,
  UnsubscribeCall,
} from './calls.ts'
import type { EmitterClient } from './client.ts'
import { closedError } from './errors.ts'
import type { EmitterMessage } from './message.ts'
import { readSettings } from './settings.ts'
import type { EmitterPorts, Settings } from './settings.ts'
import type {
  ConnectOptions,
  EmitterEvents,
  KeygenResult,
  LinkResult,
  MeResult,
  PresenceStatus,
  Subscription,
} from './types.ts'

const EVENTS: Readonly<Record<keyof EmitterEvents, true>> = {
  connect: true,
  disconnect: true,
  offline: true,
  message: true,
  presence: true,
  keygen: true,
  link: true,
  me: true,
  error: true,
}

/**
 * A connection to an Emitter broker, made by {@link connect}. It connects by itself, and again whenever the connection is
 * lost, until it is disconnected; what was subscribed is subscribed again, before `connect` fires.
 *
 * Every request waits for a connection, and rejects with an {@link EmitterError} that has the broker's `status` if the
 * broker says no, with `ERR_EMITTER_TIMEOUT` after 30 s of silence, with `ERR_ABORTED`, or with `ERR_EMITTER_CLOSED`.
 */
export class Emitter implements AsyncDisposable {
  /** Rejects if the outbox cannot be opened; whoever does not ask learns it from the event `error`. */
  readonly outbox: Promise<Outbox>
  readonly #events: EventBus<EmitterEvents>
  readonly #client: Promise<EmitterClient>
  #loaded: EmitterClient | undefined
  #closing: Promise<void> | undefined

  private constructor(settings: Settings, ports: EmitterPorts) {
    const events = new EventBus<EmitterEvents>(settings.logger)
    this.#events = events
    this.#client = import('./client.ts').then(
      ({ EmitterClient: Loaded }) => (this.#loaded = new Loaded(settings, events, ports)),
    )
    this.#client.catch((error: HalyardError) => {
      settings.logger.error({ err: error }, error.message)
      events.emit('error', error)
    })
    this.outbox = this.#client.then(({ outbox }) => outbox)
    this.outbox.catch(() => {})
  }

  /** @internal {@link connect} */
  static connect(options: ConnectOptions, ports: EmitterPorts): Emitter {
    return new Emitter(readSettings(options), ports)
  }

  /** Before or after the connection is there; the same callback twice is one. @throws {UsageError} `ERR_USAGE` */
  on<E extends keyof EmitterEvents>(event: E, callback: (...args: EmitterEvents[E]) => void): this {
    checkListener(event, callback)
    this.#events.on(event, callback)
    return this
  }

  /** @throws {UsageError} `ERR_USAGE` */
  off<E extends keyof EmitterEvents>(event: E, callback: (...args: EmitterEvents[E]) => void): this {
    checkListener(event, callback)
    this.#events.off(event, callback)
    return this
  }

  /**
   * Publishes, with QoS 1 unless told otherwise. Resolves when the broker has acknowledged it, or as `queued` when it
   * can't go now: then `(await emitter.outbox).settled(receipt.id)` tells its fate. An object is sent as JSON.
   *
   * **The outbox keeps the channel key with the message, on disk if it has a path**: it is part of the topic, and without
   * it the message could not be sent after a restart.
   *
   * `ttl`: seconds that the broker stores it, for which the key needs `s`. `me: false`: not to this connection. `retain`:
   * stored for 30 days. With `link` it goes by the name of a link of this client.
   *
   * @throws {EmitterError} with `status` if the broker refuses it, after which it is not tried again; `ERR_EMITTER_DROPPED`
   * @throws {UsageError} `ERR_EMITTER_MESSAGE`, `ERR_EMITTER_CHANNEL`, `ERR_EMITTER_KEY`, `ERR_EMITTER_TOO_LARGE`,
   * `ERR_EMITTER_UNENCODABLE`
   * @throws {HalyardError} what `Outbox.submit` throws
   */
  publish(message: ChannelPublication, options?: SendControl): Promise<Receipt>
  publish(message: LinkPublication, options?: WaitOptions): Promise<Receipt>
  async publish(
    message: ChannelPublication | LinkPublication,
    options: SendControl | WaitOptions = {},
  ): Promise<Receipt> {
    return (await this.#openFor('publish', message)).publish(message, options)
  }

  /**
   * Subscribes to a channel and all below it. Resolves when the broker has granted it. Stored messages come first: `last`
   * of them (the broker's own default is the newest one; 0 for none), of those from `from` until `until` (a Date, or unix
   * seconds). With a `group` each message goes to one member of the group.
   *
   * After a reconnection it is subscribed again, and what was stored meanwhile comes.
   *
   * @throws {EmitterError} with `status`: 401 says what to check
   */
  async subscribe(subscription: SubscribeCall, options: WaitOptions = {}): Promise<Subscription> {
    return (await this.#openFor('subscribe', subscription)).subscriptions.subscribe(subscription, options)
  }

  /** Ends all subscriptions of this channel and group. */
  async unsubscribe(subscription: UnsubscribeCall, options: WaitOptions = {}): Promise<void> {
    return (await this.#openFor('unsubscribe', subscription)).subscriptions.unsubscribe(subscription, options)
  }

  /**
   * Asks who is subscribed to a channel (`status`) and to be told of changes by the event `presence` (`changes`: false
   * ends that). Both default to true. After a reconnection changes are watched again, and a new status comes.
   */
  async presence(presence: PresenceCall, options: WaitOptions = {}): Promise<PresenceStatus> {
    return (await this.#openFor('presence', presence)).presences.ask(presence, options)
  }

  /**
   * Makes a key. `key` is the master key, or one with `e` (the result's channel then ends with this connection's id).
   * `type` holds letters of `rwslpe`: read, write, store, load, presence, extend; `rw`. `ttl` in seconds, 0 for ever.
   */
  async keygen(keygen: KeygenCall, options: WaitOptions = {}): Promise<KeygenResult> {
    return (await this.#openFor('keygen', keygen)).keygen(keygen, options)
  }

  /** Bans a key, or takes the ban back. `secret` is the master key. */
  async keyban(keyban: KeybanCall, options: WaitOptions = {}): Promise<{ status: 200; banned: boolean }> {
    return (await this.#openFor('keyban', keyban)).keyban(keyban, options)
  }

  /**
   * Stored messages, back in time, at most `last`; without it all there are. They come in pages, the newest page first,
   * and inside a page the oldest message first. A page is asked for when the one before was read. The key needs `l`.
   */
  async *history(
    history: HistoryCall,
    options: WaitOptions = {},
  ): AsyncGenerator<EmitterMessage & { readonly id: string }, undefined> {
    yield* (await this.#openFor('history', history)).history(history, options)
  }

  /**
   * Makes a name of one or two letters or digits for a key and a channel, for `publish({ link, message })`. It belongs to
   * the connection, and is made again after a reconnection. The broker looks at the key when it is used.
   */
  async link(link: LinkCall, options: WaitOptions = {}): Promise<LinkResult> {
    return (await this.#openFor('link', link)).links.make(link, options)
  }

  /** Who this connection is, and its links. */
  async me(options: WaitOptions = {}): Promise<MeResult> {
    return (await this.#open()).me(options)
  }

  /**
   * Says good-bye and ends for good: waits for what is on the wire (10 s at most), and keeps what is queued if the outbox
   * has a path. Idempotent, and the same as `close()`.
   */
  disconnect(): Promise<void> {
    this.#closing ??= this.#client.then(
      (client) => client.close(),
      () => {},
    )
    return this.#closing
  }

  close(): Promise<void> {
    return this.disconnect()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect()
  }

  /** @throws {UsageError} `ERR_USAGE` for arguments by position, as other SDKs have them */
  #openFor(name: string, call: unknown): Promise<EmitterClient> {
    if (typeof call === 'object' && call !== null) return this.#open()
    throw new UsageError('ERR_USAGE', `${name}() takes an object such as { key, channel }, not ${typeof call}`)
  }

  async #open(): Promise<EmitterClient> {
    if (this.#closing !== undefined) throw closedError()
    return this.#loaded ?? (await this.#client)
  }
}

/**
 * Makes a client, which connects by itself; the event `connect` tells when.
 *
 * @throws {UsageError} `ERR_USAGE`, `ERR_EMITTER_HOST`, `ERR_EMITTER_WILL`
 * @example
 * ```ts no-run
 * import { connect } from '@halyard/emitter'
 *
 * await using emitter = connect({ host: '127.0.0.1', secure: false })
 * const sensors = await emitter.subscribe({ key: 'the key of sensors/#/', channel: 'sensors/' })
 * await emitter.publish({ key: 'the key of sensors/#/', channel: 'sensors/7/', message: { celsius: 21.5 } })
 * for await (const message of sensors) {
 *   console.log(message.channel, message.asObject<{ celsius: number }>().celsius) // sensors/7/ 21.5
 *   break
 * }
 * ```
 */
export function connect(options: ConnectOptions = {}, ports: EmitterPorts = {}): Emitter {
  return Emitter.connect(options, ports)
}

function checkListener(event: string, callback: unknown): void {
  if (!Object.hasOwn(EVENTS, event)) {
    throw new UsageError('ERR_USAGE', `there is no event '${event}'; there are ${Object.keys(EVENTS).join(', ')}`)
  }
  if (typeof callback !== 'function') {
    throw new UsageError('ERR_USAGE', `the event '${event}' needs a function to call, not ${typeof callback}`)
  }
}

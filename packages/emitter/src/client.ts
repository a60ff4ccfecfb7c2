/** The client at work: the MQTT engine, and on it what Emitter adds. `Emitter` loads it, so that an import costs little. */
import { EventBus, HalyardError, UsageError, systemClock, throwIfAborted } from '@halyard/core'
import type { Logger, Outbox, Receipt, SendControl, WaitOptions } from '@halyard/core'
import type { MqttEvents, MqttMessage } from '@halyard/mqtt'
import { Engine, settle } from '@halyard/mqtt/engine'
import type { Filter, KeptPublish } from '@halyard/mqtt/engine'
import {
  decodeBrokerMessage,
  encodeKeybanRequest,
  encodeKeygenRequest,
  formatChannel,
  formatTopic,
  isLinkName,
  parseTopic,
} from '@halyard/wire/emitter'
import type { BrokerMessage } from '@halyard/wire/emitter'
import { EmitterError, closedError } from './errors.ts'
import { complaint, failureOf, reasonOf, refusal } from './explain.ts'
import type { Deed } from './explain.ts'
import type { ChannelPublication, HistoryCall, KeybanCall, KeygenCall, LinkPublication } from './calls.ts'
import { history } from './history.ts'
import { Links } from './links.ts'
import type { EmitterMessage } from './message.ts'
import { checkChannel, checkKey, checkSize, payloadBytes, publishTopic } from './payload.ts'
import { Presences } from './presences.ts'
import { Requests } from './requests.ts'
import type { EmitterPorts, Settings } from './settings.ts'
import { ChannelSubscription } from './subscription.ts'
import { Subscriptions } from './subscriptions.ts'
import type { ConnectOptions, EmitterEvents, KeygenResult, MeResult, RequestFailure } from './types.ts'

export class EmitterClient {
  readonly subscriptions: Subscriptions
  readonly presences: Presences
  readonly links: Links
  readonly #engine: Engine
  readonly #requests: Requests
  readonly #events: EventBus<EmitterEvents>
  readonly #logger: Logger

  constructor({ url, mqtt, will, logger }: Settings, events: EventBus<EmitterEvents>, ports: EmitterPorts) {
    this.#events = events
    this.#logger = logger
    const clock = ports.clock ?? systemClock()
    const bus = new EventBus<MqttEvents>(logger)
    const engine = new Engine(settle(url, { ...mqtt, will: will && willOf(will) }), bus, { ...ports, clock })
    const { session } = engine
    this.#engine = engine
    this.#requests = new Requests({
      clock,
      ask: (topic, payload) => session.ask(topic, payload),
      release: (packetId) => void session.filters.release(packetId),
    })
    this.subscriptions = new Subscriptions(session.filters, clock)
    this.presences = new Presences(this.#requests, events)
    this.links = new Links(this.#requests, events)
    session.interceptor = (message) => this.#came(message)
    session.follower = {
      up: () => this.#up(),
      down: () => this.#down(),
      subscribed: () => this.subscriptions.caughtUp(),
      acknowledged: (packetId) => this.#requests.acknowledged(packetId),
    }
    session.publications.topicOf = (call) => this.links.shorten(call)
    bus.on('connect', () => events.emit('connect'))
    bus.on('disconnect', () => events.emit('disconnect'))
    bus.on('offline', () => events.emit('offline'))
    bus.on('error', (error) => events.emit('error', error))
  }

  get outbox(): Promise<Outbox> {
    return this.#engine.outbox
  }

  async publish(message: ChannelPublication | LinkPublication, options: SendControl): Promise<Receipt> {
    const { qos = 1 } = message
    if (qos !== 0 && qos !== 1) throw new UsageError('ERR_USAGE', 'qos is 0 or 1: Emitter has no other')
    const body = payloadBytes(message.message)
    const { call, deed } = 'link' in message ? this.#linked(message.link, qos) : publishCall(message, qos)
    checkSize(call.topic, body)
    const { id, state, reason = '' } = await this.#engine.send(call, body, options, (outcome) => outcome).catch(rethrow)
    if (state !== 'dropped') return { id, state }
    const failure = failureOf(reason)
    if (failure !== undefined) throw refusal(failure, deed)
    throw new EmitterError('ERR_EMITTER_DROPPED', `asked to ${deed.what}, the outbox dropped the message: ${reason}`)
  }

  async keygen({ key, channel, type = 'rw', ttl = 0 }: KeygenCall, options: WaitOptions): Promise<KeygenResult> {
    throwIfAborted(options.signal)
    if (typeof type !== 'string') throw new UsageError('ERR_USAGE', "type is a text of letters such as 'rwp'")
    if ((ttl | 0) !== ttl) throw new UsageError('ERR_USAGE', 'ttl is a whole number of seconds, 0 for ever')
    const asked = { key: checkKey(key), channel: formatChannel({ channel: checkChannel(channel) }), type, ttl }
    const deed: Deed = { what: `make a key for ${asked.channel}`, kind: 'keygen', key: asked.key }
    const answered = await this.#requests.ask('keygen', encodeKeygenRequest(asked), deed, options)
    if ('failure' in answered) {
      this.#events.emit('keygen', answered.failure)
      throw refusal(answered.failure, deed)
    }
    const result: KeygenResult = { status: 200, ...answered.body }
    this.#events.emit('keygen', result)
    return result
  }

  async keyban(
    { secret, target, banned }: KeybanCall,
    options: WaitOptions,
  ): Promise<{ status: 200; banned: boolean }> {
    throwIfAborted(options.signal)
    if (typeof banned !== 'boolean') throw new UsageError('ERR_USAGE', 'banned is true or false')
    const request = encodeKeybanRequest({
      secret: checkKey(secret, 'secret'),
      target: checkKey(target, 'target'),
      banned,
    })
    const deed: Deed = { what: banned ? 'ban a key' : 'take back the ban of a key', kind: 'keyban' }
    return { status: 200, banned: (await this.#requests.get('keyban', request, deed, options)).banned }
  }

  history(
    call: HistoryCall,
    options: WaitOptions,
  ): AsyncGenerator<EmitterMessage & { readonly id: string }, undefined> {
    return history(this.#requests, call, options)
  }

  async me(options: WaitOptions): Promise<MeResult> {
    throwIfAborted(options.signal)
    const deed: Deed = { what: 'tell who we are', kind: 'me' }
    const { id, links } = await this.#requests.get('me', new Uint8Array(0), deed, options)
    const result: MeResult = { status: 200, id, ...(links && { links: { ...links } }) }
    this.#events.emit('me', result)
    return result
  }

  async close(): Promise<void> {
    this.#requests.close(closedError())
    await this.#engine.close()
  }

  /** By its topic, which the outbox keeps; a name that was never linked is the broker's to refuse. */
  #linked(link: string, qos: 0 | 1): { call: KeptPublish; deed: Deed } {
    if (typeof link !== 'string' || !isLinkName(link)) {
      throw new UsageError('ERR_EMITTER_LINK', 'link is the name of one: one or two letters or digits')
    }
    const topic = this.links.topic(link)
    const parsed = topic === undefined ? undefined : parseTopic(topic)
    if (parsed && !('problem' in parsed) && parsed.kind === 'wildcard') {
      const message = `the link ${link} leads to ${parsed.channel}; messages are published to one channel`
      throw new UsageError('ERR_EMITTER_CHANNEL', message)
    }
    const deed: Deed = { what: `publish by the link ${link}`, kind: topic === undefined ? 'link' : 'publish' }
    return { call: topic === undefined ? { topic: link, qos } : { topic, qos, link }, deed }
  }

  async #up(): Promise<void> {
    this.subscriptions.up()
    const again = [this.links.again(), this.presences.again()]
    this.#requests.up()
    await Promise.all(again)
  }

  #down(): void {
    this.subscriptions.down()
    this.links.down()
    this.#requests.down()
  }

  /** Every PUBLISH: what the broker says on topics of its own is never a message. */
  #came({ topic, payload }: MqttMessage): true {
    const said = decodeBrokerMessage(topic, payload)
    if (said === undefined) this.#message(topic, payload)
    else if ('problem' in said) this.#wrong(topic, said.problem)
    else this.#said(said)
    return true
  }

  #message(channel: string, payload: Uint8Array): void {
    const message = this.subscriptions.accept(channel, payload)
    if (message === undefined) return
    this.#events.emit('message', message)
    this.subscriptions.deliver(message)
  }

  #said(said: BrokerMessage): void {
    if (said.kind === 'presence-change')
      return this.#events.emit('presence', { ...said.body, who: { ...said.body.who } })
    if (said.kind === 'answer') {
      if (!this.#requests.answered(said)) this.#logger.debug({ to: said.to }, 'an answer that nobody waits for')
      return
    }
    if (said.to === 'error') return this.#refused(said.req, said)
    if (!this.#requests.failed(said.to, said.req, said)) {
      this.#logger.debug({ to: said.to, status: said.status }, 'a failure that nobody waits for')
    }
  }

  /** `emitter/error/`: of a publish, a subscribe or an unsubscribe, or of nobody knows what if it names no request. */
  #refused(req: number, failure: RequestFailure): void {
    const { publications, filters } = this.#engine.session
    let error = complaint(failure)
    const isPublish = publications.refuse(req, (topic) => {
      error = refusal(failure, deedOfTopic(topic))
      return reasonOf(failure)
    })
    let isTold = false
    if (!isPublish) {
      filters.refuse(req, (asked, filter) => {
        // The session tells of it when it has ended the subscription.
        isTold = asked === 'again'
        return (error = refusal(failure, deedOfFilter(asked === 'unsubscribe' ? 'unsubscribe' : 'subscribe', filter)))
      })
    }
    if (isTold) return
    this.#logger.warn({ status: failure.status }, error.message)
    this.#events.emit('error', error)
  }

  #wrong(topic: string, problem: string): void {
    this.#logger.warn({ topic }, problem)
    this.#events.emit('error', new EmitterError('ERR_EMITTER_ANSWER', problem))
  }
}

function willOf({ key, channel, message, retain = false }: NonNullable<ConnectOptions['will']>): {
  topic: string
  payload: Uint8Array
  retain: boolean
} {
  return { topic: formatTopic({ key, channel }), payload: payloadBytes(message), retain }
}

function publishCall(
  { key, channel, ttl, me, retain }: ChannelPublication,
  qos: 0 | 1,
): { call: KeptPublish; deed: Deed } {
  const parts = { key: checkKey(key), channel: checkChannel(channel), ttl, me }
  const topic = publishTopic(parts)
  return { call: { topic, qos, ...(retain && { retain: true }) }, deed: deedOfTopic(topic) }
}

/** Of a topic that was published to; its key is not shown. */
function deedOfTopic(topic: string): Deed {
  const parsed = parseTopic(topic)
  if ('problem' in parsed) return { what: `publish by the link ${topic}`, kind: 'link' }
  return { what: `publish to ${parsed.channel}`, kind: 'publish', key: parsed.key }
}

function deedOfFilter(kind: 'subscribe' | 'unsubscribe', { owners, name }: Filter): Deed {
  for (const owner of owners) {
    if (owner instanceof ChannelSubscription) {
      const { channel, key } = owner.wanted
      return { what: `${kind} ${kind === 'subscribe' ? 'to' : 'from'} ${channel}`, kind, key }
    }
  }
  return { what: `${kind} ${kind === 'subscribe' ? 'to' : 'from'} ${name}`, kind }
}

/** The session's errors in the words of this client. */
function rethrow(error: unknown): never {
  throw error instanceof HalyardError && error.code === 'ERR_MQTT_CLOSED' ? closedError() : error
}

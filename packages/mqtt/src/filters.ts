/**
 * What is subscribed: the filters of all subscriptions, what the server knows of them, and what is asked of it. What was
 * asked when a connection ended is asked again on the next; what was granted too, unless the session is still there.
 */
import { HalyardError } from '@halyard/core'
import { REASON } from '@halyard/wire/mqtt'
import type { Connack, Qos, Suback, Subscribe, Unsuback, Unsubscribe } from '@halyard/wire/mqtt'
import type { Connection } from './connection.ts'
import { PUBLISH_IDS } from './publications.ts'
import { MqttRefusedError } from './errors.ts'
import type { MqttMessage } from './message.ts'
import { explainReason, refusalOf } from './refusals.ts'

/** Who wants a filter. */
export interface Owner {
  /** A message came for it. */
  offer(message: MqttMessage): void
  /** Nothing follows; with an error the server has refused it now, though it granted it before. */
  end(error?: HalyardError): void
  /** One of its filters was taken from it. */
  without(name: string): void
}

/** How a filter is asked for. */
export interface FilterOptions {
  readonly qos: Qos
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly retainHandling: 0 | 1 | 2
}

/** `again`: after a reconnection, for the second time and more. */
export type Asked = 'subscribe' | 'again' | 'unsubscribe'
export type FilterText = (into: Asked) => string

/** One filter, for as long as somebody wants it. */
export interface Filter {
  /** by which it is known here */
  readonly name: string
  /** what is written into a packet, where that is not the name: into each anew */
  readonly text: FilterText
  options: FilterOptions
  readonly owners: Set<Owner>
  /** 5.0: by which the server names it in what it sends for it */
  identifier: number
  /** Since when the server knows it: the answer came in this session. */
  granted: boolean
}

/** Something asked of the server: one packet, one answer. */
interface Request {
  readonly kind: 'subscribe' | 'unsubscribe'
  readonly filter: Filter
  /** It was granted before, in a session that is gone. */
  readonly isAgain: boolean
  packetId: number
  /** What the server said of it in words of its own, before its answer. */
  refusal: HalyardError | undefined
  resolve(): void
  reject(error: HalyardError): void
}

const MAX_IDENTIFIER = 268_435_455
/** Requests that wait for their answer at once: fewer than there are packet identifiers for them. */
const MAX_ASKED = 1024

export class Filters {
  readonly #filters = new Map<string, Filter>()
  /** In the order in which they were asked. */
  readonly #requests = new Set<Request>()
  /** Those of them that were not sent in this connection. */
  #unsent: Request[] = []
  readonly #byPacketId = new Map<number, Request>()
  readonly #reserved = new Set<number>()
  #connection: Connection | undefined
  #hasIdentifiers = false
  #lastPacketId = PUBLISH_IDS
  #lastIdentifier = 0
  /** Changes whenever the filters do: what was found by them before may be wrong. */
  epoch = 0

  values(): IterableIterator<Filter> {
    return this.#filters.values()
  }

  get(name: string): Filter | undefined {
    return this.#filters.get(name)
  }

  /** Something that was asked of the server has no answer yet. */
  get isWaiting(): boolean {
    return this.#byPacketId.size > 0
  }

  /** Adds an owner; resolves when the server has granted it. Rejects with its refusal: then it is not there. */
  async add(name: string, owner: Owner, options: FilterOptions, text: FilterText = () => name): Promise<void> {
    let filter = this.#filters.get(name)
    if (filter === undefined) {
      this.#lastIdentifier = (this.#lastIdentifier % MAX_IDENTIFIER) + 1
      filter = { name, text, options, owners: new Set(), identifier: this.#lastIdentifier, granted: false }
      this.#filters.set(name, filter)
    } else if (options.qos < filter.options.qos) {
      // Nobody gets less because somebody else wants less.
      options = { ...options, qos: filter.options.qos }
    }
    filter.options = options
    filter.owners.add(owner)
    this.epoch++
    try {
      await this.#ask('subscribe', filter, false)
    } catch (error) {
      this.#forget(filter, owner)
      throw error
    }
  }

  /** Takes an owner away; if it was the last one the server is told, and it resolves when that has answered. */
  async remove(name: string, owner: Owner): Promise<void> {
    const filter = this.#filters.get(name)
    if (filter === undefined || !filter.owners.has(owner)) return
    this.#forget(filter, owner)
    if (filter.owners.size === 0) await this.#ask('unsubscribe', filter, false)
  }

  /** Takes an owner away without a word to the server, which has refused it; what was not asked yet never is. */
  forget(name: string, owner: Owner): void {
    const filter = this.#filters.get(name)
    if (filter === undefined) return
    this.#forget(filter, owner)
    if (filter.owners.size > 0) return
    for (const request of [...this.#requests]) {
      if (request.filter !== filter || this.#byPacketId.get(request.packetId) === request) continue
      this.#unsent = this.#unsent.filter((other) => other !== request)
      this.#requests.delete(request)
      request.resolve()
    }
  }

  /** A filter of which nothing is known here, of a session that an earlier process left: the server is told. */
  async removeUnknown(name: string, text: FilterText = () => name): Promise<void> {
    const options = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
    await this.#ask('unsubscribe', { name, text, options, owners: new Set(), identifier: 0, granted: false }, false)
  }

  /**
   * A connection is there. What the server does not know is asked; resolves when all that was granted before has been
   * answered, with what it refused now.
   */
  async up(
    connection: Connection,
    { sessionPresent, properties = {} }: Connack,
  ): Promise<readonly { readonly filter: Filter; readonly error: HalyardError }[]> {
    this.#connection = connection
    this.#hasIdentifiers = connection.version === 5 && (properties.subscriptionIdentifiersAvailable ?? true)
    const again: Promise<{ filter: Filter; error: HalyardError } | undefined>[] = []
    if (!sessionPresent) {
      for (const request of this.#requests) if (request.kind === 'unsubscribe') this.#answered(request)
      for (const filter of this.#filters.values()) {
        if (!filter.granted) continue
        filter.granted = false
        const asked = this.#ask('subscribe', filter, true, false)
        again.push(
          asked.then(
            () => undefined,
            (error: HalyardError) => ({ filter, error }),
          ),
        )
      }
    }
    this.#unsent = [...this.#requests]
    this.#sendMore()
    const answers = await Promise.all(again)
    return answers.filter((answer) => answer !== undefined)
  }

  down(): void {
    this.#connection = undefined
    this.#byPacketId.clear()
    this.#reserved.clear()
    this.#unsent = []
  }

  /** Nothing will be answered any more. */
  close(error: HalyardError): void {
    this.#connection = undefined
    for (const request of this.#requests) request.reject(error)
    this.#requests.clear()
    this.#byPacketId.clear()
  }

  /** SUBACK and UNSUBACK. */
  answer({ type, packetId, reasonCodes, properties }: Suback | Unsuback): void {
    const request = this.#byPacketId.get(packetId)
    // A late answer to what was asked in another connection meets nobody.
    if (request === undefined || (request.kind === 'subscribe') !== (type === 'suback')) return
    const { filter } = request
    const code = reasonCodes[0] ?? REASON.success
    if (request.refusal !== undefined) return this.#answered(request, request.refusal)
    if (code >= 0x80) {
      const what = request.kind === 'subscribe' ? `subscribe to ${filter.name}` : `unsubscribe from ${filter.name}`
      const why = explainReason(code, properties?.reasonString)
      const message = `the server did not ${what}: ${why}`
      this.#answered(request, new MqttRefusedError('ERR_MQTT_SUBSCRIBE', message, refusalOf(code, packetId)))
      return
    }
    if (request.kind === 'subscribe') filter.granted = true
    this.#answered(request)
  }

  /**
   * The server says in words of its own why it refuses what was asked with this packet identifier; its answer still
   * follows. False if nothing was.
   */
  refuse(packetId: number, explain: (asked: Asked, filter: Filter) => HalyardError): boolean {
    const request = this.#byPacketId.get(packetId)
    if (request === undefined) return false
    request.refusal = explain(request.isAgain ? 'again' : request.kind, request.filter)
    return true
  }

  #answered(request: Request, error?: HalyardError): void {
    this.#requests.delete(request)
    this.#byPacketId.delete(request.packetId)
    this.#sendMore()
    if (error === undefined) request.resolve()
    else request.reject(error)
  }

  #ask(kind: Request['kind'], filter: Filter, isAgain: boolean, now = true): Promise<void> {
    return new Promise((resolve, reject) => {
      const request: Request = { kind, filter, isAgain, packetId: 0, refusal: undefined, resolve, reject }
      this.#requests.add(request)
      if (!now || this.#connection === undefined) return
      this.#unsent.push(request)
      this.#sendMore()
    })
  }

  #sendMore(): void {
    const connection = this.#connection
    if (connection === undefined) return
    let sent = 0
    for (; sent < this.#unsent.length && this.#byPacketId.size < MAX_ASKED; sent++) {
      const request = this.#unsent[sent]!
      request.packetId = this.#packetId()
      this.#byPacketId.set(request.packetId, request)
      connection.send(this.#packetOf(request))
    }
    this.#unsent.splice(0, sent)
  }

  #packetOf({ kind, filter, packetId, isAgain }: Request): Subscribe | Unsubscribe {
    const text = filter.text(isAgain ? 'again' : kind)
    if (kind === 'unsubscribe') return { type: 'unsubscribe', packetId, filters: [text] }
    const properties = { subscriptionIdentifier: filter.identifier }
    const subscriptions = [{ filter: text, ...filter.options }]
    return { type: 'subscribe', packetId, subscriptions, ...(this.#hasIdentifiers && { properties }) }
  }

  /** For what is sent past the outbox: one that nothing else has until `release`. */
  reserve(): number {
    const packetId = this.#packetId()
    this.#reserved.add(packetId)
    return packetId
  }

  /** Its acknowledgement is there; whether it was reserved. */
  release(packetId: number): boolean {
    return this.#reserved.delete(packetId)
  }

  /** One that is free, above those of messages. */
  #packetId(): number {
    do this.#lastPacketId = this.#lastPacketId >= 65_535 ? PUBLISH_IDS + 1 : this.#lastPacketId + 1
    while (this.#byPacketId.has(this.#lastPacketId) || this.#reserved.has(this.#lastPacketId))
    return this.#lastPacketId
  }

  #forget(filter: Filter, owner: Owner): void {
    filter.owners.delete(owner)
    if (filter.owners.size === 0 && this.#filters.get(filter.name) === filter) this.#filters.delete(filter.name)
    this.epoch++
  }
}

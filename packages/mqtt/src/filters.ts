/**
 * What is subscribed: the filters of all subscriptions, what the server knows of them, and what is asked of it. What was
 * asked when a connection ended is asked again on the next; what was granted too, unless the session is still there.
 */
import { HalyardError } from '@halyard/core'
import { MqttProtocolError, REASON } from '@halyard/wire/mqtt'
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
export type FilterText = (into: 'subscribe' | 'again' | 'unsubscribe') => string

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
  /** It was granted before, in a session that is gone: `connect` waits for it, and this is told then. */
  readonly again: Promise<Refusal | undefined> | undefined
  /** 0: not sent yet, in no connection */
  packetId: number
  resolve(): void
  reject(error: HalyardError): void
}

/** What was granted before and is not any more. */
export interface Refusal {
  readonly filter: Filter
  readonly error: HalyardError
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
  #connection: Connection | undefined
  #hasIdentifiers = false
  #lastPacketId = PUBLISH_IDS
  #lastIdentifier = 0
  readonly #lasts: boolean
  readonly #onOwed: () => void
  #closedWith: HalyardError | undefined
  /** Changes whenever the filters do: what was found by them before may be wrong. */
  epoch = 0

  /** `lasts`: the server keeps the session without a connection. `onOwed` is told whenever {@link isOwed} may have changed. */
  constructor(lasts: boolean, onOwed: () => void) {
    this.#lasts = lasts
    this.#onOwed = onOwed
  }

  /** The server owes an answer. */
  get isOwed(): boolean {
    return this.#byPacketId.size > 0
  }

  values(): IterableIterator<Filter> {
    return this.#filters.values()
  }

  get(name: string): Filter | undefined {
    return this.#filters.get(name)
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
      await this.#ask('subscribe', filter)
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
    if (filter.owners.size === 0 && !this.#withdraw(filter)) await this.#tell(filter)
  }

  /** Takes back what was not sent yet; true: the server knows nothing of the filter. */
  #withdraw(filter: Filter): boolean {
    let wasSent = filter.granted
    for (const request of this.#requests) {
      if (request.filter !== filter || request.kind !== 'subscribe') continue
      wasSent ||= request.packetId !== 0
      // Nobody wants it any more: on the next connection it is not asked for again.
      if (request.packetId !== 0 && this.#byPacketId.has(request.packetId)) continue
      this.#requests.delete(request)
      this.#unsent = this.#unsent.filter((other) => other !== request)
      request.reject(notWanted(filter.name))
    }
    return !wasSent
  }

  /** The server is told, unless it forgets by itself. */
  async #tell(filter: Filter): Promise<void> {
    if (this.#closedWith !== undefined || (this.#connection === undefined && !this.#lasts)) return
    await this.#ask('unsubscribe', filter)
  }

  /** Takes an owner away without a word to the server, which has refused it. */
  forget(name: string, owner: Owner): void {
    const filter = this.#filters.get(name)
    if (filter !== undefined) this.#forget(filter, owner)
  }

  /** A filter of which nothing is known here, of a session that an earlier process left: the server is told. */
  async removeUnknown(name: string): Promise<void> {
    const options = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
    await this.#tell({ name, text: () => name, options, owners: new Set(), identifier: 0, granted: true })
  }

  /**
   * A connection is there. What the server does not know is asked; resolves when all that was granted before has been
   * answered, with what it refused now.
   */
  async up(connection: Connection, { sessionPresent, properties = {} }: Connack): Promise<readonly Refusal[]> {
    this.#connection = connection
    this.#hasIdentifiers = connection.version === 5 && (properties.subscriptionIdentifiersAvailable ?? true)
    if (!sessionPresent) {
      this.#forgotten()
      for (const filter of this.#filters.values()) {
        if (!filter.granted) continue
        filter.granted = false
        this.#askAgain(filter)
      }
    }
    this.#unsent = [...this.#requests]
    this.#sendMore()
    // Also those which an earlier connection took with it.
    const refusals = await Promise.all(Array.from(this.#requests, async ({ again }) => again))
    return refusals.filter((refusal) => refusal !== undefined)
  }

  down(): void {
    this.#connection = undefined
    this.#byPacketId.clear()
    this.#unsent = []
    if (!this.#lasts) this.#forgotten()
  }

  /** The server has no session any more: it need not be told what is not wanted of it. */
  #forgotten(): void {
    for (const request of [...this.#requests]) if (request.kind === 'unsubscribe') this.#answered(request)
  }

  /** Nothing will be answered any more. */
  close(error: HalyardError): void {
    this.#connection = undefined
    this.#closedWith = error
    this.#forgotten()
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
    // [MQTT-3.9.3-1]: one for each filter, and each packet has one.
    if (type === 'suback' && reasonCodes.length !== 1) throw manyCodes(reasonCodes.length)
    const code = reasonCodes[0] ?? REASON.success
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

  #answered(request: Request, error?: HalyardError): void {
    this.#requests.delete(request)
    this.#byPacketId.delete(request.packetId)
    this.#sendMore()
    if (error === undefined) request.resolve()
    else request.reject(error)
  }

  #ask(kind: Request['kind'], filter: Filter): Promise<void> {
    if (this.#closedWith !== undefined) return Promise.reject(this.#closedWith)
    return new Promise((resolve, reject) => {
      const request: Request = { kind, filter, again: undefined, packetId: 0, resolve, reject }
      this.#requests.add(request)
      if (this.#connection === undefined) return
      this.#unsent.push(request)
      this.#sendMore()
    })
  }

  #askAgain(filter: Filter): void {
    let settle: Pick<Request, 'resolve' | 'reject'> | undefined
    const again = new Promise<Refusal | undefined>((resolve) => {
      settle = { resolve: () => resolve(undefined), reject: (error) => resolve({ filter, error }) }
    })
    this.#requests.add({ kind: 'subscribe', filter, again, packetId: 0, ...settle! })
  }

  #sendMore(): void {
    const connection = this.#connection
    if (connection === undefined) return
    let sent = 0
    for (; sent < this.#unsent.length && this.#byPacketId.size < MAX_ASKED; sent++) {
      const request = this.#unsent[sent]!
      request.packetId = this.packetId()
      this.#byPacketId.set(request.packetId, request)
      connection.send(this.#packetOf(request))
    }
    this.#unsent.splice(0, sent)
    this.#onOwed()
  }

  #packetOf({ kind, filter, packetId, again }: Request): Subscribe | Unsubscribe {
    const text = filter.text(again === undefined ? kind : 'again')
    if (kind === 'unsubscribe') return { type: 'unsubscribe', packetId, filters: [text] }
    const properties = { subscriptionIdentifier: filter.identifier }
    const subscriptions = [{ filter: text, ...filter.options }]
    return { type: 'subscribe', packetId, subscriptions, ...(this.#hasIdentifiers && { properties }) }
  }

  /** One that is free, above those of messages: also for what is sent past the outbox. */
  packetId(): number {
    do this.#lastPacketId = this.#lastPacketId >= 65_535 ? PUBLISH_IDS + 1 : this.#lastPacketId + 1
    while (this.#byPacketId.has(this.#lastPacketId))
    return this.#lastPacketId
  }

  #forget(filter: Filter, owner: Owner): void {
    filter.owners.delete(owner)
    if (filter.owners.size === 0 && this.#filters.get(filter.name) === filter) this.#filters.delete(filter.name)
    this.epoch++
  }
}

/** Told to whoever waits for a filter that somebody has unsubscribed from meanwhile. */
function notWanted(name: string): HalyardError {
  return new HalyardError('ERR_MQTT_UNSUBSCRIBED', `${name} was unsubscribed from before the server had granted it`)
}

function manyCodes(count: number): MqttProtocolError {
  const message = `SUBACK has ${count} reason codes for one filter`
  return new MqttProtocolError('ERR_MQTT_PROTOCOL', REASON.protocolError, 'MQTT-3.9.3-1', message)
}

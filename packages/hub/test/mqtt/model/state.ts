/** What the model knows of everybody, in plain lists. Times are whole seconds. */

export type Qos = 0 | 1 | 2
export type Version = 4 | 5

export interface Message {
  readonly topic: string
  /** A name of its own; empty clears what is retained. */
  readonly payload: string
  readonly qos: Qos
  readonly retain: boolean
  readonly expiresAt: number
  readonly contentType: string | undefined
  /** More than a client with a small maximum packet size takes. */
  readonly isBig: boolean
}

export interface Subscription {
  readonly filter: string
  readonly qos: Qos
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly retainHandling: 0 | 1 | 2
  readonly identifier: number
}

export interface Will {
  readonly message: Message
  /** From its publication on. */
  readonly lifetime: number
  readonly delay: number
}

/** A PUBLISH that a client must get in this step. */
export interface Expected {
  readonly topic: string
  readonly payload: string
  readonly qos: Qos
  readonly retain: boolean
  readonly dup: boolean
  readonly identifiers: readonly number[]
  readonly expiry: number | undefined
  readonly contentType: string | undefined
  /** Of QoS 1 and 2; learns its packet identifier from the engine. */
  readonly flight: Flight | undefined
}

export interface Flight {
  readonly message: Message
  readonly qos: 1 | 2
  readonly retain: boolean
  readonly identifiers: readonly number[]
  readonly group: Group | undefined
  /** Grows with everything that is owed to anybody. */
  order: number
  /** 0: not known yet. */
  packetId: number
  released: boolean
}

export interface Waiting {
  readonly message: Message
  readonly qos: 1 | 2
  readonly retain: boolean
  readonly identifiers: readonly number[]
  readonly order: number
  /** Of one that was sent by a process before; 0. */
  readonly packetId: number
}

/** Settled so lately that a hub which stops now may not have it on its disk. */
export type Recent = Flight | Waiting

export interface Member {
  readonly session: Session
  readonly subscription: Subscription
}

export interface Group {
  readonly name: string
  readonly filter: string
  members: Member[]
  backlog: Message[]
  /** As {@link Session}: of what it gave to members that do not last, or gave up. */
  recent: Message[]
}

export interface Connection {
  readonly version: Version
  readonly window: number
  readonly takesBig: boolean
  readonly will: Will | undefined
}

export interface Session {
  readonly client: string
  connection: Connection | undefined
  /** Seconds; Infinity. */
  expiry: number
  endsAt: number
  subscriptions: Subscription[]
  /** Sent and not acknowledged to the end, oldest first. */
  flights: Flight[]
  /** Of those, what has not been sent again on this connection. */
  resending: Flight[]
  queue: Waiting[]
  /** Retained messages of QoS 1 and 2 that are owed to new subscriptions; they come while nothing is queued. */
  replays: Waiting[]
  /** Those of QoS 0: they may come late, but must be there once nothing is queued. */
  late: { readonly expected: Expected; readonly message: Message }[]
  /** Packet identifiers of QoS 2 that were received and not released. */
  incoming: number[]
  recent: Recent[]
}

/** The retained message of a topic, and whose it is. */
export interface Retained {
  readonly message: Message
  readonly publisher: string | undefined
}

export interface Chosen {
  readonly client: string
  readonly topic: string
  readonly payload: string
}

export interface ModelLimits {
  readonly window: number
  readonly queued: number
}

export function newSession(client: string, connection: Connection, expiry: number): Session {
  return {
    client,
    connection,
    expiry,
    endsAt: Infinity,
    subscriptions: [],
    flights: [],
    resending: [],
    queue: [],
    replays: [],
    late: [],
    incoming: [],
    recent: [],
  }
}

/** As its client must get it. */
export function expectation(
  { connection }: Session,
  now: number,
  { topic, payload, expiresAt, contentType }: Message,
  how: Pick<Expected, 'qos' | 'retain' | 'identifiers' | 'dup' | 'flight'>,
): Expected {
  const is5 = connection?.version === 5
  return {
    ...how,
    topic,
    payload,
    identifiers: is5 ? how.identifiers.toSorted((a, b) => a - b) : [],
    expiry: is5 && expiresAt !== Infinity ? Math.max(0, expiresAt - now) : undefined,
    contentType: is5 ? contentType : undefined,
  }
}

/** §4.7, level by level. */
export function fits(filter: string, topic: string): boolean {
  const wanted = filter.split('/')
  const levels = topic.split('/')
  if (topic.startsWith('$') && (wanted[0] === '+' || wanted[0] === '#')) return false
  for (const [at, level] of wanted.entries()) {
    if (level === '#') return true
    if (at >= levels.length || (level !== '+' && level !== levels[at])) return false
  }
  return wanted.length === levels.length
}

export function hasRoom({ connection, flights, resending }: Session): boolean {
  return connection !== undefined && resending.length === 0 && flights.length < connection.window
}

export function canTake({ session, subscription }: Member, message: Message): boolean {
  if (!session.connection) return false
  return Math.min(subscription.qos, message.qos) === 0 || hasRoom(session)
}

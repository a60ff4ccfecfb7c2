/** Bytes of the ledger as records: `encoder.ts` has written them. */
import { PacketReader, TopicMemo } from '@halyard/wire/mqtt'
import type { IncomingPublish, PublishProperties, Qos } from '@halyard/wire/mqtt'
import { PayloadSlab } from '../payload-slab.ts'
import type { ForwardedProperties, Publication } from '../publication.ts'
import { RecordReader, broken } from './bytes.ts'
import { FIRST_KIND, HAS, KINDS, TERMS } from './kinds.ts'
import type {
  GroupState,
  LedgerRecord,
  OwedState,
  Owner,
  RowMessage,
  SessionState,
  SubscriptionState,
  TargetState,
  Terms,
  WaitsState,
} from './records.ts'

const MAX_PACKET = 2 ** 28 - 1

export class LedgerDecoder {
  #messages = new MessageReader()

  /**
   * Nothing in it lies in the record's bytes.
   *
   * @throws {StorageError} `ERR_HUB_RECORD`
   */
  decode(record: Uint8Array): LedgerRecord {
    const kind = KINDS[(record[1] ?? 0) - FIRST_KIND]
    if (kind === undefined) throw broken()
    try {
      return READ[kind](new RecordReader(record), this.#messages)
    } catch (error) {
      // What it holds of a packet belongs to no other.
      this.#messages = new MessageReader()
      throw broken(error)
    }
  }
}

/** A PUBLISH of 5.0 at the end of a record. One that has thrown is of no more use. */
export class MessageReader {
  readonly #publications: Publication[] = []
  readonly #reader: PacketReader
  readonly #copies = new PayloadSlab()
  #expiresAt = Infinity

  constructor() {
    const publish = (packet: IncomingPublish): void => {
      this.#publications.push(publicationOf(packet, this.#copies, this.#expiresAt))
    }
    const packet = (): never => {
      throw broken()
    }
    this.#reader = new PacketReader(
      { publish, packet },
      {
        receiver: 'client',
        version: 5,
        maxPacketBytes: MAX_PACKET,
        maxUserProperties: MAX_PACKET,
        topics: new TopicMemo(16_384),
        anyTopic: true,
      },
    )
  }

  read(bytes: Uint8Array, expiresAt: number): Publication {
    this.#publications.length = 0
    this.#expiresAt = expiresAt
    this.#reader.push(bytes)
    const [found, second] = this.#publications
    if (found === undefined || second !== undefined || this.#reader.held > 0) throw broken()
    return found
  }
}

/** Fields are read in the order in which they stand here. */
const READ: { readonly [K in LedgerRecord['kind']]: (reader: RecordReader, messages: MessageReader) => LedgerRecord } =
  {
    clock: (reader) => ({ kind: 'clock', bootId: reader.text(), wall: reader.moment(), monotonic: reader.moment() }),
    session: (reader) => ({ kind: 'session', session: readSession(reader) }),
    parts: (reader) => ({ kind: 'parts', session: reader.number(), count: reader.number() }),
    queue: (reader) => ({ kind: 'queue', session: reader.number(), owed: reader.list(() => readOwed(reader)) }),
    ended: (reader) => ({ kind: 'ended', session: reader.number() }),
    returned: (reader) => ({ kind: 'returned', session: reader.number(), expiry: reader.number() }),
    left: (reader) => ({
      kind: 'left',
      session: reader.number(),
      at: reader.moment(),
      expiry: reader.number(),
      sent: reader.number(),
    }),
    subscribed: (reader) => ({ kind: 'subscribed', session: reader.number(), subscription: readSubscription(reader) }),
    unsubscribed: (reader) => ({ kind: 'unsubscribed', session: reader.number(), filter: reader.text() }),
    targets: (reader) => ({
      kind: 'targets',
      set: reader.number(),
      sessions: reader.list(() => readTarget(reader)),
      groups: readNumbers(reader),
    }),
    message: readMessage,
    moved: (reader, messages) => ({ kind: 'moved', message: reader.number(), ...readPublication(reader, messages) }),
    owed: (reader) => ({
      kind: 'owed',
      session: reader.number(),
      message: reader.number(),
      terms: readTerms(reader).terms,
    }),
    settled: (reader) => ({ kind: 'settled', sessions: reader.list(() => readSettled(reader)) }),
    pubrec: (reader) => ({ kind: 'pubrec', session: reader.number(), ordinal: reader.number() }),
    receipt: (reader) => ({ kind: 'receipt', session: reader.number(), packetId: reader.number() }),
    released: (reader) => ({ kind: 'released', session: reader.number(), packetId: reader.number() }),
    retained: readRetained,
    group: (reader) => ({ kind: 'group', group: readGroup(reader) }),
    taken: (reader) => ({
      kind: 'taken',
      group: reader.number(),
      session: reader.number(),
      message: reader.number(),
      terms: readTerms(reader).terms,
    }),
    'handed-back': (reader) => ({
      kind: 'handed-back',
      group: reader.number(),
      session: reader.number(),
      messages: readNumbers(reader),
    }),
    'group-settled': (reader) => ({ kind: 'group-settled', group: reader.number(), messages: readNumbers(reader) }),
    will: readWill,
    'will-gone': (reader) => ({ kind: 'will-gone', will: reader.number() }),
    row: (reader) => ({
      kind: 'row',
      row: reader.number(),
      first: reader.number(),
      messages: reader.list(() => readRowMessage(reader)),
    }),
    waits: (reader) => ({ kind: 'waits', session: reader.number(), rows: reader.list(() => readWaits(reader)) }),
    snapshot: () => ({ kind: 'snapshot' }),
    complete: () => ({ kind: 'complete' }),
  }

function readMessage(reader: RecordReader, messages: MessageReader): LedgerRecord {
  const message = reader.number()
  const flags = reader.byte()
  const at = flags & HAS.expiry ? reader.moment() : 0
  const expiresAt = flags & HAS.expiry ? reader.moment() : Infinity
  const set = flags & HAS.set ? reader.number() : 0
  const except = flags & HAS.except ? readNumbers(reader) : []
  const from = flags & HAS.receipt ? reader.number() : 0
  const packetId = flags & HAS.receipt ? reader.number() : 0
  const retained = flags & HAS.retained ? { space: reader.text(), channel: reader.text() } : undefined
  const publisher = flags & HAS.retained ? reader.text() : ''
  const publication = withPublisher(messages.read(reader.rest(), expiresAt), publisher)
  return { kind: 'message', message, publication, at, set, except, from, packetId, retained }
}

function readRetained(reader: RecordReader, messages: MessageReader): LedgerRecord {
  const space = reader.text()
  const channel = reader.text()
  const publisher = reader.text()
  const { at, publication } = readPublication(reader, messages)
  return { kind: 'retained', space, channel, publication: withPublisher(publication, publisher), at }
}

function readWill(reader: RecordReader, messages: MessageReader): LedgerRecord {
  const number = reader.number()
  const owner = readOwner(reader)
  const lifetime = reader.moment()
  const delay = reader.moment()
  const { at, publication } = readPublication(reader, messages)
  return { kind: 'will', will: { number, owner, publication, lifetime, delay }, at }
}

function readPublication(
  reader: RecordReader,
  messages: MessageReader,
): { readonly at: number; readonly publication: Publication } {
  const at = reader.moment()
  const expiresAt = reader.moment()
  return { at, publication: messages.read(reader.rest(), expiresAt) }
}

function withPublisher(publication: Publication, publisher: string): Publication {
  return publisher === '' ? publication : { ...publication, publisher }
}

function publicationOf(packet: IncomingPublish, copies: PayloadSlab, expiresAt: number): Publication {
  const { topic, qos, retain, properties } = packet
  const payload = copies.copy(packet.bytes, packet.payloadAt, packet.payloadEnd)
  return { topic, payload, qos, retain, properties: orNone(properties), expiresAt }
}

function orNone(properties: PublishProperties): ForwardedProperties | undefined {
  for (const _ in properties) return properties
  return undefined
}

function readNumbers(reader: RecordReader): number[] {
  return reader.list(() => reader.number())
}

function readTerms(reader: RecordReader): { readonly terms: Terms; readonly flags: number } {
  const flags = reader.byte()
  const qos = qosOf(flags)
  return { terms: { qos, retain: (flags & TERMS.retain) !== 0, identifiers: readNumbers(reader) }, flags }
}

function qosOf(flags: number): Qos {
  const qos = flags & 3
  if (qos === 3) throw broken()
  return qos as Qos
}

function readTarget(reader: RecordReader): TargetState {
  const session = reader.number()
  const { terms, flags } = readTerms(reader)
  const { qos, identifiers } = terms
  return { session, qos, identifiers, retainAsPublished: (flags & TERMS.asPublished) !== 0 }
}

function readRowMessage(reader: RecordReader): RowMessage {
  const message = reader.number()
  const flags = reader.byte()
  return { message, qos: qosOf(flags), retain: (flags & TERMS.retain) !== 0 }
}

function readWaits(reader: RecordReader): WaitsState {
  const row = reader.number()
  const from = reader.number()
  const to = reader.number()
  const { terms, flags } = readTerms(reader)
  const { qos, identifiers } = terms
  return { row, from, to, qos, identifiers, retainAsPublished: (flags & TERMS.asPublished) !== 0 }
}

function readSubscription(reader: RecordReader): SubscriptionState {
  const filter = reader.text()
  const flags = reader.byte()
  return {
    filter,
    qos: qosOf(flags),
    noLocal: (flags & TERMS.noLocal) !== 0,
    retainAsPublished: (flags & TERMS.asPublished) !== 0,
    identifier: reader.number(),
    validUntil: reader.moment(),
  }
}

function readOwner(reader: RecordReader): Owner {
  const dialect = reader.text()
  const space = reader.text()
  const account = reader.text()
  const clientId = reader.text()
  const [name] = reader.list(() => reader.text())
  return { dialect, space, account, name, clientId }
}

function readSession(reader: RecordReader): SessionState {
  const number = reader.number()
  const owner = readOwner(reader)
  const expiry = reader.number()
  const leftAt = reader.moment()
  return {
    number,
    owner,
    expiry,
    leftAt: Number.isNaN(leftAt) ? undefined : leftAt,
    next: reader.number(),
    sent: reader.number(),
    subscriptions: reader.list(() => readSubscription(reader)),
    owed: reader.list(() => readOwed(reader)),
    received: readNumbers(reader),
  }
}

function readOwed(reader: RecordReader): OwedState {
  const ordinal = reader.number()
  const message = reader.number()
  const group = reader.number()
  const { terms, flags } = readTerms(reader)
  return { ordinal, message, group, released: (flags & TERMS.released) !== 0, ...terms }
}

function readGroup(reader: RecordReader): GroupState {
  return {
    number: reader.number(),
    space: reader.text(),
    share: reader.text(),
    filter: reader.text(),
    backlog: readNumbers(reader),
  }
}

function readSettled(reader: RecordReader): {
  readonly session: number
  readonly runs: { readonly first: number; readonly count: number }[]
} {
  const session = reader.number()
  return { session, runs: reader.list(() => ({ first: reader.number(), count: reader.number() })) }
}

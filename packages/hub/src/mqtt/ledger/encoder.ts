/** Records of the ledger as bytes. `bytes.ts` has numbers and texts; a message is a PUBLISH of 5.0, as on the wire. */
import { encodePublish, encodePublishProperties, sizeOfPublishParts } from '@halyard/wire/mqtt'
import type { PublishParts, Qos } from '@halyard/wire/mqtt'
import type { ForwardedProperties, Publication } from '../publication.ts'
import { RecordWriter } from './bytes.ts'
import { FIRST_KIND, HAS, KINDS, TERMS, VERSION } from './kinds.ts'
import type {
  GroupState,
  LedgerRecord,
  OwedState,
  Owner,
  SessionState,
  SubscriptionState,
  TargetState,
  Terms,
  WillState,
} from './records.ts'

/** 5.0: a length of 0. */
const NO_PROPERTIES = Uint8Array.of(0)

/** What of a message goes into its record beside the bytes. */
export type MessageFacts = Omit<Extract<LedgerRecord, { kind: 'message' }>, 'kind' | 'publication'> & {
  readonly qos: Qos
  readonly retain: boolean
  readonly expiresAt: number
  readonly publisher: string
}

export class LedgerEncoder {
  readonly #writer = new RecordWriter()

  /** Valid until the next one. */
  encode(record: LedgerRecord): Uint8Array {
    if (record.kind === 'message') {
      const { publication } = record
      return this.message({ ...record, ...publication, publisher: publication.publisher ?? '' }, partsOf(publication))
    }
    const writer = this.#begin(record.kind)
    switch (record.kind) {
      case 'clock':
        writer.text(record.bootId).moment(record.wall).moment(record.monotonic)
        break
      case 'session':
        this.#session(record.session)
        break
      case 'parts':
        writer.number(record.session).number(record.count)
        break
      case 'queue':
        writer.number(record.session).list(record.owed, (owed) => this.#owed(owed))
        break
      case 'ended':
        writer.number(record.session)
        break
      case 'returned':
        writer.number(record.session).number(record.expiry)
        break
      case 'left':
        writer.number(record.session).moment(record.at).number(record.expiry).number(record.sent)
        break
      case 'subscribed':
        writer.number(record.session)
        this.#subscription(record.subscription)
        break
      case 'unsubscribed':
        writer.number(record.session).text(record.filter)
        break
      case 'targets':
        writer.number(record.set).list(record.sessions, (target) => this.#target(target))
        this.#numbers(record.groups)
        break
      case 'moved':
        writer.number(record.message)
        this.#publication(record.publication, record.at)
        break
      case 'owed':
        writer.number(record.session).number(record.message)
        this.#terms(record.terms, 0)
        break
      case 'settled':
        writer.list(record.sessions, ({ session, runs }) =>
          writer.number(session).list(runs, ({ first, count }) => writer.number(first).number(count)),
        )
        break
      case 'pubrec':
        writer.number(record.session).number(record.ordinal)
        break
      case 'receipt':
      case 'released':
        writer.number(record.session).number(record.packetId)
        break
      case 'retained':
        writer
          .text(record.space)
          .text(record.channel)
          .text(record.publication.publisher ?? '')
        this.#publication(record.publication, record.at)
        break
      case 'group':
        this.#group(record.group)
        break
      case 'taken':
        writer.number(record.group).number(record.session).number(record.message)
        this.#terms(record.terms, 0)
        break
      case 'handed-back':
        writer.number(record.group).number(record.session)
        this.#numbers(record.messages)
        break
      case 'group-settled':
        writer.number(record.group)
        this.#numbers(record.messages)
        break
      case 'will':
        this.#will(record.will, record.at)
        break
      case 'will-gone':
        writer.number(record.will)
        break
      case 'row':
        writer.number(record.row).number(record.first)
        writer.list(record.messages, ({ message, qos, retain }) =>
          writer.number(message).byte(qos | (retain ? TERMS.retain : 0)),
        )
        break
      case 'waits':
        writer.number(record.session).list(record.rows, (waits) => {
          writer.number(waits.row).number(waits.from).number(waits.to)
          this.#terms({ ...waits, retain: false }, waits.retainAsPublished ? TERMS.asPublished : 0)
        })
        break
      case 'snapshot':
      case 'complete':
        break
    }
    return writer.record
  }

  /** The one that is written for each message: without an object for what lies in bytes already. */
  message(facts: MessageFacts, parts: PublishParts): Uint8Array {
    const { message, at, expiresAt, set, except, from, packetId, retained, publisher, qos, retain } = facts
    const writer = this.#begin('message')
    writer.number(message)
    writer.byte(
      (expiresAt === Infinity ? 0 : HAS.expiry) |
        (set === 0 ? 0 : HAS.set) |
        (except.length === 0 ? 0 : HAS.except) |
        (from === 0 ? 0 : HAS.receipt) |
        (retained === undefined ? 0 : HAS.retained),
    )
    if (expiresAt !== Infinity) writer.moment(at).moment(expiresAt)
    if (set !== 0) writer.number(set)
    if (except.length > 0) this.#numbers(except)
    if (from !== 0) writer.number(from).number(packetId)
    if (retained !== undefined) writer.text(retained.space).text(retained.channel).text(publisher)
    this.#publish(parts, qos, retain)
    return writer.record
  }

  #begin(kind: LedgerRecord['kind']): RecordWriter {
    return this.#writer.begin(VERSION, FIRST_KIND + KINDS.indexOf(kind))
  }

  #numbers(numbers: readonly number[]): void {
    this.#writer.list(numbers, (value) => this.#writer.number(value))
  }

  #publish(parts: PublishParts, qos: Qos, retain: boolean): void {
    // With QoS 1 and 2 a packet has an identifier; here it means nothing.
    this.#writer.room(sizeOfPublishParts(parts, qos), (bytes, at) =>
      encodePublish(parts, qos, retain, false, 1, bytes, at),
    )
  }

  #publication(publication: Publication, at: number): void {
    this.#writer.moment(at).moment(publication.expiresAt)
    this.#publish(partsOf(publication), publication.qos, publication.retain)
  }

  #terms({ qos, retain, identifiers }: Terms, more: number): void {
    this.#writer.byte(qos | (retain ? TERMS.retain : 0) | more)
    this.#numbers(identifiers)
  }

  #target(target: TargetState): void {
    this.#writer.number(target.session)
    this.#terms({ ...target, retain: false }, target.retainAsPublished ? TERMS.asPublished : 0)
  }

  #subscription(subscription: SubscriptionState): void {
    const { filter, qos, noLocal, retainAsPublished, identifier, validUntil } = subscription
    this.#writer.text(filter).byte(qos | (noLocal ? TERMS.noLocal : 0) | (retainAsPublished ? TERMS.asPublished : 0))
    this.#writer.number(identifier).moment(validUntil)
  }

  #owner({ dialect, space, account, name, clientId }: Owner): void {
    this.#writer.text(dialect).text(space).text(account).text(clientId)
    this.#writer.list(name === undefined ? [] : [name], (text) => this.#writer.text(text))
  }

  #session(session: SessionState): void {
    const writer = this.#writer
    writer.number(session.number)
    this.#owner(session.owner)
    writer.number(session.expiry).moment(session.leftAt ?? Number.NaN)
    writer.number(session.next).number(session.sent)
    writer.list(session.subscriptions, (subscription) => this.#subscription(subscription))
    writer.list(session.owed, (owed) => this.#owed(owed))
    this.#numbers(session.received)
  }

  #owed(owed: OwedState): void {
    this.#writer.number(owed.ordinal).number(owed.message).number(owed.group)
    this.#terms(owed, owed.released ? TERMS.released : 0)
  }

  #group({ number, space, share, filter, backlog }: GroupState): void {
    this.#writer.number(number).text(space).text(share).text(filter)
    this.#numbers(backlog)
  }

  #will({ number, owner, publication, lifetime, delay }: WillState, at: number): void {
    this.#writer.number(number)
    this.#owner(owner)
    this.#writer.moment(lifetime).moment(delay)
    this.#publication(publication, at)
  }
}

function partsOf({ topic, payload, properties }: Publication): PublishParts {
  return { topic: topic.bytes, payload, payloadAt: 0, payloadEnd: payload.length, properties: propertiesOf(properties) }
}

/** As records have them: what is forwarded, and nothing else. */
export function propertiesOf(properties: ForwardedProperties | undefined): Uint8Array {
  return properties === undefined ? NO_PROPERTIES : encodePublishProperties(properties, 5)
}

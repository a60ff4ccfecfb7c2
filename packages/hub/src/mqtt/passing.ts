import { encodePublishProperties, frameOf } from '@halyard/wire/mqtt'
import type { PublishFrame, PublishParts, Qos, TopicName } from '@halyard/wire/mqtt'
import type { Lsn } from '../domain/ports.ts'
import type { MessageStore, Position } from '../domain/positions.ts'
import { PayloadSlab } from './payload-slab.ts'
import { sizeOfMessage, topicOf } from './publication.ts'
import type { ForwardedProperties, Publication } from './publication.ts'

const NOTHING = new Uint8Array(0)
/** 5.0: a length of 0. */
const NO_PROPERTIES_5 = Uint8Array.of(0)

/** A message that has a record of its own in the journal. */
export interface Kept {
  readonly lsn: Lsn
  /** 0: nobody is owed it by that record. */
  readonly position: Position
  /** Numbers of sessions that get it and are not owed it by that record. */
  readonly except: ReadonlySet<number>
  /** And of those that may not have it. */
  readonly refused: ReadonlySet<number>
}

/**
 * A message on its way from its publisher to those who are connected. One object serves them all, one after the other:
 * its payload lies where it was read, and is copied only if somebody has to hold it.
 */
export class Passing {
  topic: TopicName
  payload: Uint8Array = NOTHING
  payloadAt = 0
  payloadEnd = 0
  qos: Qos = 0
  /** As it was published. */
  retain = false
  forwarded: ForwardedProperties | undefined
  expiresAt: number = Infinity
  /** Of {@link Publication}: in the history; 0. */
  id = 0
  /** Of {@link Publication}: of what is to be retained. */
  publisher = ''
  /** What of it is in the journal. */
  kept: Kept | undefined
  /** The newest record of somebody who is owed it by one of his own; 0. */
  owedAt: Lsn = 0
  readonly #copies = new PayloadSlab()
  #publication: Publication | undefined
  #position: Position = 0
  /** By QoS, RETAIN and version: what all receivers of a kind get. */
  readonly #frames: (PublishFrame | undefined)[] = []
  readonly #parts: {
    topic: Uint8Array
    properties: Uint8Array
    payload: Uint8Array
    payloadAt: number
    payloadEnd: number
  }

  constructor(topic: TopicName = topicOf('')) {
    this.topic = topic
    this.#parts = { topic: topic.bytes, properties: NOTHING, payload: NOTHING, payloadAt: 0, payloadEnd: 0 }
  }

  /** Everything of the message before is forgotten. */
  begin(topic: TopicName, payload: Uint8Array, payloadAt: number, payloadEnd: number): void {
    this.topic = topic
    this.payload = payload
    this.payloadAt = payloadAt
    this.payloadEnd = payloadEnd
    this.forwarded = undefined
    this.expiresAt = Infinity
    this.id = 0
    this.publisher = ''
    this.kept = undefined
    this.owedAt = 0
    this.#publication = undefined
    this.#position = 0
    if (this.#frames.length > 0) this.#frames.length = 0
  }

  /** One that somebody holds goes out again. */
  beginAgain(publication: Publication, position: Position): void {
    const { topic, payload, qos, retain, properties, expiresAt, id = 0, publisher = '' } = publication
    this.begin(topic, payload, 0, payload.length)
    this.qos = qos
    this.retain = retain
    this.forwarded = properties
    this.expiresAt = expiresAt
    this.id = id
    this.publisher = publisher
    this.#publication = publication
    this.#position = position
  }

  /** Lets go of the chunk that it lies in. */
  end(): void {
    this.payload = this.#parts.payload = NOTHING
    this.#publication = undefined
    if (this.#frames.length > 0) this.#frames.length = 0
  }

  /** It is in the history now, under this number. */
  stored(id: number): void {
    this.id = id
    if (this.#publication !== undefined) this.#publication = { ...this.#publication, id }
  }

  /** To be held: the payload is a copy. */
  get publication(): Publication {
    return (this.#publication ??= {
      topic: this.topic,
      payload: this.#copies.copy(this.payload, this.payloadAt, this.payloadEnd),
      qos: this.qos,
      retain: this.retain,
      properties: this.forwarded,
      expiresAt: this.expiresAt,
      id: this.id,
      publisher: this.publisher,
    })
  }

  /** What it counts against the limits. */
  get size(): number {
    return sizeOfMessage(this.topic, this.payloadEnd - this.payloadAt, this.forwarded)
  }

  /** Where it is held; 0: nobody does yet. */
  get position(): Position {
    return this.#position
  }

  /** One more waits for it: it is in the store once, whoever waits. */
  hold(store: MessageStore<Publication>): Position {
    if (this.#position === 0 || !store.share(this.#position)) {
      this.#position = store.hold(this.publication, this.size)
      // Nobody is owed it by its record; QoS 2 waits for its receipt in there.
      if (this.kept !== undefined && this.kept.position === 0) store.wrote(this.#position, this.kept.lsn)
    }
    return this.#position
  }

  /** For one receiver. `properties`: of its version, with what is its own. */
  parts(properties: Uint8Array, topic: Uint8Array = this.topic.bytes): PublishParts {
    const parts = this.#parts
    parts.topic = topic
    parts.properties = properties
    parts.payload = this.payload
    parts.payloadAt = this.payloadAt
    parts.payloadEnd = this.payloadEnd
    return parts
  }

  /** The frame that all receivers of this QoS, RETAIN and version share. It never changes. */
  frame(qos: Qos, retain: boolean, version: 3 | 4 | 5, now: number): PublishFrame {
    const kind = qos | (retain ? 4 : 0) | (version === 5 ? 8 : 0)
    return (this.#frames[kind] ??= asBuffer(frameOf(this.parts(this.properties(version, undefined, now)), qos, retain)))
  }

  /** As bytes: what is forwarded, what is left of its life ([MQTT-3.3.2-6]), and what is this receiver's own. */
  properties(
    version: 3 | 4 | 5,
    own: { readonly identifiers?: readonly number[] | undefined; readonly alias?: number } | undefined,
    now: number,
  ): Uint8Array {
    if (version !== 5) return NOTHING
    if (own === undefined && this.forwarded === undefined && this.expiresAt === Infinity) return NO_PROPERTIES_5
    return encodePublishProperties(
      {
        ...this.forwarded,
        ...(this.expiresAt !== Infinity && {
          messageExpiryInterval: Math.max(0, Math.ceil((this.expiresAt - now) / 1000)),
        }),
        ...(own?.identifiers !== undefined && { subscriptionIdentifiers: own.identifiers }),
        ...(own?.alias !== undefined && { topicAlias: own.alias }),
      },
      5,
    )
  }
}

/** Node's streams make a Buffer of whatever else is written: here once, and not for each of a thousand receivers. */
function asBuffer({ bytes, packetIdAt }: PublishFrame): PublishFrame {
  return { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), packetIdAt }
}

import { PacketReader, TopicMemo } from '@halyard/wire/mqtt'
import type { IncomingPublish, PublishProperties } from '@halyard/wire/mqtt'
import type { ForwardedProperties, Publication } from '../publication.ts'
import { broken } from './bytes.ts'

const MAX_PACKET = 2 ** 28 - 1

/** A PUBLISH of 5.0 at the end of a record. One that has thrown is of no more use. */
export class MessageReader {
  readonly #publications: Publication[] = []
  readonly #reader: PacketReader
  #expiresAt = Infinity

  constructor() {
    const publish = (packet: IncomingPublish): void => {
      this.#publications.push(publicationOf(packet, this.#expiresAt))
    }
    const packet = (): never => {
      throw broken()
    }
    this.#reader = new PacketReader(
      { publish, packet },
      {
        ...{ receiver: 'client', version: 5, maxPacketBytes: MAX_PACKET, maxUserProperties: MAX_PACKET },
        ...{ topics: new TopicMemo(16_384), anyTopic: true },
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

function publicationOf(packet: IncomingPublish, expiresAt: number): Publication {
  const { topic, qos, retain, properties } = packet
  return { topic, payload: packet.copyPayload(), qos, retain, properties: orNone(properties), expiresAt }
}

function orNone(properties: PublishProperties): ForwardedProperties | undefined {
  for (const _ in properties) return properties
  return undefined
}

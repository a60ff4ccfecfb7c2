import { MqttProtocolError } from './errors.ts'
import type { ProtocolVersion, Receiver } from './packet.ts'
import { REASON } from './reason-codes.ts'
import { decodeUtf8 } from './utf8.ts'

const NOTHING: Uint8Array = new Uint8Array(0)

/**
 * The body of one packet, read from its start to its end. Whoever has a packet points it there. Every read stays inside the packet, whatever the lengths in it say.
 */
export class Cursor {
  bytes: Uint8Array = NOTHING
  at = 0
  end = 0
  /** Before a CONNECT was read `undefined`, for a reader that does not know it otherwise. */
  version: ProtocolVersion | undefined
  receiver: Receiver | undefined
  maxUserProperties = 0
  maxClientIdCharacters = 0

  point(bytes: Uint8Array, at: number, end: number): void {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  /** Lets go of the packet. */
  release(): void {
    this.point(NOTHING, 0, 0)
  }

  get left(): number {
    return this.end - this.at
  }

  byte(): number {
    if (this.at >= this.end) throw truncated()
    return this.bytes[this.at++]!
  }

  uint16(): number {
    const { bytes, at } = this
    if (at + 2 > this.end) throw truncated()
    this.at = at + 2
    return (bytes[at]! << 8) | bytes[at + 1]!
  }

  uint32(): number {
    return this.uint16() * 65_536 + this.uint16()
  }

  /** At most four bytes, and no more than the value needs [MQTT-1.5.5-1]. */
  variableByteInteger(): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte()
      value |= (byte & 0x7f) << shift
      if (byte > 0x7f) continue
      if (byte === 0 && shift > 0) break
      return value
    }
    throw new MqttProtocolError(
      'ERR_MQTT_LENGTH',
      REASON.malformedPacket,
      'MQTT-1.5.5-1',
      'a Variable Byte Integer has more bytes than it needs or may have',
    )
  }

  string(): string {
    const end = this.#field()
    const text = decodeUtf8(this.bytes, this.at, end)
    if (text === undefined) throw badText()
    this.at = end
    return text
  }

  /** A copy: it may be kept. */
  binary(): Uint8Array {
    const end = this.#field()
    // Not `Uint8Array.prototype.slice` of the array's own class, which for Node's Buffer would be another view.
    const copy = new Uint8Array(end - this.at)
    for (let i = 0; i < copy.length; i++) copy[i] = this.bytes[this.at + i]!
    this.at = end
    return copy
  }

  /** [MQTT-2.3.1-1] of 3.1.1, [MQTT-2.2.1-3] and [MQTT-2.2.1-4] of 5.0. */
  packetId(): number {
    const id = this.uint16()
    if (id === 0) throw zeroPacketId()
    return id
  }

  /** Every packet ends where its remaining length says. */
  finish(): void {
    if (this.at === this.end) return
    throw new MqttProtocolError(
      'ERR_MQTT_TRAILING',
      REASON.malformedPacket,
      '5.0 §2.1.4',
      `the packet goes on for ${this.left} bytes behind its last field`,
    )
  }

  /** Where a field ends whose length stands before it. */
  #field(): number {
    const length = this.uint16()
    if (this.at + length > this.end) throw truncated()
    return this.at + length
  }
}

export function truncated(): MqttProtocolError {
  return new MqttProtocolError(
    'ERR_MQTT_TRUNCATED',
    REASON.malformedPacket,
    '5.0 §2.1.4',
    'the packet ends inside one of its fields',
  )
}

/** [MQTT-1.5.4-1], [MQTT-1.5.4-2]; in 3.1.1 [MQTT-1.5.3-1], [MQTT-1.5.3-2] */
export function badText(): MqttProtocolError {
  return new MqttProtocolError(
    'ERR_MQTT_UTF8',
    REASON.malformedPacket,
    'MQTT-1.5.4-1',
    'a string is not UTF-8, or holds U+0000',
  )
}

export function zeroPacketId(): MqttProtocolError {
  return new MqttProtocolError('ERR_MQTT_PACKET_ID', REASON.malformedPacket, '5.0 §2.2.1', 'the packet identifier is 0')
}

/** A packet with the parts of another packet, or of another version. */
export function protocolError(clause: string, message: string): MqttProtocolError {
  return new MqttProtocolError('ERR_MQTT_PROTOCOL', REASON.protocolError, clause, message)
}

import { protocolError, type Cursor } from './cursor.ts'
import { MqttEncodeError, MqttProtocolError } from './errors.ts'
import { requireInteger, requirePacketId, sizeOfString, writeString, writeUint16 } from './output.ts'
import type { ProtocolVersion, Qos, Subscribe, Subscription } from './packet.ts'
import { given, readProperties, sizeOfProperties, writeProperties } from './property-codec.ts'
import { REASON } from './reason-codes.ts'
import { isShared } from './topic.ts'

/** SUBSCRIBE, 5.0 §3.8: packet identifier · [properties] · one or more of: topic filter · options. */

// The options, 5.0 §3.8.3.1; before 5.0 there is the QoS alone. Bits 4 and 5 are the retain handling.
const NO_LOCAL = 0x04
const RETAIN_AS_PUBLISHED = 0x08
const RETAIN_HANDLING_SHIFT = 4

export function readSubscribe(cursor: Cursor): Subscribe {
  const packetId = cursor.packetId()
  const properties = readProperties(cursor, 'subscribe')
  const subscriptions: Subscription[] = []
  while (cursor.left > 0) subscriptions.push(readSubscription(cursor))
  // [MQTT-3.8.3-2] of 5.0, [MQTT-3.8.3-3] of 3.1.1
  if (subscriptions.length === 0) throw nothingAsked('MQTT-3.8.3-2')
  return { type: 'subscribe', packetId, subscriptions, ...given(properties) }
}

/** The syntax of the filter is the server's question, which answers it filter by filter. */
function readSubscription(cursor: Cursor): Subscription {
  const filter = cursor.string()
  const options = cursor.byte()
  const { version } = cursor
  const qos = options & 3
  const retainHandling = (options >> RETAIN_HANDLING_SHIFT) & 3
  // [MQTT-3.8.3-5] of 5.0, [MQTT-3-8.3-4] of 3.1.1. In 3.1 the upper bits are unused.
  if (qos === 3 || (version === 4 && options > 2) || (version === 5 && (options > 0x3f || retainHandling === 3))) {
    throw new MqttProtocolError(
      'ERR_MQTT_SUBSCRIPTION_OPTIONS',
      // 5.0 §3.8.3.1 calls a retain handling of 3 a Protocol Error and the others malformed.
      qos !== 3 && options <= 0x3f && version === 5 ? REASON.protocolError : REASON.malformedPacket,
      'MQTT-3.8.3-5',
      `the subscription options are 0x${options.toString(16)}`,
    )
  }
  if (version !== 5) return { filter, qos: qos as Qos, noLocal: false, retainAsPublished: false, retainHandling: 0 }
  const noLocal = (options & NO_LOCAL) !== 0
  if (noLocal && isShared(filter)) throw protocolError('MQTT-3.8.3-4', 'a shared subscription has No Local')
  return {
    filter,
    qos: qos as Qos,
    noLocal,
    retainAsPublished: (options & RETAIN_AS_PUBLISHED) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
  }
}

/** A packet that asks, or answers, nothing. */
export function nothingAsked(clause: string): MqttProtocolError {
  return new MqttProtocolError('ERR_MQTT_EMPTY', REASON.protocolError, clause, 'the packet has an empty payload')
}

export function sizeOfSubscribe(packet: Subscribe, version: ProtocolVersion): number {
  requirePacketId(packet.packetId)
  requireInteger('the number of subscriptions', packet.subscriptions.length, 1, Infinity)
  let size = 2 + sizeOfProperties('subscribe', packet.properties, version)
  for (const subscription of packet.subscriptions) {
    requireInteger('the QoS', subscription.qos, 0, 2)
    requireInteger('the retain handling', subscription.retainHandling, 0, 2)
    requireInteger('the characters of a filter', subscription.filter.length, 1, Infinity)
    if (version === 5 && subscription.noLocal && isShared(subscription.filter)) {
      throw new MqttEncodeError('ERR_MQTT_UNENCODABLE', 'a shared subscription cannot have No Local')
    }
    size += sizeOfString(subscription.filter) + 1
  }
  return size
}

export function writeSubscribe(packet: Subscribe, version: ProtocolVersion, out: Uint8Array, from: number): number {
  let at = writeUint16(packet.packetId, out, from)
  at = writeProperties('subscribe', packet.properties, version, out, at)
  for (const { filter, qos, noLocal, retainAsPublished, retainHandling } of packet.subscriptions) {
    at = writeString(filter, out, at)
    const more =
      (noLocal ? NO_LOCAL : 0) |
      (retainAsPublished ? RETAIN_AS_PUBLISHED : 0) |
      (retainHandling << RETAIN_HANDLING_SHIFT)
    out[at++] = qos | (version === 5 ? more : 0)
  }
  return at
}

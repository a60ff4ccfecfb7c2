import { sizeOf } from './codec.ts'
import type { Acknowledgement, Auth, Connack, Disconnect, Suback, Unsuback } from './packet.ts'
import type { AllProperties } from './properties.ts'

/** Packets of 5.0 with a Reason String and User Properties that say more about a result than its code. */
export type Explained = Connack | Acknowledgement | Suback | Unsuback | Disconnect | Auth

/**
 * The packet as it may be sent to a receiver with a Maximum Packet Size: without User Properties, then without Reason
 * String, if it would be too large; `undefined` if it is even then, and so is not sent. [MQTT-3.2.2-19],
 * [MQTT-3.2.2-20], and the same for each packet: [MQTT-3.4.2-2], [MQTT-3.4.2-3] and so on to [MQTT-3.15.2-3].
 */
export function fitTo<P extends Explained>(packet: P, maximumPacketSize: number): P | undefined {
  if (sizeOf(packet, 5) <= maximumPacketSize) return packet
  const brief = without(packet, 'userProperties')
  if (sizeOf(brief, 5) <= maximumPacketSize) return brief
  const bare = without(brief, 'reasonString')
  return sizeOf(bare, 5) <= maximumPacketSize ? bare : undefined
}

/**
 * The packet for a client that asked for no problem information: Reason String and User Properties stay on CONNACK and
 * DISCONNECT alone, and on PUBLISH [MQTT-3.1.2-29].
 */
export function withoutProblemInformation<P extends Explained>(packet: P): P {
  if (packet.type === 'connack' || packet.type === 'disconnect') return packet
  return without(without(packet, 'userProperties'), 'reasonString')
}

function without<P extends Explained>(packet: P, name: 'userProperties' | 'reasonString'): P {
  const properties: AllProperties | undefined = packet.properties
  if (properties?.[name] === undefined) return packet
  const { [name]: _, ...rest } = properties
  return { ...packet, properties: rest }
}

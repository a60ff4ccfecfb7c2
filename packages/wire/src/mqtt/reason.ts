import type { Cursor } from './cursor.ts'
import { MqttEncodeError, MqttProtocolError } from './errors.ts'
import type { ProtocolVersion } from './packet.ts'
import { mayCarry, REASON } from './reason-codes.ts'
import type { ReasonedType } from './reason-codes.ts'

/**
 * Each packet has its own table of codes: [MQTT-3.2.2-8], [MQTT-3.4.2-1], [MQTT-3.5.2-1], [MQTT-3.6.2-1],
 * [MQTT-3.7.2-1], [MQTT-3.9.3-2], [MQTT-3.11.3-2], [MQTT-3.14.2-1], [MQTT-3.15.2-1].
 */
const CLAUSES = {
  connack: 'MQTT-3.2.2-8',
  puback: 'MQTT-3.4.2-1',
  pubrec: 'MQTT-3.5.2-1',
  pubrel: 'MQTT-3.6.2-1',
  pubcomp: 'MQTT-3.7.2-1',
  suback: 'MQTT-3.9.3-2',
  unsuback: 'MQTT-3.11.3-2',
  disconnect: 'MQTT-3.14.2-1',
  auth: 'MQTT-3.15.2-1',
} as const satisfies Record<ReasonedType, string>

export function readReason(cursor: Cursor, type: ReasonedType): number {
  const code = cursor.byte()
  // Without a version only CONNECT is read, which has no reason.
  if (mayCarry(type, code, cursor.version!, cursor.receiver)) return code
  throw new MqttProtocolError(
    'ERR_MQTT_REASON_CODE',
    REASON.protocolError,
    CLAUSES[type],
    `${type} has no code 0x${code.toString(16)}`,
  )
}

/** The same for what we write. */
export function requireReason(type: ReasonedType, code: number, version: ProtocolVersion): void {
  if (mayCarry(type, code, version)) return
  throw new MqttEncodeError('ERR_MQTT_UNENCODABLE', `${type} of MQTT version ${version} has no code ${code}`)
}

import { protocolError, type Cursor } from './cursor.ts'
import { MqttEncodeError, MqttProtocolError } from './errors.ts'
import { requireInteger, sizeOfBinary, sizeOfString, writeBinary, writeString, writeUint16 } from './output.ts'
import type { Connect, ProtocolVersion, Qos, Will } from './packet.ts'
import { given, readProperties, sizeOfProperties, writeProperties } from './property-codec.ts'
import { REASON } from './reason-codes.ts'
import { hasWildcard } from './topic.ts'

/**
 * CONNECT, 5.0 §3.1 and 3.1.1 §3.1, the packet that names the version of all others:
 *
 *     protocol name · protocol level · flags · keep alive · [properties]
 *     client id · [will: [properties] · topic · payload] · [user name] · [password]
 */

// The flags, 5.0 §3.1.2.3. Bits 3 and 4 are the will's QoS.
const RESERVED = 0x01
const CLEAN_START = 0x02
const WILL = 0x04
const WILL_QOS_SHIFT = 3
const WILL_RETAIN = 0x20
const PASSWORD = 0x40
const USERNAME = 0x80

/** Mosquitto's bridges set it in the protocol level (`try_private`). docs/protocols/mqtt.md §6.2 */
const BRIDGE = 0x80

export const MAX_CLIENT_ID_CHARACTERS_3_1 = 23

/** Sets the cursor's version as soon as it is known, so that also a refusal can be answered in it. */
export function readConnect(cursor: Cursor): Connect {
  const { version, bridge } = readVersion(cursor)
  cursor.version = version
  const flags = cursor.byte()
  checkFlags(flags, version)
  const keepAlive = cursor.uint16()
  const properties = readProperties(cursor, 'connect')
  // [MQTT-3.1.3-1]: the order of the payload. [MQTT-3.1.3-3]: the client id always stands there.
  const clientId = cursor.string()
  if (version === 3) checkClientId(clientId, cursor.maxClientIdCharacters)
  const will = flags & WILL ? readWill(cursor, flags) : undefined
  // 3.1 §3.1: where nothing is left, the remaining length takes precedence over these two flags.
  const username = flags & USERNAME && !(version === 3 && cursor.left === 0) ? cursor.string() : undefined
  const password = flags & PASSWORD && !(version === 3 && cursor.left === 0) ? cursor.binary() : undefined
  if ('authenticationData' in properties && properties.authenticationMethod === undefined) {
    throw protocolError('5.0 §3.1.2.11.10', 'authentication data without an authentication method')
  }
  return {
    type: 'connect',
    version,
    ...(bridge && { bridge }),
    clientId,
    cleanStart: (flags & CLEAN_START) !== 0,
    keepAlive,
    ...(will && { will }),
    ...(username !== undefined && { username }),
    ...(password && { password }),
    ...given(properties),
  }
}

function readVersion(cursor: Cursor): { version: ProtocolVersion; bridge: boolean } {
  const name = cursor.string()
  // [MQTT-3.1.2-1]
  if (name !== 'MQTT' && name !== 'MQIsdp') {
    throw new MqttProtocolError(
      'ERR_MQTT_PROTOCOL_NAME',
      REASON.unsupportedProtocolVersion,
      'MQTT-3.1.2-1',
      'the protocol name is neither MQTT nor MQIsdp',
    )
  }
  const byte = cursor.byte()
  const level = byte & ~BRIDGE
  const bridge = byte !== level
  if (name === 'MQIsdp' && level === 3) return { version: 3, bridge }
  if (name === 'MQTT' && level === 4) return { version: 4, bridge }
  if (name === 'MQTT' && byte === 5) return { version: 5, bridge: false }
  // [MQTT-3.1.2-2]
  throw new MqttProtocolError(
    'ERR_MQTT_PROTOCOL_VERSION',
    REASON.unsupportedProtocolVersion,
    'MQTT-3.1.2-2',
    `there is no protocol level ${byte} of ${name}`,
  )
}

function checkFlags(flags: number, version: ProtocolVersion): void {
  const willQos = (flags >> WILL_QOS_SHIFT) & 3
  if (flags & WILL && willQos === 3) throw badFlags('MQTT-3.1.2-12', 'the will has QoS 3')
  // 3.1 calls the rest unused, or to be disregarded.
  if (version === 3) return
  if (flags & RESERVED) throw badFlags('MQTT-3.1.2-3', 'the reserved flag is set')
  if (!(flags & WILL) && willQos !== 0) throw badFlags('MQTT-3.1.2-11', 'there is a will QoS and no will')
  if (!(flags & WILL) && flags & WILL_RETAIN) throw badFlags('MQTT-3.1.2-13', 'there is a will retain and no will')
  // 5.0 has passwords without a user name.
  if (version === 4 && flags & PASSWORD && !(flags & USERNAME)) {
    throw badFlags('MQTT-3.1.2-22', 'there is a password and no user name')
  }
}

function badFlags(clause: string, message: string): MqttProtocolError {
  return new MqttProtocolError('ERR_MQTT_CONNECT_FLAGS', REASON.malformedPacket, clause, message)
}

/** 3.1 §3.1: 1 to 23 characters, else return code 2. Later versions leave the length to the server. */
function checkClientId(clientId: string, most: number): void {
  if (clientId.length >= 1 && clientId.length <= most) return
  throw new MqttProtocolError(
    'ERR_MQTT_CLIENT_ID',
    REASON.clientIdentifierNotValid,
    '3.1 §3.1',
    `a client id of MQTT 3.1 has 1 to ${most} characters, not ${clientId.length}`,
  )
}

/** Whether the topic is one to publish to is the server's question: `checkTopicName`, CONNACK 0x90. */
function readWill(cursor: Cursor, flags: number): Will {
  const properties = readProperties(cursor, 'will')
  const topic = cursor.string()
  const payload = cursor.binary()
  return {
    topic,
    payload,
    qos: ((flags >> WILL_QOS_SHIFT) & 3) as Qos,
    retain: (flags & WILL_RETAIN) !== 0,
    ...given(properties),
  }
}

/** The clauses by which our own CONNECT is kept; what they forbid is not written. */
export function sizeOfConnect(packet: Connect): number {
  const { version, will, username, password } = packet
  requireInteger('the keep alive', packet.keepAlive, 0, 65_535)
  // [MQTT-3.1.2-22] of 3.1.1
  if (version < 5 && password && username === undefined) {
    throw new MqttEncodeError('ERR_MQTT_UNENCODABLE', 'before MQTT 5.0 a password needs a user name')
  }
  if (version === 3) {
    requireInteger('the characters of the client id', packet.clientId.length, 1, MAX_CLIENT_ID_CHARACTERS_3_1)
  }
  // [MQTT-3.1.3-7] of 3.1.1
  if (version === 4 && packet.clientId === '' && !packet.cleanStart) {
    throw new MqttEncodeError('ERR_MQTT_UNENCODABLE', 'an empty client id needs a clean session')
  }
  return (
    sizeOfString(version === 3 ? 'MQIsdp' : 'MQTT') +
    4 +
    sizeOfProperties('connect', packet.properties, version) +
    sizeOfString(packet.clientId) +
    (will ? sizeOfWill(will, version) : 0) +
    (username === undefined ? 0 : sizeOfString(username)) +
    (password ? sizeOfBinary(password) : 0)
  )
}

function sizeOfWill(will: Will, version: ProtocolVersion): number {
  // [MQTT-3.1.2-12], [MQTT-4.7.0-1], [MQTT-4.7.3-1]
  requireInteger("the will's QoS", will.qos, 0, 2)
  if (will.topic === '' || hasWildcard(will.topic)) {
    throw new MqttEncodeError('ERR_MQTT_UNENCODABLE', "the will's topic is empty or has a wildcard")
  }
  return sizeOfProperties('will', will.properties, version) + sizeOfString(will.topic) + sizeOfBinary(will.payload)
}

export function writeConnect(packet: Connect, out: Uint8Array, from: number): number {
  const { version, will, username, password } = packet
  let at = writeString(version === 3 ? 'MQIsdp' : 'MQTT', out, from)
  out[at++] = version | (packet.bridge && version < 5 ? BRIDGE : 0)
  out[at++] =
    (packet.cleanStart ? CLEAN_START : 0) |
    (will ? WILL | (will.qos << WILL_QOS_SHIFT) | (will.retain ? WILL_RETAIN : 0) : 0) |
    (password ? PASSWORD : 0) |
    (username === undefined ? 0 : USERNAME)
  at = writeUint16(packet.keepAlive, out, at)
  at = writeProperties('connect', packet.properties, version, out, at)
  at = writeString(packet.clientId, out, at)
  if (will) {
    at = writeProperties('will', will.properties, version, out, at)
    at = writeString(will.topic, out, at)
    at = writeBinary(will.payload, out, at)
  }
  if (username !== undefined) at = writeString(username, out, at)
  return password ? writeBinary(password, out, at) : at
}

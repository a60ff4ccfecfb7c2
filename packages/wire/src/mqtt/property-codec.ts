import type { Cursor } from './cursor.ts'
import { MqttProtocolError } from './errors.ts'
import {
  MAX_VARIABLE_BYTE_INTEGER,
  requireInteger,
  sizeOfBinary,
  sizeOfString,
  sizeOfVariableByteInteger,
  writeBinary,
  writeString,
  writeUint16,
  writeUint32,
  writeVariableByteInteger,
} from './output.ts'
import { PROPERTIES } from './properties.ts'
import type { AllProperties, PropertyPlace, PropertySpec, UserProperty } from './properties.ts'
import { REASON } from './reason-codes.ts'
import { hasWildcard } from './topic.ts'

/** What stands for no properties at all, so that a packet without any costs no object. */
export const NO_PROPERTIES: Readonly<Record<string, never>> = Object.freeze({})

type Value = boolean | number | string | Uint8Array | UserProperty
type Values = Record<string, Value | Value[] | undefined>

const PLACES = [...new Set(PROPERTIES.flatMap((spec) => spec.places))]

/** The properties of each place, in the order in which they are written. */
const SPECS = new Map(PLACES.map((place) => [place, PROPERTIES.filter((spec) => spec.places.includes(place))]))

/**
 * Reads the property length and the properties, 5.0 §2.2.2. Before 5.0 there are none, not even their length.
 * Unknown or misplaced identifiers are malformed, repeated ones a Protocol Error.
 */
export function readProperties(cursor: Cursor, place: PropertyPlace): AllProperties {
  if (cursor.version !== 5) return NO_PROPERTIES
  const length = cursor.variableByteInteger()
  if (length === 0) return NO_PROPERTIES
  const packetEnd = cursor.end
  const end = cursor.at + length
  if (end > packetEnd) {
    throw new MqttProtocolError(
      'ERR_MQTT_TRUNCATED',
      REASON.malformedPacket,
      '5.0 §2.2.2.1',
      'the properties are longer than their packet',
    )
  }
  // No property may reach past the property length.
  cursor.end = end
  const values: Values = {}
  let users = 0
  while (cursor.at < end) {
    const spec = specOf(place, cursor.variableByteInteger())
    const value = readValue(cursor, spec)
    const before = values[spec.name]
    if (spec.many) {
      if (spec.type === 'pair' && ++users > cursor.maxUserProperties) throw tooManyUserProperties(cursor)
      if (before === undefined) values[spec.name] = [value]
      else (before as Value[]).push(value)
    } else if (before === undefined) values[spec.name] = value
    else {
      throw new MqttProtocolError(
        'ERR_MQTT_PROPERTY_TWICE',
        REASON.protocolError,
        '5.0 §2.2.2.2',
        `the property ${spec.name} stands there twice`,
      )
    }
  }
  cursor.end = packetEnd
  return values
}

function specOf(place: PropertyPlace, id: number): PropertySpec {
  for (const spec of SPECS.get(place)!) if (spec.id === id) return spec
  throw new MqttProtocolError(
    'ERR_MQTT_PROPERTY',
    REASON.malformedPacket,
    '5.0 §2.2.2.2',
    `the property 0x${id.toString(16)} does not belong into ${place}`,
  )
}

function readValue(cursor: Cursor, spec: PropertySpec): Value {
  switch (spec.type) {
    case 'flag':
      return readBit(cursor, spec) === 1
    case 'qos':
      return readBit(cursor, spec)
    case 'two':
      return cursor.uint16()
    case 'count':
    case 'alias':
      return notZero(cursor.uint16(), spec)
    case 'four':
      return cursor.uint32()
    case 'size':
      return notZero(cursor.uint32(), spec)
    case 'identifier':
      return notZero(cursor.variableByteInteger(), spec)
    case 'string':
      return cursor.string()
    case 'topic':
      return withoutWildcard(cursor.string())
    case 'binary':
      return cursor.binary()
    case 'pair':
    default:
      // [MQTT-1.5.7-1]
      return [cursor.string(), cursor.string()]
  }
}

function readBit(cursor: Cursor, spec: PropertySpec): 0 | 1 {
  const byte = cursor.byte()
  if (byte > 1) throw badValue(spec, `${byte}, neither 0 nor 1`)
  return byte === 1 ? 1 : 0
}

function notZero(value: number, spec: PropertySpec): number {
  if (value === 0) throw badValue(spec, '0')
  return value
}

/** [MQTT-3.3.2-14] */
function withoutWildcard(topic: string): string {
  if (!hasWildcard(topic)) return topic
  throw new MqttProtocolError(
    'ERR_MQTT_TOPIC',
    REASON.malformedPacket,
    'MQTT-3.3.2-14',
    'the response topic has a wildcard',
  )
}

function badValue(spec: PropertySpec, value: string): MqttProtocolError {
  // [MQTT-3.3.2-8] has its own reason code; the others are Protocol Errors where they are defined, §3.1.2.11 to §3.8.2.1.
  const alias = spec.type === 'alias'
  return new MqttProtocolError(
    'ERR_MQTT_PROPERTY_VALUE',
    alias ? REASON.topicAliasInvalid : REASON.protocolError,
    alias ? 'MQTT-3.3.2-8' : '5.0 §2.2.2.2',
    `the property ${spec.name} is ${value}`,
  )
}

function tooManyUserProperties(cursor: Cursor): MqttProtocolError {
  return new MqttProtocolError(
    'ERR_MQTT_LIMIT',
    REASON.quotaExceeded,
    '5.0 §4.13',
    `more than ${cursor.maxUserProperties} user properties in one packet`,
  )
}

/** Bytes of the properties with their length; 0 before 5.0. No properties are the length 0 [MQTT-2.2.2-1]. */
export function sizeOfProperties(place: PropertyPlace, properties: AllProperties | undefined, version: number): number {
  if (version !== 5) return 0
  const length = lengthOf(place, properties)
  return sizeOfVariableByteInteger(length) + length
}

export function writeProperties(
  place: PropertyPlace,
  properties: AllProperties | undefined,
  version: number,
  out: Uint8Array,
  from: number,
): number {
  if (version !== 5) return from
  let at = writeVariableByteInteger(lengthOf(place, properties), out, from)
  if (properties === undefined || properties === NO_PROPERTIES) return at
  for (const spec of SPECS.get(place)!) {
    const value = properties[spec.name]
    if (value === undefined) continue
    if (!spec.many) at = writeOne(spec, value as Value, out, at)
    else for (const one of value as readonly Value[]) at = writeOne(spec, one, out, at)
  }
  return at
}

/** Whether there is anything to write, which acknowledgements may then leave out altogether. */
export function hasProperties(place: PropertyPlace, properties: AllProperties | undefined): boolean {
  return lengthOf(place, properties) > 0
}

function lengthOf(place: PropertyPlace, properties: AllProperties | undefined): number {
  if (properties === undefined || properties === NO_PROPERTIES) return 0
  let length = 0
  for (const spec of SPECS.get(place)!) {
    const value = properties[spec.name]
    if (value === undefined) continue
    if (!spec.many) length += 1 + sizeOfValue(spec, value as Value)
    else for (const one of value as readonly Value[]) length += 1 + sizeOfValue(spec, one)
  }
  return length
}

/** Also checks, since whatever is written was sized before. */
function sizeOfValue(spec: PropertySpec, value: Value): number {
  switch (spec.type) {
    case 'flag':
    case 'qos':
      requireInteger(spec.name, Number(value), 0, 1)
      return 1
    case 'two':
    case 'count':
    case 'alias':
      requireInteger(spec.name, value as number, spec.type === 'two' ? 0 : 1, 65_535)
      return 2
    case 'four':
    case 'size':
      requireInteger(spec.name, value as number, spec.type === 'four' ? 0 : 1, 4_294_967_295)
      return 4
    case 'identifier':
      requireInteger(spec.name, value as number, 1, MAX_VARIABLE_BYTE_INTEGER)
      return sizeOfVariableByteInteger(value as number)
    case 'topic':
      requireInteger(`wildcards in ${spec.name}`, hasWildcard(value as string) ? 1 : 0, 0, 0)
      return sizeOfString(value as string)
    case 'string':
      return sizeOfString(value as string)
    case 'binary':
      return sizeOfBinary(value as Uint8Array)
    case 'pair':
    default: {
      const [name, text] = value as UserProperty
      return sizeOfString(name) + sizeOfString(text)
    }
  }
}

function writeOne(spec: PropertySpec, value: Value, out: Uint8Array, from: number): number {
  // Every identifier of 5.0 fits in one byte of its Variable Byte Integer.
  out[from] = spec.id
  const at = from + 1
  switch (spec.type) {
    case 'flag':
    case 'qos':
      out[at] = Number(value)
      return at + 1
    case 'two':
    case 'count':
    case 'alias':
      return writeUint16(value as number, out, at)
    case 'four':
    case 'size':
      return writeUint32(value as number, out, at)
    case 'identifier':
      return writeVariableByteInteger(value as number, out, at)
    case 'string':
    case 'topic':
      return writeString(value as string, out, at)
    case 'binary':
      return writeBinary(value as Uint8Array, out, at)
    case 'pair':
    default: {
      const [name, text] = value as UserProperty
      return writeString(text, out, writeString(name, out, at))
    }
  }
}

/** For the `properties` field of a packet: absent before 5.0, and where none came. */
export function given(properties: AllProperties): { readonly properties?: AllProperties } {
  return properties === NO_PROPERTIES ? NO_PROPERTIES : { properties }
}

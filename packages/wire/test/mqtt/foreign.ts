import mqttPacket from 'mqtt-packet'
import type { Packet as Foreign } from 'mqtt-packet'
import type { AllProperties, Packet, ProtocolVersion, Publish, Qos, Subscription } from '../../src/mqtt/index.ts'

/**
 * The second opinion: MQTT.js's codec, `mqtt-packet`, written by others from the same standards. Its names for the same
 * things are turned into ours here.
 */

type Loose = Record<string, unknown>

/** What mqtt-packet makes of bytes. */
export function foreignDecode(bytes: Uint8Array, version: ProtocolVersion): Packet {
  const parser = mqttPacket.parser({ protocolVersion: version })
  const found: Foreign[] = []
  parser.on('packet', (packet: Foreign) => found.push(packet))
  parser.on('error', (error: Error) => {
    throw error
  })
  const rest = parser.parse(Buffer.from(bytes))
  if (rest !== 0 || found.length !== 1)
    throw new Error(`mqtt-packet read ${found.length} packets and left ${rest} bytes`)
  return fromForeign(found[0] as unknown as Loose, version)
}

/** The bytes that mqtt-packet writes for a packet of ours. */
export function foreignEncode(packet: Packet, version: ProtocolVersion): Uint8Array {
  return mqttPacket.generate(toForeign(packet) as unknown as Foreign, { protocolVersion: version })
}

/** mqtt-packet keeps user properties as an object, so the order among different names is lost: ours are compared so. */
export function withoutUserOrder(packet: Packet): unknown {
  const copy = structuredClone(packet) as unknown as Loose
  for (const holder of [copy, copy['will'] as Loose | undefined]) {
    const properties = holder?.['properties'] as Loose | undefined
    if (properties?.['userProperties']) {
      properties['userProperties'] = grouped(properties['userProperties'] as [string, string][])
    }
  }
  return copy
}

function grouped(pairs: readonly (readonly [string, string])[]): [string, string][] {
  const groups = new Map<string, string[]>()
  for (const [name, value] of pairs) groups.set(name, [...(groups.get(name) ?? []), value])
  return [...groups.keys()].sort().flatMap((name) => (groups.get(name) ?? []).map((v): [string, string] => [name, v]))
}

function propertiesFrom(foreign: unknown): { properties?: AllProperties } {
  const properties: Loose = { ...(foreign as Loose | undefined) }
  if (properties['userProperties']) {
    const pairs = Object.entries(properties['userProperties'] as Record<string, string | string[]>)
    properties['userProperties'] = pairs.flatMap(([name, values]) => [values].flat().map((value) => [name, value]))
  }
  if ('maximumQoS' in properties) {
    properties['maximumQos'] = properties['maximumQoS']
    delete properties['maximumQoS']
  }
  return Object.keys(properties).length === 0 ? {} : { properties: plainBytes(properties) }
}

function plainBytes(values: Loose): Loose {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, value instanceof Uint8Array ? new Uint8Array(value) : value]),
  )
}

function fromForeign(packet: Loose, version: ProtocolVersion): Packet {
  const type = packet['cmd'] as Packet['type']
  const packetId = packet['messageId'] as number
  const { properties } = propertiesFrom(packet['properties'])
  const more = properties && { properties }
  switch (type) {
    case 'connect': {
      const will = packet['will'] as Loose | undefined
      return {
        type,
        version: packet['protocolVersion'] as ProtocolVersion,
        ...(packet['bridgeMode'] === true && { bridge: true }),
        clientId: packet['clientId'] as string,
        cleanStart: packet['clean'] as boolean,
        keepAlive: packet['keepalive'] as number,
        ...(will && {
          will: {
            topic: will['topic'] as string,
            payload: new Uint8Array(will['payload'] as Uint8Array),
            qos: will['qos'] as Qos,
            retain: will['retain'] as boolean,
            ...propertiesFrom(will['properties']),
          },
        }),
        ...(packet['username'] !== undefined && { username: packet['username'] as string }),
        ...(packet['password'] !== undefined && { password: new Uint8Array(packet['password'] as Uint8Array) }),
        ...more,
      }
    }
    case 'connack':
      return {
        type,
        sessionPresent: packet['sessionPresent'] as boolean,
        reasonCode: (version === 5 ? packet['reasonCode'] : packet['returnCode']) as number,
        ...more,
      }
    case 'publish': {
      const { subscriptionIdentifier, ...rest } = (properties ?? {}) as Loose
      return {
        type,
        topic: packet['topic'] as string,
        payload: new Uint8Array(packet['payload'] as Uint8Array),
        qos: packet['qos'] as Qos,
        retain: packet['retain'] as boolean,
        dup: packet['dup'] as boolean,
        ...(packetId !== undefined && { packetId }),
        ...(properties && {
          properties: {
            ...rest,
            ...(subscriptionIdentifier !== undefined && {
              subscriptionIdentifiers: [subscriptionIdentifier].flat() as number[],
            }),
          },
        }),
      } satisfies Publish
    }
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return { type, packetId, reasonCode: (packet['reasonCode'] as number | undefined) ?? 0, ...more }
    case 'subscribe':
      return {
        type,
        packetId,
        subscriptions: (packet['subscriptions'] as Loose[]).map((s): Subscription => ({
          filter: s['topic'] as string,
          qos: s['qos'] as Qos,
          noLocal: (s['nl'] as boolean | undefined) ?? false,
          retainAsPublished: (s['rap'] as boolean | undefined) ?? false,
          retainHandling: (s['rh'] as 0 | 1 | 2 | undefined) ?? 0,
        })),
        ...more,
      }
    case 'unsubscribe':
      return { type, packetId, filters: packet['unsubscriptions'] as string[], ...more }
    case 'suback':
    case 'unsuback':
      return { type, packetId, reasonCodes: (packet['granted'] as number[] | undefined) ?? [], ...more }
    case 'pingreq':
    case 'pingresp':
      return { type }
    case 'disconnect':
    case 'auth':
    default:
      return { type, reasonCode: (packet['reasonCode'] as number | undefined) ?? 0, ...more }
  }
}

function propertiesTo(properties: AllProperties | undefined): Loose {
  if (!properties) return {}
  const { userProperties, maximumQos, subscriptionIdentifiers, correlationData, authenticationData, ...rest } =
    properties
  const users: Record<string, string[]> = Object.create(null) as Record<string, string[]>
  for (const [name, value] of userProperties ?? []) (users[name] ??= []).push(value)
  return {
    properties: {
      ...rest,
      ...(maximumQos !== undefined && { maximumQoS: maximumQos }),
      ...(userProperties && { userProperties: users }),
      ...(subscriptionIdentifiers && { subscriptionIdentifier: subscriptionIdentifiers }),
      ...(correlationData && { correlationData: Buffer.from(correlationData) }),
      ...(authenticationData && { authenticationData: Buffer.from(authenticationData) }),
    },
  }
}

function toForeign(packet: Packet): Loose {
  const cmd = packet.type
  const more = 'properties' in packet ? propertiesTo(packet.properties) : {}
  switch (packet.type) {
    case 'connect': {
      const { will } = packet
      return {
        cmd,
        protocolId: packet.version === 3 ? 'MQIsdp' : 'MQTT',
        protocolVersion: packet.version,
        bridgeMode: packet.bridge ?? false,
        clientId: packet.clientId,
        clean: packet.cleanStart,
        keepalive: packet.keepAlive,
        ...(will && { will: { ...will, payload: Buffer.from(will.payload), ...propertiesTo(will.properties) } }),
        ...(packet.username !== undefined && { username: packet.username }),
        ...(packet.password && { password: Buffer.from(packet.password) }),
        ...more,
      }
    }
    case 'connack':
      return {
        cmd,
        sessionPresent: packet.sessionPresent,
        returnCode: packet.reasonCode,
        reasonCode: packet.reasonCode,
        ...more,
      }
    case 'publish':
      return {
        cmd,
        topic: packet.topic,
        payload: Buffer.from(packet.payload),
        qos: packet.qos,
        retain: packet.retain,
        dup: packet.dup,
        messageId: packet.packetId,
        ...more,
      }
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return { cmd, messageId: packet.packetId, reasonCode: packet.reasonCode, ...more }
    case 'subscribe':
      return {
        cmd,
        messageId: packet.packetId,
        subscriptions: packet.subscriptions.map((s) => ({
          topic: s.filter,
          qos: s.qos,
          nl: s.noLocal,
          rap: s.retainAsPublished,
          rh: s.retainHandling,
        })),
        ...more,
      }
    case 'unsubscribe':
      return { cmd, messageId: packet.packetId, unsubscriptions: packet.filters, ...more }
    case 'suback':
    case 'unsuback':
      return { cmd, messageId: packet.packetId, granted: packet.reasonCodes, ...more }
    case 'pingreq':
    case 'pingresp':
      return { cmd }
    case 'disconnect':
    case 'auth':
    default:
      return { cmd, reasonCode: packet.reasonCode, ...more }
  }
}

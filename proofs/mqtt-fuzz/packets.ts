import fc from 'fast-check'
import { mayCarry, PROPERTIES } from '@halyard/wire/mqtt'
import type {
  AllProperties,
  Packet,
  PropertyPlace,
  PropertySpec,
  ProtocolVersion,
  Qos,
  ReasonedType,
} from '@halyard/wire/mqtt'

/** Any packet of a version that the standard allows, edges of its fields included. */
export function packets(version: ProtocolVersion): fc.Arbitrary<Packet> {
  const all: fc.Arbitrary<Packet>[] = [
    connect(version),
    publish(version),
    connack(version),
    acknowledgement(version),
    subscribe(version),
    unsubscribe(version),
    suback(version),
    unsuback(version),
    fc.constantFrom<Packet>({ type: 'pingreq' }, { type: 'pingresp' }),
    disconnect(version),
  ]
  if (version === 5) all.push(auth())
  return fc.oneof(...all)
}

const text = (options: { minLength?: number; maxLength?: number } = {}): fc.Arbitrary<string> =>
  fc.oneof(fc.string(options), fc.string({ ...options, unit: 'binary' })).map((value) => value.replaceAll('\0', '·'))
const bytes = (maxLength = 40): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ maxLength }).map((value) => new Uint8Array(value))
const uint16 = fc.oneof(fc.constantFrom(0, 1, 255, 256, 65_535), fc.nat(65_535))
const uint32 = fc.oneof(fc.constantFrom(0, 65_536, 4_294_967_295), fc.nat(4_294_967_295))
const packetId = fc.oneof(fc.constantFrom(1, 256, 65_535), fc.integer({ min: 1, max: 65_535 }))
const qos = fc.constantFrom<Qos>(0, 1, 2)
const topic = text({ minLength: 1, maxLength: 40 }).map((value) => value.replaceAll(/[+#]/g, '/'))
const filter = fc.oneof(
  topic,
  topic.map((value) => `${value}/+`),
  fc.constantFrom('#', '+/#', '$share/g/a/#'),
)

function value(spec: PropertySpec): fc.Arbitrary<unknown> {
  switch (spec.type) {
    case 'flag':
      return fc.boolean()
    case 'qos':
      return fc.constantFrom(0, 1)
    case 'two':
      return uint16
    case 'count':
    case 'alias':
      return packetId
    case 'four':
      return uint32
    case 'size':
      return uint32.map((size) => size || 1)
    case 'identifier':
      return fc.oneof(fc.constantFrom(1, 127, 128, 16_384, 268_435_455), fc.integer({ min: 1, max: 268_435_455 }))
    case 'string':
      return text()
    case 'topic':
      return topic
    case 'binary':
      return bytes()
    case 'pair':
    default:
      // mqtt-packet loses a name's earlier value if that is empty; the vectors have such.
      return fc.tuple(text({ maxLength: 4 }), text({ minLength: 1 }))
  }
}

/** Properties as a decoder gives them: nothing at all where there are none. */
function properties(
  version: ProtocolVersion,
  place: PropertyPlace,
  needed: readonly string[] = [],
): fc.Arbitrary<{ properties?: AllProperties }> {
  if (version !== 5) return fc.constant({})
  const model: Record<string, fc.Arbitrary<unknown>> = {}
  for (const spec of PROPERTIES) {
    if (!spec.places.includes(place)) continue
    model[spec.name] = spec.many ? fc.array(value(spec), { minLength: 1, maxLength: 4 }) : value(spec)
  }
  return fc
    .record(model, { requiredKeys: [...needed] })
    .map((found) => found as AllProperties)
    .map(({ authenticationData, ...rest }) =>
      authenticationData && rest.authenticationMethod !== undefined ? { authenticationData, ...rest } : rest,
    )
    .map((found) => (Object.keys(found).length === 0 ? {} : { properties: found }))
}

const codes = (type: ReasonedType, version: ProtocolVersion): fc.Arbitrary<number> =>
  fc.constantFrom(...Array.from({ length: 256 }, (_, code) => code).filter((code) => mayCarry(type, code, version)))

const connect = (version: ProtocolVersion): fc.Arbitrary<Packet> =>
  fc
    .record({
      bridge: fc.boolean(),
      clientId: version === 3 ? fc.string({ minLength: 1, maxLength: 23 }) : text({ minLength: 1 }),
      cleanStart: fc.boolean(),
      keepAlive: uint16,
      will: fc.option(
        fc
          .tuple(fc.record({ topic, payload: bytes(), qos, retain: fc.boolean() }), properties(version, 'will'))
          .map(([will, more]) => ({ ...will, ...more })),
      ),
      username: fc.option(text()),
      password: fc.option(bytes()),
      more: properties(version, 'connect'),
    })
    .map(({ bridge, will, username, password, more, ...rest }) => ({
      type: 'connect' as const,
      version,
      ...rest,
      ...(bridge && version < 5 && { bridge }),
      ...(will && { will }),
      ...(username !== null && { username }),
      ...(password && (version === 5 || username !== null) && { password }),
      ...more,
    }))

const publish = (version: ProtocolVersion): fc.Arbitrary<Packet> =>
  fc
    .record({
      topic,
      payload: fc.oneof(bytes(), bytes(300), fc.constant(new Uint8Array(17_000).fill(7))),
      qos,
      retain: fc.boolean(),
      dup: fc.boolean(),
      packetId,
      more: properties(version, 'publish'),
    })
    .map(({ packetId, dup, more, ...rest }) => ({
      type: 'publish' as const,
      ...rest,
      dup: dup && rest.qos > 0,
      ...(rest.qos > 0 && { packetId }),
      ...more,
    }))

const connack = (version: ProtocolVersion): fc.Arbitrary<Packet> =>
  fc
    .tuple(fc.boolean(), codes('connack', version), properties(version, 'connack'))
    .map(([present, reasonCode, more]) => ({
      type: 'connack' as const,
      sessionPresent: present && reasonCode === 0 && version > 3,
      reasonCode,
      ...more,
    }))

const acknowledgement = (version: ProtocolVersion): fc.Arbitrary<Packet> =>
  fc
    .constantFrom('puback' as const, 'pubrec' as const, 'pubrel' as const, 'pubcomp' as const)
    .chain((type) => fc.tuple(fc.constant(type), packetId, codes(type, version), properties(version, type)))
    .map(([type, packetId, reasonCode, more]) => ({ type, packetId, reasonCode, ...more }))

const subscribe = (version: ProtocolVersion): fc.Arbitrary<Packet> =>
  fc
    .record({
      packetId,
      subscriptions: fc.array(
        fc
          .record({
            filter,
            qos,
            noLocal: fc.boolean(),
            retainAsPublished: fc.boolean(),
            retainHandling: fc.constantFrom<0 | 1 | 2>(0, 1, 2),
          })
          .map((subscription) =>
            version === 5
              ? { ...subscription, noLocal: subscription.noLocal && !subscription.filter.startsWith('$share/') }
              : { ...subscription, noLocal: false, retainAsPublished: false, retainHandling: 0 as const },
          ),
        { minLength: 1, maxLength: 5 },
      ),
      more: properties(version, 'subscribe'),
    })
    .map(({ more, ...rest }) => ({ type: 'subscribe' as const, ...rest, ...more }))

const unsubscribe = (version: ProtocolVersion): fc.Arbitrary<Packet> =>
  fc
    .record({
      packetId,
      filters: fc.array(filter, { minLength: 1, maxLength: 5 }),
      more: properties(version, 'unsubscribe'),
    })
    .map(({ more, ...rest }) => ({ type: 'unsubscribe' as const, ...rest, ...more }))

const suback = (version: ProtocolVersion): fc.Arbitrary<Packet> =>
  fc
    .tuple(packetId, fc.array(codes('suback', version), { minLength: 1, maxLength: 9 }), properties(version, 'suback'))
    .map(([packetId, reasonCodes, more]) => ({ type: 'suback' as const, packetId, reasonCodes, ...more }))

const unsuback = (version: ProtocolVersion): fc.Arbitrary<Packet> =>
  fc
    .tuple(
      packetId,
      fc.array(codes('unsuback', version), { minLength: 1, maxLength: 9 }),
      properties(version, 'unsuback'),
    )
    .map(([packetId, reasonCodes, more]) => ({
      type: 'unsuback' as const,
      packetId,
      reasonCodes: version === 5 ? reasonCodes : [],
      ...more,
    }))

const disconnect = (version: ProtocolVersion): fc.Arbitrary<Packet> =>
  fc
    .tuple(codes('disconnect', version), properties(version, 'disconnect'))
    .map(([reasonCode, more]) => ({ type: 'disconnect' as const, reasonCode, ...more }))

const auth = (): fc.Arbitrary<Packet> =>
  fc
    .tuple(codes('auth', 5), properties(5, 'auth', ['authenticationMethod']))
    .map(([reasonCode, more]) => ({ type: 'auth' as const, reasonCode, ...more }))

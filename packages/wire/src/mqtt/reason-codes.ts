import type { PacketType, ProtocolVersion, Receiver } from './packet.ts'

/** The reason codes of MQTT 5.0 by their names (5.0 §2.4). From 0x80 on they are failures. */
export const REASON = {
  /** also Normal disconnection and Granted QoS 0 */
  success: 0x00,
  grantedQos1: 0x01,
  grantedQos2: 0x02,
  disconnectWithWill: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  continueAuthentication: 0x18,
  reAuthenticate: 0x19,
  unspecifiedError: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecificError: 0x83,
  unsupportedProtocolVersion: 0x84,
  clientIdentifierNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  banned: 0x8a,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdentifierInUse: 0x91,
  packetIdentifierNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  messageRateTooHigh: 0x96,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  payloadFormatInvalid: 0x99,
  retainNotSupported: 0x9a,
  qosNotSupported: 0x9b,
  useAnotherServer: 0x9c,
  serverMoved: 0x9d,
  sharedSubscriptionsNotSupported: 0x9e,
  connectionRateExceeded: 0x9f,
  maximumConnectTime: 0xa0,
  subscriptionIdentifiersNotSupported: 0xa1,
  wildcardSubscriptionsNotSupported: 0xa2,
} as const

export type ReasonName = keyof typeof REASON

const PUBLISH_CODES = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]
const RELEASE_CODES = [0x00, 0x92]
const FROM_BOTH = [0x00, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99]
const FROM_SERVER = [0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2]

/** The packets that carry a reason code. */
export type ReasonedType = Exclude<
  PacketType,
  'connect' | 'publish' | 'subscribe' | 'unsubscribe' | 'pingreq' | 'pingresp'
>

/** Which packets may carry which codes in 5.0: tables 3-1 and 3-4 to 3-10 and §3.14.2.1. */
const CODES_5: Readonly<Record<ReasonedType, readonly number[]>> = {
  connack: [
    0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b,
    0x9c, 0x9d, 0x9f,
  ],
  puback: PUBLISH_CODES,
  pubrec: PUBLISH_CODES,
  pubrel: RELEASE_CODES,
  pubcomp: RELEASE_CODES,
  suback: [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
  unsuback: [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91],
  disconnect: [...FROM_BOTH, 0x04, ...FROM_SERVER],
  auth: [0x00, 0x18, 0x19],
}

/**
 * Whether a packet may carry a reason code, or before 5.0 a return code. Only DISCONNECT depends on who reads it: the
 * server never hears of itself, the client never hears 0x04.
 */
export function mayCarry(type: ReasonedType, code: number, version: ProtocolVersion, receiver?: Receiver): boolean {
  // [MQTT-3.9.3-2] of 3.1.1, and its table 3.1 for CONNACK
  if (version < 5) return type === 'connack' ? code <= 5 : type === 'suback' ? code <= 2 || code === 0x80 : code === 0
  if (type === 'disconnect' && receiver === 'server') return code === 0x04 || FROM_BOTH.includes(code)
  if (type === 'disconnect' && receiver === 'client') return FROM_BOTH.includes(code) || FROM_SERVER.includes(code)
  return CODES_5[type].includes(code)
}

const NAMES = new Map<number, ReasonName>((Object.keys(REASON) as ReasonName[]).map((name) => [REASON[name], name]))

/** `malformedPacket` for 0x81; `undefined` for what 5.0 does not define. */
export function reasonName(code: number): ReasonName | undefined {
  return NAMES.get(code)
}

/**
 * The CONNACK return code that 3.1 and 3.1.1 have for a refusal; `undefined` where they have none, and the server
 * closes without a word [MQTT-3.2.2-6].
 */
export function connectReturnCode(reasonCode: number): 0 | 1 | 2 | 3 | 4 | 5 | undefined {
  switch (reasonCode) {
    case REASON.success:
      return 0
    case REASON.unsupportedProtocolVersion:
      return 1
    case REASON.clientIdentifierNotValid:
      return 2
    case REASON.serverUnavailable:
    case REASON.serverBusy:
    case REASON.serverShuttingDown:
      return 3
    case REASON.badUserNameOrPassword:
      return 4
    case REASON.notAuthorized:
    case REASON.banned:
    case REASON.badAuthenticationMethod:
      return 5
    default:
      return undefined
  }
}

/** What MQTT 5.0 lets packets say beside their fields (5.0 §2.2.2): names, identifiers, types, and who may carry which. */

/** Name and value, in the order of the packet; names may repeat. */
export type UserProperty = readonly [name: string, value: string]

/** Every property under its name in the standard. Absent means its default, {@link PROPERTY_DEFAULTS}. */
export interface AllProperties {
  /** true: the payload is UTF-8 text */
  readonly payloadFormatIndicator?: boolean
  /** seconds; absent: never */
  readonly messageExpiryInterval?: number
  readonly contentType?: string
  readonly responseTopic?: string
  readonly correlationData?: Uint8Array
  /** SUBSCRIBE: 1 to 268,435,455 */
  readonly subscriptionIdentifier?: number
  /** PUBLISH: those of all subscriptions that it was sent for */
  readonly subscriptionIdentifiers?: readonly number[]
  /** seconds; 4,294,967,295 never expires */
  readonly sessionExpiryInterval?: number
  readonly assignedClientIdentifier?: string
  /** seconds */
  readonly serverKeepAlive?: number
  readonly authenticationMethod?: string
  readonly authenticationData?: Uint8Array
  readonly requestProblemInformation?: boolean
  /** seconds */
  readonly willDelayInterval?: number
  readonly requestResponseInformation?: boolean
  readonly responseInformation?: string
  readonly serverReference?: string
  readonly reasonString?: string
  /** 1 to 65,535 */
  readonly receiveMaximum?: number
  readonly topicAliasMaximum?: number
  /** 1 to 65,535 */
  readonly topicAlias?: number
  readonly maximumQos?: 0 | 1
  readonly retainAvailable?: boolean
  readonly userProperties?: readonly UserProperty[]
  /** bytes of a whole packet; absent: no limit */
  readonly maximumPacketSize?: number
  readonly wildcardSubscriptionAvailable?: boolean
  readonly subscriptionIdentifiersAvailable?: boolean
  readonly sharedSubscriptionAvailable?: boolean
}

export type PropertyName = keyof AllProperties

export type UserProperties = Pick<AllProperties, 'userProperties'>

/** PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK. */
export type ReasonProperties = Pick<AllProperties, 'reasonString' | 'userProperties'>

export type ConnectProperties = Pick<
  AllProperties,
  | 'sessionExpiryInterval'
  | 'receiveMaximum'
  | 'maximumPacketSize'
  | 'topicAliasMaximum'
  | 'requestResponseInformation'
  | 'requestProblemInformation'
  | 'userProperties'
  | 'authenticationMethod'
  | 'authenticationData'
>

export type ConnackProperties = Pick<
  AllProperties,
  | 'sessionExpiryInterval'
  | 'receiveMaximum'
  | 'maximumQos'
  | 'retainAvailable'
  | 'maximumPacketSize'
  | 'assignedClientIdentifier'
  | 'topicAliasMaximum'
  | 'reasonString'
  | 'userProperties'
  | 'wildcardSubscriptionAvailable'
  | 'subscriptionIdentifiersAvailable'
  | 'sharedSubscriptionAvailable'
  | 'serverKeepAlive'
  | 'responseInformation'
  | 'serverReference'
  | 'authenticationMethod'
  | 'authenticationData'
>

type MessageProperty =
  | 'payloadFormatIndicator'
  | 'messageExpiryInterval'
  | 'contentType'
  | 'responseTopic'
  | 'correlationData'
  | 'userProperties'

export type WillProperties = Pick<AllProperties, MessageProperty | 'willDelayInterval'>

export type PublishProperties = Pick<AllProperties, MessageProperty | 'topicAlias' | 'subscriptionIdentifiers'>

export type SubscribeProperties = Pick<AllProperties, 'subscriptionIdentifier' | 'userProperties'>

export type DisconnectProperties = Pick<
  AllProperties,
  'sessionExpiryInterval' | 'reasonString' | 'userProperties' | 'serverReference'
>

export type AuthProperties = Pick<
  AllProperties,
  'authenticationMethod' | 'authenticationData' | 'reasonString' | 'userProperties'
>

/** What the absence of a property means, where that is a value. */
export const PROPERTY_DEFAULTS = {
  payloadFormatIndicator: false,
  sessionExpiryInterval: 0,
  requestProblemInformation: true,
  willDelayInterval: 0,
  requestResponseInformation: false,
  receiveMaximum: 65_535,
  topicAliasMaximum: 0,
  maximumQos: 2,
  retainAvailable: true,
  wildcardSubscriptionAvailable: true,
  subscriptionIdentifiersAvailable: true,
  sharedSubscriptionAvailable: true,
} as const

/** Where properties stand: fourteen places, the will of a CONNECT being one of its own. */
export type PropertyPlace =
  | 'connect'
  | 'will'
  | 'connack'
  | 'publish'
  | 'puback'
  | 'pubrec'
  | 'pubrel'
  | 'pubcomp'
  | 'subscribe'
  | 'suback'
  | 'unsubscribe'
  | 'unsuback'
  | 'disconnect'
  | 'auth'

/**
 * How a value is written, and which values there are: `flag` and `qos` are a byte 0 or 1, `count` two bytes and `size` four bytes
 * other than 0, `identifier` a Variable Byte Integer other than 0, `topic` a string without wildcards.
 */
export type PropertyType =
  | 'flag'
  | 'qos'
  | 'two'
  | 'count'
  | 'alias'
  | 'four'
  | 'size'
  | 'identifier'
  | 'string'
  | 'topic'
  | 'binary'
  | 'pair'

export interface PropertySpec {
  readonly id: number
  readonly name: PropertyName
  readonly type: PropertyType
  readonly places: readonly PropertyPlace[]
  /** It may stand there more than once; twice is a Protocol Error otherwise. */
  readonly many?: true
}

const MESSAGE: readonly PropertyPlace[] = ['publish', 'will']
const SESSION: readonly PropertyPlace[] = ['connect', 'connack']
const LOGIN: readonly PropertyPlace[] = ['connect', 'connack', 'auth']
const REASONED: readonly PropertyPlace[] = [
  'connack',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'suback',
  'unsuback',
  'disconnect',
  'auth',
]

/** Table 2-4 of 5.0. Properties are written in this order. */
export const PROPERTIES: readonly PropertySpec[] = [
  { id: 0x01, name: 'payloadFormatIndicator', type: 'flag', places: MESSAGE },
  { id: 0x02, name: 'messageExpiryInterval', type: 'four', places: MESSAGE },
  { id: 0x03, name: 'contentType', type: 'string', places: MESSAGE },
  { id: 0x08, name: 'responseTopic', type: 'topic', places: MESSAGE },
  { id: 0x09, name: 'correlationData', type: 'binary', places: MESSAGE },
  { id: 0x0b, name: 'subscriptionIdentifier', type: 'identifier', places: ['subscribe'] },
  { id: 0x0b, name: 'subscriptionIdentifiers', type: 'identifier', places: ['publish'], many: true },
  { id: 0x11, name: 'sessionExpiryInterval', type: 'four', places: [...SESSION, 'disconnect'] },
  { id: 0x12, name: 'assignedClientIdentifier', type: 'string', places: ['connack'] },
  { id: 0x13, name: 'serverKeepAlive', type: 'two', places: ['connack'] },
  { id: 0x15, name: 'authenticationMethod', type: 'string', places: LOGIN },
  { id: 0x16, name: 'authenticationData', type: 'binary', places: LOGIN },
  { id: 0x17, name: 'requestProblemInformation', type: 'flag', places: ['connect'] },
  { id: 0x18, name: 'willDelayInterval', type: 'four', places: ['will'] },
  { id: 0x19, name: 'requestResponseInformation', type: 'flag', places: ['connect'] },
  { id: 0x1a, name: 'responseInformation', type: 'string', places: ['connack'] },
  { id: 0x1c, name: 'serverReference', type: 'string', places: ['connack', 'disconnect'] },
  { id: 0x1f, name: 'reasonString', type: 'string', places: REASONED },
  { id: 0x21, name: 'receiveMaximum', type: 'count', places: SESSION },
  { id: 0x22, name: 'topicAliasMaximum', type: 'two', places: SESSION },
  { id: 0x23, name: 'topicAlias', type: 'alias', places: ['publish'] },
  { id: 0x24, name: 'maximumQos', type: 'qos', places: ['connack'] },
  { id: 0x25, name: 'retainAvailable', type: 'flag', places: ['connack'] },
  {
    id: 0x26,
    name: 'userProperties',
    type: 'pair',
    places: ['connect', ...MESSAGE, 'subscribe', 'unsubscribe', ...REASONED],
    many: true,
  },
  { id: 0x27, name: 'maximumPacketSize', type: 'size', places: SESSION },
  { id: 0x28, name: 'wildcardSubscriptionAvailable', type: 'flag', places: ['connack'] },
  { id: 0x29, name: 'subscriptionIdentifiersAvailable', type: 'flag', places: ['connack'] },
  { id: 0x2a, name: 'sharedSubscriptionAvailable', type: 'flag', places: ['connack'] },
]

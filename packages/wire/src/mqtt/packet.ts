import type {
  AuthProperties,
  ConnackProperties,
  ConnectProperties,
  DisconnectProperties,
  PublishProperties,
  ReasonProperties,
  SubscribeProperties,
  UserProperties,
  WillProperties,
} from './properties.ts'

/** 3 is MQTT 3.1 (`MQIsdp`), 4 is 3.1.1, 5 is 5.0: the numbers of the protocol level in CONNECT. */
export type ProtocolVersion = 3 | 4 | 5

/** 0 at most once, 1 at least once, 2 exactly once. */
export type Qos = 0 | 1 | 2

/** Who reads: a server takes CONNECT and SUBSCRIBE, a client CONNACK and SUBACK. */
export type Receiver = 'server' | 'client'

/** What a server publishes for a client that vanished. */
export interface Will {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Qos
  readonly retain: boolean
  /** 5.0 */
  readonly properties?: WillProperties
}

export interface Connect {
  readonly type: 'connect'
  readonly version: ProtocolVersion
  /** The bit 0x80 of the protocol level in 3.1 and 3.1.1, by which Mosquitto's bridges tell themselves; false */
  readonly bridge?: boolean
  /** May be empty: the server gives one (3.1.1 and 5.0). */
  readonly clientId: string
  /** Clean Session before 5.0. */
  readonly cleanStart: boolean
  /** seconds; 0 is none */
  readonly keepAlive: number
  readonly will?: Will
  readonly username?: string
  readonly password?: Uint8Array
  /** 5.0 */
  readonly properties?: ConnectProperties
}

export interface Connack {
  readonly type: 'connack'
  readonly sessionPresent: boolean
  /** A reason code in 5.0, the return code 0 to 5 before. */
  readonly reasonCode: number
  /** 5.0 */
  readonly properties?: ConnackProperties
}

export interface Publish {
  readonly type: 'publish'
  /** Empty in 5.0 if a topic alias stands for it. */
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Qos
  readonly retain: boolean
  readonly dup: boolean
  /** 1 to 65,535; with QoS 0 absent */
  readonly packetId?: number
  /** 5.0 */
  readonly properties?: PublishProperties
}

/** The four acknowledgements of QoS 1 and 2. */
export interface Acknowledgement {
  readonly type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp'
  readonly packetId: number
  /** 0 before 5.0 */
  readonly reasonCode: number
  /** 5.0 */
  readonly properties?: ReasonProperties
}

export interface Subscription {
  /** As it was sent: well-formed UTF-8, its syntax is `checkFilter`'s question. */
  readonly filter: string
  readonly qos: Qos
  /** 5.0: not to the connection that published; false before */
  readonly noLocal: boolean
  /** 5.0: the RETAIN flag as published; false before */
  readonly retainAsPublished: boolean
  /** 5.0: retained messages 0 always, 1 to a new subscription, 2 never; 0 before */
  readonly retainHandling: 0 | 1 | 2
}

export interface Subscribe {
  readonly type: 'subscribe'
  readonly packetId: number
  readonly subscriptions: readonly Subscription[]
  /** 5.0 */
  readonly properties?: SubscribeProperties
}

export interface Suback {
  readonly type: 'suback'
  readonly packetId: number
  /** One per subscription, in their order: 0, 1, 2, or a failure from 0x80. */
  readonly reasonCodes: readonly number[]
  /** 5.0 */
  readonly properties?: ReasonProperties
}

export interface Unsubscribe {
  readonly type: 'unsubscribe'
  readonly packetId: number
  readonly filters: readonly string[]
  /** 5.0 */
  readonly properties?: UserProperties
}

export interface Unsuback {
  readonly type: 'unsuback'
  readonly packetId: number
  /** One per filter in 5.0, none before. */
  readonly reasonCodes: readonly number[]
  /** 5.0 */
  readonly properties?: ReasonProperties
}

export interface Pingreq {
  readonly type: 'pingreq'
}

export interface Pingresp {
  readonly type: 'pingresp'
}

export interface Disconnect {
  readonly type: 'disconnect'
  /** 0 before 5.0 */
  readonly reasonCode: number
  /** 5.0 */
  readonly properties?: DisconnectProperties
}

/** 5.0 */
export interface Auth {
  readonly type: 'auth'
  readonly reasonCode: number
  readonly properties?: AuthProperties
}

/** All but PUBLISH, which a reader hands out in another form. */
export type ControlPacket =
  | Connect
  | Connack
  | Acknowledgement
  | Subscribe
  | Suback
  | Unsubscribe
  | Unsuback
  | Pingreq
  | Pingresp
  | Disconnect
  | Auth

export type Packet = Publish | ControlPacket

export type PacketType = Packet['type']

/** The types in the order of their numbers 1 to 15: docs/protocols/mqtt.md §2.1. */
export const PACKET_TYPES: readonly (PacketType | undefined)[] = [
  undefined,
  'connect',
  'connack',
  'publish',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'subscribe',
  'suback',
  'unsubscribe',
  'unsuback',
  'pingreq',
  'pingresp',
  'disconnect',
  'auth',
]

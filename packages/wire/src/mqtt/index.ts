/// <reference lib="esnext.disposable" preserve="true" />
export { encodeAcknowledgement } from './acknowledgement.ts'
export { encode, encodeToBytes, sizeOf } from './codec.ts'
export { MAX_CLIENT_ID_CHARACTERS_3_1 } from './connect.ts'
export { decodePacket } from './decode-packet.ts'
export type { DecodedPacket, DecodeOptions } from './decode-packet.ts'
export { MqttEncodeError, MqttProtocolError } from './errors.ts'
export { IncomingFlow } from './machine/incoming-flow.ts'
export { ClientKeepAlive, ServerKeepAlive } from './machine/keep-alive.ts'
export { OutgoingFlow } from './machine/outgoing-flow.ts'
export type { InFlight, PubrecOutcome } from './machine/outgoing-flow.ts'
export { MAX_PACKET_ID, PacketIds } from './machine/packet-ids.ts'
export { IncomingAliases, OutgoingAliases } from './machine/topic-aliases.ts'
export type {
  Acknowledgement,
  Auth,
  Connack,
  Connect,
  ControlPacket,
  Disconnect,
  Packet,
  PacketType,
  Pingreq,
  Pingresp,
  ProtocolVersion,
  Publish,
  Qos,
  Receiver,
  Suback,
  Subscribe,
  Subscription,
  Unsuback,
  Unsubscribe,
  Will,
} from './packet.ts'
export { DEFAULT_MAX_PACKET_BYTES, PacketReader } from './packet-reader.ts'
export { DEFAULT_MAX_USER_PROPERTIES, ReadingDesk } from './reading-desk.ts'
export type { PacketHandler, PacketReaderOptions } from './packet-reader.ts'
export { fitTo, withoutProblemInformation } from './problem-information.ts'
export type { Explained } from './problem-information.ts'
export { PROPERTIES, PROPERTY_DEFAULTS } from './properties.ts'
export type {
  AllProperties,
  AuthProperties,
  ConnackProperties,
  ConnectProperties,
  DisconnectProperties,
  PropertyName,
  PropertyPlace,
  PropertySpec,
  PropertyType,
  PublishProperties,
  ReasonProperties,
  SubscribeProperties,
  UserProperties,
  UserProperty,
  WillProperties,
} from './properties.ts'
export type { IncomingPublish } from './publish.ts'
export { copyFrame, encodePublish, encodePublishProperties, frameOf, sizeOfPublishParts } from './publish-out.ts'
export type { PublishFrame, PublishParts } from './publish-out.ts'
export { connectReturnCode, mayCarry, REASON, reasonName } from './reason-codes.ts'
export type { ReasonedType, ReasonName } from './reason-codes.ts'
export { checkFilter, checkTopicName, countLevels, hasWildcard, isShared, matches, parseShared } from './topic.ts'
export type { TopicLimits, TopicProblem } from './topic.ts'
export { TopicMemo } from './topic-name.ts'
export type { TopicName } from './topic-name.ts'
export { encodeUtf8 } from './utf8.ts'

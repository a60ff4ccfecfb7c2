/// <reference lib="esnext.disposable" preserve="true" />
export { decodeBrokerMessage } from './answers.ts'
export type { Answer, BrokerMessage } from './answers.ts'
export { EmitterEncodeError } from './errors.ts'
export type { Problem } from './errors.ts'
export { encodeFailure, FAILURES } from './failures.ts'
export type { Failure, FailureName, Refusal } from './failures.ts'
export { normaliseFilter } from './filter.ts'
export { HandlerTree } from './handler-tree.ts'
export { decodeHistoryRequest, encodeHistoryAnswer, encodeHistoryRequest } from './history.ts'
export type { HistoryAnswer, HistoryRequest, StoredMessage } from './history.ts'
export { decodeKeybanRequest, encodeKeybanAnswer, encodeKeybanRequest } from './keyban.ts'
export type { KeybanAnswer, KeybanRequest } from './keyban.ts'
export { decodeKeygenRequest, encodeKeygenAnswer, encodeKeygenRequest } from './keygen.ts'
export type { KeygenAnswer, KeygenRequest } from './keygen.ts'
export { decodeLinkRequest, encodeLinkAnswer, encodeLinkRequest, isLinkName, MAX_LINK_NAME } from './link.ts'
export type { LinkAnswer, LinkRequest } from './link.ts'
export { matchesChannel } from './matching.ts'
export type { Matcher } from './matching.ts'
export { encodeMeAnswer } from './me.ts'
export type { MeAnswer } from './me.ts'
export {
  decodePresenceRequest,
  encodePresenceChange,
  encodePresenceDone,
  encodePresenceRequest,
  encodePresenceStatus,
} from './presence.ts'
export type { PresenceChange, PresenceRequest, PresenceStatus, PresenceWho } from './presence.ts'
export { ERROR_TOPIC, REQUEST_KEY, REQUEST_NAMES, requestOf, requestTopic } from './requests.ts'
export type { RequestName } from './requests.ts'
export { formatChannel, formatTopic, normaliseChannel } from './topic-format.ts'
export type { ChannelParts, OptionParts, TopicParts } from './topic-format.ts'
export { EARLIEST, findOption, LATEST } from './topic-options.ts'
export type { TopicOptions } from './topic-options.ts'
export { parseChannel, parseTopic } from './topic.ts'
export type { EmitterChannel, EmitterTopic, ShareGroup } from './topic.ts'

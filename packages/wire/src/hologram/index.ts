/// <reference lib="esnext.disposable" preserve="true" />
export { CLOUD_ID_LENGTH, CLOUD_KEY_LENGTH, DEVICE_KEY_LENGTH, deviceKeyOf, isKey } from './auth.ts'
export type { DeviceKeyAuth, HologramAuth, SharedKeyAuth } from './auth.ts'
export { decodeMessage } from './decode-message.ts'
export type { DecodedMessage } from './decode-message.ts'
export { encodeDeviceKeyMessage, METADATA_MARK } from './device-key-message.ts'
export type { DeviceKeyMessage } from './device-key-message.ts'
export { encodeMessage } from './message.ts'
export type { CloudMessage } from './message.ts'
export type { OneTimePasswordRequest } from './one-time-password.ts'
export { MAX_JSON_DEPTH, writePythonJson } from './python-json.ts'
export type { JsonValue } from './python-json.ts'
export type { Refusal } from './refusal.ts'
export {
  ERR_AUTHINVALID,
  ERR_BUFFERED,
  ERR_CONNCLOSED,
  ERR_INTERNAL,
  ERR_METADATA,
  ERR_MSGINVALID,
  ERR_OK,
  ERR_PAYLOADINVALID,
  ERR_PROTINVALID,
  ERR_TOPICINVALID,
  ERR_UNKNOWN,
  RESULTS,
  decodeReply,
  encodeReply,
  isUnknownRefusal,
  readReply,
  resultInfo,
} from './reply.ts'
export type { RefusalCode, ReplyCode, ReplyForm, ResultCode, ResultInfo, ResultName } from './reply.ts'
export { DEFAULT_MAX_REQUEST_BYTES, RequestReader, decodeRequest } from './request.ts'
export type { AcceptedRequest, HologramRequest, RequestLimits, RequestResult } from './request.ts'
export { encodeSharedKeyMessage } from './shared-key-message.ts'
export type { SharedKeyMessage } from './shared-key-message.ts'
export { MAX_SMS_CHARACTERS, decodeSms, encodeSms } from './sms.ts'
export type { Sms } from './sms.ts'
export { holdsTerminator } from './terminator.ts'
export { MAX_TOPICS, MAX_TOPIC_CHARACTERS } from './topics.ts'

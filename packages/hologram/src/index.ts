/// <reference lib="esnext.disposable" preserve="true" />
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
} from '@halyard/wire/hologram'
export type { CloudPorts } from './assemble.ts'
export { Cloud } from './cloud.ts'
export type { Connection, ConnectionEvents, Connector } from './connector.ts'
export { Credentials } from './credentials.ts'
export type { CredentialsInit } from './credentials.ts'
export { CustomCloud } from './custom-cloud.ts'
export type { Endpoint } from './endpoint.ts'
export { Hologram } from './hologram.ts'
export type { MessageMode } from './hologram.ts'
export { HologramCloud } from './hologram-cloud.ts'
export type { InboundLimits } from './inbound.ts'
export type { Incoming, IncomingEvents, Listener, ListenerEvents, Listening } from './listener.ts'
export { tcpListener } from './tcp-listener.ts'
export { tcp } from './tcp.ts'
export type {
  Authentication,
  CloudOptions,
  Endpoints,
  EventBus,
  HologramEvents,
  Network,
  NetworkManager,
  NetworkName,
  ReceivedMessage,
  SendOptions,
  SendResult,
  Sms,
} from './types.ts'

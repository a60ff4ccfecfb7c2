/// <reference lib="esnext.disposable" preserve="true" />
export { Emitter, connect } from './emitter.ts'
export { EmitterError } from './errors.ts'
export { EmitterMessage } from './message.ts'
export type { EmitterPorts } from './settings.ts'
export type {
  ConnectOptions,
  EmitterEvents,
  KeygenResult,
  LinkResult,
  MeResult,
  PresenceChange,
  PresenceEvent,
  PresenceStatus,
  PresenceWho,
  RequestFailure,
  Subscription,
} from './types.ts'

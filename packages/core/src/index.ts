/// <reference lib="esnext.disposable" preserve="true" />
export { ageOf, momentOf, systemClock } from './clock.ts'
export type { Clock, Moment, Timer } from './clock.ts'
export type { Disk, DiskFile } from './disk.ts'
export { MAX_SECONDS, secondsToMilliseconds } from './duration.ts'
export {
  AbortError,
  ConnectionError,
  HalyardError,
  ProtocolError,
  StorageError,
  UsageError,
  describeError,
  throwIfAborted,
} from './errors.ts'
export { EventBus } from './events.ts'
export type { Callback } from './events.ts'
export { loggerFor, silentLogger } from './logger.ts'
export type { LogLevel, Logger } from './logger.ts'
export { holdProcess } from './hold-process.ts'
export { backoff, retry, sleep } from './retry.ts'
export type { BackoffOptions, RetryOptions } from './retry.ts'
export { Outbox } from './outbox/outbox.ts'
export type {
  AttachOptions,
  Attachment,
  Deliver,
  DeliverOptions,
  Delivery,
  OutboxEntry,
  OutboxMessage,
  OutboxOptions,
  OutboxPorts,
  OutboxState,
  OutboxSubmission,
  Priority,
  Receipt,
  SendControl,
  WaitOptions,
} from './outbox/types.ts'

/// <reference lib="esnext.disposable" preserve="true" />
export { openAdmin } from './admin.ts'
export type { AdminOptions } from './admin.ts'
export type {
  Administration,
  EmitterKeyAdmin,
  HologramAccountAdmin,
  HologramCredentials,
  HubAdmin,
  MqttAccountAdmin,
  NewHologramAccount,
  Removed,
  TokenAdmin,
  TokenEntry,
} from './admin/api.ts'
export type { Hub, MessageStream, MessagesFilter } from './api.ts'
export { backupHub, restoreHub } from './backup.ts'
export type { BackupOptions, BackupReport, RestoreOptions, RestoreReport } from './backup.ts'
export type { Direction, HubMessage, MessageDraft, ServiceName, StoredMessage } from './domain/message.ts'
export type {
  Access,
  AccessRule,
  MqttAccountChange,
  MqttAccountEntry,
  MqttAccountMade,
  NewMqttAccount,
} from './domain/mqtt-account-book.ts'
export type {
  EmitterKeyEntry,
  EmitterKeyMade,
  EmitterLicenseEntry,
  NewEmitterKeyWish,
} from './domain/emitter-key-book.ts'
export type {
  CommitWaiter,
  Document,
  History,
  HistoryLimits,
  HistoryPage,
  HistoryQuery,
  Journal,
  JournalRecord,
  Json,
  Lsn,
  Registry,
  RegistryChange,
  WriteResult,
} from './domain/ports.ts'
export { createHub, openHub } from './hub.ts'
export type { HubPorts } from './hub.ts'
export type { HubOptions, PortName } from './options.ts'
export type { HubAccounts, HubReady } from './ready.ts'

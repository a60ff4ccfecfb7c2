/// <reference lib="esnext.disposable" preserve="true" />
export type { Hub, MessageStream, MessagesFilter } from './api.ts'
export type { Direction, HubMessage, ServiceName } from './domain/message.ts'
export { createHub } from './hub.ts'
export type { HubOptions, PortName } from './options.ts'
export type { HubAccounts, HubReady } from './ready.ts'

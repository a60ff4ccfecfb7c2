/** What the methods of the client are given. The channel goes with the key that opens it; its last slash may be left out. */

/** Text, bytes, or an object, which is sent as JSON. */
export type Content = string | Uint8Array | object

export interface ChannelPublication {
  key: string
  channel: string
  message: Content
  /** seconds that the broker stores it, for which the key needs `s`; not stored */
  ttl?: number | null
  /** false: not to this connection; true */
  me?: boolean
  /** stored for 30 days; false */
  retain?: boolean
  /** 1 */
  qos?: 0 | 1
}

export interface LinkPublication {
  /** the name of a link of this client */
  link: string
  message: Content
  /** 1 */
  qos?: 0 | 1
}

export interface SubscribeCall {
  key: string
  channel: string
  /** stored messages that come first, the newest so many; what the broker gives, mostly 1 */
  last?: number | null
  /** stored since: a Date, or unix seconds */
  from?: Date | number
  until?: Date | number
  /** each message goes to one member of it */
  group?: string
  /** messages that wait to be read; 1000 */
  buffer?: number
}

export interface UnsubscribeCall {
  key: string
  channel: string
  group?: string
}

export interface PresenceCall {
  key: string
  channel: string
  /** to be told who is there; true */
  status?: boolean
  /** to be told who comes and goes, false to end that; true */
  changes?: boolean
}

export interface KeygenCall {
  /** the master key, or one with `e` */
  key: string
  channel: string
  /** letters of `rwslpe`: read, write, store, load, presence, extend; `rw` */
  type?: string
  /** seconds; 0, for ever */
  ttl?: number
}

export interface KeybanCall {
  /** the master key */
  secret: string
  /** the key that is banned, or not any more */
  target: string
  banned: boolean
}

export interface HistoryCall {
  key: string
  channel: string
  /** at most so many; all there are */
  last?: number
  /** stored since: a Date, or unix seconds */
  from?: Date | number
  until?: Date | number
}

export interface LinkCall {
  key: string
  channel: string
  /** one or two letters or digits */
  name: string
  /** and subscribes to the channel; false */
  subscribe?: boolean
  /** of what is published by it, as `publish` has it */
  ttl?: number
  me?: boolean
}

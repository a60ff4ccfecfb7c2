import type { LimitFlags } from '../pubsub/listening.ts'
import type { MessageFlags } from '../pubsub/messages.ts'
import type { ShowFlags } from '../pubsub/show.ts'

/** As commander hands them over. */
export interface EmitterFlags {
  readonly host?: string
  readonly port?: string
  readonly username?: string
  readonly tls?: true
  readonly cafile?: string
  readonly insecure?: true
  readonly ws?: true
  readonly timeout?: string
  readonly json?: true
  readonly key?: string
  readonly channel?: string
}

export interface EmitterPubFlags extends EmitterFlags, MessageFlags {
  readonly ttl?: string
  readonly qos?: string
  readonly retain?: true
  /** `--no-echo` */
  readonly echo?: boolean
  readonly outbox?: string
}

export interface EmitterReadFlags extends EmitterFlags, ShowFlags {
  readonly last?: string
  readonly from?: string
  readonly until?: string
}

export interface EmitterSubFlags extends EmitterReadFlags, LimitFlags {
  readonly group?: string
}

export interface EmitterKeygenFlags extends EmitterFlags {
  readonly type?: string
  readonly ttl?: string
}

export interface EmitterKeybanFlags extends EmitterFlags {
  readonly undo?: true
}

export interface EmitterPresenceFlags extends EmitterFlags {
  readonly follow?: true
}

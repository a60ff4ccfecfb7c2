/**
 * The port through which a service gives MQTT its own meaning: who may come in, what a topic is, what a subscription
 * gets first. The engine knows packets, sessions and queues; a dialect knows accounts, keys and channels. Types only.
 */
import type { Qos } from '@halyard/wire/mqtt'
import type { OverflowPolicy } from './limits.ts'
import type { Publication } from './publication.ts'
import type { TransportKind } from '../domain/transport.ts'

export type { Publication } from './publication.ts'

/** Numbers of 5.0 (§2.4); the engine makes of them what 3.1.1 has. */
export type ReasonCode = number

/** What a CONNECT says of itself. */
export interface Login {
  /** 3: MQTT 3.1, 4: 3.1.1, 5: 5.0 */
  readonly version: 3 | 4 | 5
  /** `''`: the hub shall make one. */
  readonly clientId: string
  readonly username: string | undefined
  readonly password: Uint8Array | undefined
  readonly cleanStart: boolean
  /** Whom limits hold for. */
  readonly address: string
  readonly door: 'front' | 'mqtt'
  readonly transport: TransportKind
  readonly certificateName: string | undefined
}

export type Verdict =
  | { readonly accepted: true; readonly principal: Principal }
  /** 0x86 bad user name or password, 0x87 not authorised, 0x88 unavailable, 0x8a banned, 0x97 quota, 0x9f rate … */
  | { readonly accepted: false; readonly reason: ReasonCode; readonly why: string }

/**
 * Enhanced authentication (5.0 §4.12) as a port: SCRAM, Kerberos, or a scheme of one's own. Whoever asks for its method in
 * CONNECT is let in by it alone.
 */
export interface Authenticator {
  /** As CONNECT names it: `SCRAM-SHA-256` */
  readonly method: string
  /** `data`: what CONNECT brought, or AUTH when an open connection authenticates again. */
  start(login: Login, data: Uint8Array | undefined): AuthenticationStep | Promise<AuthenticationStep>
}

export type AuthenticationStep =
  | {
      readonly kind: 'continue'
      /** For the client. */
      readonly data?: Uint8Array
      /** With what the client says to it. */
      readonly next: (data: Uint8Array | undefined) => AuthenticationStep | Promise<AuthenticationStep>
    }
  /** Again on an open connection, it must be whom it was. */
  | { readonly kind: 'granted'; readonly principal: Principal; readonly data?: Uint8Array }
  | { readonly kind: 'refused'; readonly reason: ReasonCode; readonly why: string }

/** Who a connection is, from its CONNECT to its end. */
export interface Principal {
  readonly dialect: Dialect
  /** `mqtt`, `emitter:<contract>`, `ttn:<application>`: sessions and channels of two spaces never meet. */
  readonly space: string
  /** With space and client id the identity of a session. */
  readonly account: string
  /** In presence lists and in the log. */
  readonly name: string | undefined
  /** False: its session ends with the connection, whatever it asks for (no secret, nobody to give it back to). */
  readonly mayPersist: boolean
  /** Grows when its rights change: plans made before are asked for again. */
  readonly epoch: number
  /** Of a whole packet, fewer than the hub's own. */
  readonly packetBytes?: number
  /**
   * Its topics and filters have a grammar of their own: the engine does not look at their wildcards and levels, `plan` and
   * `subscribe` refuse what they do not have. false
   */
  readonly ownTopics?: boolean
  /** Seconds without a packet after which a connection without a keep-alive is taken for dead; for ever. */
  readonly silence?: number
  /** Of all sessions of its account, for as long as the process lives; that of the limits. */
  readonly overflow?: OverflowPolicy | undefined
}

/** What is kept of a {@link Principal}. */
export interface SessionOwner {
  readonly space: string
  readonly account: string
  readonly name: string | undefined
  readonly clientId: string
}

export interface PublishFlags {
  readonly qos: Qos
  readonly retain: boolean
}

export type PublishPlan =
  | {
      readonly kind: 'route'
      readonly space: string
      /** What the index is asked for. */
      readonly channel: string
      /** What subscribers see as topic name; the channel, unless the dialect hides a key. */
      readonly topic: string
      /** False: not to the connection it came from. */
      readonly echo: boolean
      /** Whoever gets it by a subscription of his own and by share groups gets it once; false, as in MQTT. */
      readonly once?: boolean
      /** False: the flag passes through to subscribers, nothing is retained. */
      readonly mayRetain: boolean
      /** Seconds it is kept as history, for a service that has one; 0. PUBACK and PUBREC leave when it lasts. */
      readonly store: number
      /** The same for a message with the RETAIN flag; `store`. */
      readonly storeRetained?: number
      /** Monotonic ms: asked again after it; Infinity. */
      readonly validUntil: number
    }
  /** Not for subscribers: the dialect answers it. */
  | {
      readonly kind: 'request'
      readonly handle: (request: DialectRequest) => void
      /** As above; Infinity. */
      readonly validUntil?: number
    }
  /** `acknowledged`: a 3.1.1 client sees a PUBACK all the same (it knows no other answer); else its connection ends. */
  | { readonly kind: 'refuse'; readonly reason: ReasonCode; readonly acknowledged: boolean; readonly why: string }

export interface DialectRequest {
  readonly connection: DialectConnection
  /** As it was sent. */
  readonly topic: string
  /** A copy. */
  readonly payload: Uint8Array
  readonly qos: Qos
  /** 0 for QoS 0. */
  readonly packetId: number
  /** Once: only then PUBACK or PUBREC leaves, with this reason where there are any; 0, success. */
  readonly done: (reason?: ReasonCode) => void
}

/** What a dialect may do with a connection. */
export interface DialectConnection {
  readonly id: string
  readonly principal: Principal
  /** The names of its session's subscriptions. */
  readonly subscriptions: Iterable<string>
  /** Whether its client reads what it gets; without room, what is sent is dropped. */
  readonly hasRoom: boolean
  /** QoS 0, past all subscriptions. */
  send(topic: string, payload: Uint8Array): void
  /** As if the client had asked for it with QoS 0, without a SUBACK and what is stored. False: it was refused. */
  subscribe(filter: string): boolean
  /** Takes away what `subscribe` gave, by its name. */
  unsubscribe(name: string): void
  close(reason: ReasonCode, why: string): void
  /** Links, names: whatever the dialect keeps for as long as the connection lives. */
  readonly state: Map<string, unknown>
}

export interface SubscribeOptions {
  readonly qos: Qos
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly retainHandling: 0 | 1 | 2
}

export type SubscribePlan =
  | {
      readonly kind: 'subscribe'
      /** By which the session knows it, and the dialect is asked about it later; the filter as it was sent. */
      readonly name?: string
      readonly space: string
      /** What the index holds; without `$share/<group>/`. */
      readonly filter: string
      /** The group of a shared subscription. */
      readonly share: string | undefined
      readonly qos: Qos
      /** Monotonic ms: the subscription ends then; Infinity. */
      readonly validUntil: number
      /**
       * Stored messages, oldest first: they go out before the SUBACK, as fast as the client reads. Live ones are held
       * meanwhile and follow; one that is in both, with the same `id`, comes once. Must bring everything that was stored
       * before it is called. Its `return` is called if the connection or the subscription ends first; if it fails, SUBACK
       * leaves as if it were over. Not asked for shared subscriptions, and when a session is resumed.
       */
      readonly before?: () => AsyncIterable<Publication>
    }
  | {
      readonly kind: 'refuse'
      readonly reason: ReasonCode
      readonly why: string
      /** Called before the SUBACK leaves, for a dialect that says more than a reason code. */
      readonly tell?: (connection: DialectConnection, packetId: number) => void
    }

export interface Dialect {
  readonly name: string
  /** At once where memory knows; a slow one (scrypt) keeps nobody else waiting. Never throws. */
  authenticate(login: Login): Verdict | Promise<Verdict>
  /**
   * Who the owner of a session of an earlier process is now; `undefined`: nobody may have it any more. Without it sessions
   * of the dialect do not outlive the process.
   */
  restore?(owner: SessionOwner): Principal | undefined | Promise<Principal | undefined>
  /** `topic` is valid UTF-8 without wildcards. Must be quick and must not wait; called once per topic and epoch. */
  plan(principal: Principal, topic: string, flags: PublishFlags): PublishPlan
  subscribe(principal: Principal, filter: string, options: SubscribeOptions): SubscribePlan
  /** A subscription, by its name, in the form in which `subscribe` gave it to the index. */
  unsubscribe(
    principal: Principal,
    name: string,
  ): { readonly space: string; readonly filter: string; readonly share: string | undefined }
  /** Once per connection, after CONNACK and after the end; presence stands on these. */
  connected?(connection: DialectConnection): void
  disconnected?(connection: DialectConnection): void
  /** By name, once for each that the session did not have. */
  subscribed?(connection: DialectConnection, name: string): void
  unsubscribed?(connection: DialectConnection, name: string): void
  /**
   * What a subscription hangs on, by its name, and no other dialect's does: the engine finds all that hang on it when it
   * ends. The same for ever.
   */
  dependsOn?(name: string): string
  /** Whether a subscription may go on when its session is resumed or its rights have changed; `subscribe` is asked. */
  mayKeep?(principal: Principal, name: string): boolean
  /** The topic of a will in the form in which it is kept until it is due, perhaps on a disk; as it was sent. */
  nameWill?(principal: Principal, topic: string): string
  /** What a will means that `nameWill` has named. */
  planWill?(principal: Principal, name: string, flags: PublishFlags): PublishPlan
  /** Nobody asked for it: its time was over, or the dialect does not allow it any more. */
  ended?(connection: DialectConnection, name: string): void
  /** The names of what an UNSUBSCRIBE means, which may tell the client why there are none; the filter as it was sent. */
  meantBy?(connection: DialectConnection, filter: string, packetId: number): readonly string[]
}

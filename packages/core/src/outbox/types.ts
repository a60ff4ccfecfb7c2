/** The words of the outbox: what a caller asks, what a client delivers, what the ledger tells. docs/guide/outbox.md */

import type { Clock } from '../clock.ts'
import type { Disk } from '../disk.ts'
import type { Logger } from '../logger.ts'

export interface WaitOptions {
  signal?: AbortSignal
}

/**
 * What the outbox may do with one message. `signal` ends the waiting, never a message that is already queued
 * (`outbox.drop(id)` does).
 */
export interface SendControl extends WaitOptions {
  /** seconds; not delivered by then: dropped, reason `expired` */
  expires?: number
  /** high before normal before low; `normal` */
  priority?: Priority
  /** A newer message with the same word takes the place of an older one that still waits (reason `superseded`). */
  latest?: string
  /** The caller's own name for the message; a second send with a known id sends nothing. 1 to 128 characters. */
  id?: string
}

export type Priority = 'high' | 'normal' | 'low'

export interface OutboxOptions {
  /** A directory; made if it is not there. Without one the outbox lives in memory. */
  path?: string
  /** 10,000 */
  maxMessages?: number
  /** of bodies; 64 MiB */
  maxBytes?: number
  /** seconds; none */
  maxAge?: number
  /** What happens to one message too many: `reject` throws ERR_OUTBOX_FULL; `reject` */
  overflow?: 'reject' | 'drop-oldest' | 'drop-newest'
  /** messages a second that leave a backlog; none */
  drainRate?: number
  /** deliveries at once, over all destinations without a pipeline; 4 */
  concurrency?: number
  /** One after the other per destination and priority; false: one destination may use all of `concurrency`. true */
  ordered?: boolean
  /** Look, touch nothing, need no lock; also beside a running owner. false */
  readOnly?: boolean
}

export type OutboxState = 'queued' | 'delivered' | 'dropped'

/** One line of the ledger. */
export interface OutboxEntry {
  readonly id: string
  readonly destination: string
  readonly state: OutboxState
  /** Why it was dropped, or why the last attempt failed. */
  readonly reason?: string
  readonly queuedAt: Date
  readonly settledAt?: Date
  /** Deliveries begun by this process, and for a settled message by the one that settled it. */
  readonly attempts: number
  /** bytes of the body */
  readonly size: number
}

/** What a deliverer is handed. */
export interface OutboxMessage {
  readonly id: string
  readonly kind: string
  /** The outbox's own, which it gives again at the next attempt: leave it as it is. */
  readonly body: Uint8Array
  readonly options: Readonly<Record<string, unknown>>
  /** deliveries begun before this one */
  readonly attempts: number
  /**
   * Its place among all that were submitted, from 1 upwards: the same at every attempt and in every later process, and of
   * no other message that is owed at the same time. Within a destination and priority it tells who goes first.
   */
  readonly order: number
  /** It was found on disk when this process opened the outbox: an earlier one may have sent it. */
  readonly earlier: boolean
  /** How far it got, as the last {@link DeliverOptions.advance} wrote it down; 0 at first */
  readonly stage: number
}

export type Delivery = { outcome: 'delivered' } | { outcome: 'refused' | 'retry'; reason: string }

/** What a deliverer may do during one attempt. */
export interface DeliverOptions extends WaitOptions {
  /**
   * Writes down that the message has reached a stage of its protocol, 0 to 255. Resolves when that is on disk (at once
   * without a path); later attempts have it as {@link OutboxMessage.stage}, those of later processes too.
   *
   * @throws {HalyardError} `ERR_OUTBOX_STAGE` for another number, or when the attempt is over; `ERR_STORE_FULL`,
   * `ERR_STORE_IO`: it is not written down
   */
  readonly advance: (stage: number) => Promise<void>
}

export type Deliver = (message: OutboxMessage, options: DeliverOptions) => Promise<Delivery>

export interface AttachOptions {
  /**
   * So many deliveries of this destination at once, begun strictly in the order of each priority and independent of
   * `concurrency`: for a protocol that keeps the order of what is on its way. Left out: one after the other per priority,
   * within `concurrency`.
   */
  pipeline?: number
}

/** What a client hands to {@link Outbox.submit}: the call and its options, never a credential. */
export interface OutboxSubmission {
  /** service and account: `hologram:1d3g` */
  readonly destination: string
  /** what the body is, for the deliverer and for `halyard outbox ls`: `hologram.message` */
  readonly kind: string
  /** copied; at most 31 MiB */
  readonly body: Uint8Array
  /** JSON values, at most 64 Ki characters of them; handed back with the message */
  readonly options?: Readonly<Record<string, unknown>>
  /**
   * A message of which a second copy is worse than none (an SMS). Its attempt is written down before it begins, and if
   * the process ends in the middle it is dropped with reason `interrupted`, never tried again.
   */
  readonly atMostOnce?: boolean
}

/** The bond between a destination and its deliverer; disposing it leaves what is queued where it is. */
export interface Attachment extends Disposable {
  /** The link is down: what is sent from now on is queued at once. What is on the wire goes on. */
  hold(): void
  /** The link is up: whatever waits goes out now, a backoff is forgotten. */
  release(): void
}

/** What a publish resolves with. */
export interface Receipt {
  readonly id: string
  readonly state: 'delivered' | 'queued'
}

/** What an outbox stands on; all have defaults. For tests, and for whoever has a disk or clock of his own. */
export interface OutboxPorts {
  readonly clock?: Clock
  readonly logger?: Logger
  readonly disk?: Disk
  /** 0 ≤ x < 1; `Math.random` */
  readonly random?: () => number
  /** of the log; 1 MiB */
  readonly segmentBytes?: number
}

/** Which lines of the ledger. */
export interface EntryFilter {
  readonly state?: OutboxState
  readonly destination?: string
}

/** A message that is queued, as it would be handed to its deliverer. */
export interface QueuedMessage extends OutboxMessage {
  readonly destination: string
}

import type { Qos } from '@halyard/wire/mqtt'
import type { Passing } from './passing.ts'

/** What a session has of its connection while it has one. */
export interface Link {
  /** Bytes that the client has not read yet. */
  readonly waiting: number
  /**
   * Writes one PUBLISH; false: it is larger than the client takes, and counts as delivered ([MQTT-3.1.2-25]). `many`:
   * others get the same, so that one frame for all is worth it.
   */
  deliver(message: Passing, terms: DeliveryTerms, packetId: number, dup: boolean, many: boolean): boolean
  /** PUBREL. */
  release(packetId: number): void
  /** What its client has acknowledged could not be stored. */
  unkept(): void
  /** By its name; nobody asked for it. */
  subscriptionEnded(name: string): void
  /** Another connection has the session now. */
  takenOver(): void
}

export interface DeliveryTerms {
  readonly qos: Qos
  readonly retain: boolean
  /** Of the subscriptions that it is sent for. */
  readonly identifiers: readonly number[] | undefined
}

/** What became of a message. `rejected`: its queue is full, and the policy is to refuse what is published. */
export type Delivered = 'sent' | 'queued' | 'dropped' | 'rejected'

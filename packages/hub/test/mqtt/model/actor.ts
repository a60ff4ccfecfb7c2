import type { Publish } from '@halyard/wire/mqtt'
import type { Client } from '../stage.ts'
import type { Flight, Message } from './state.ts'

/** A client of the script: its side of the protocol, as simple as can be. */
export interface Actor {
  readonly name: string
  connection: Client | undefined
  /** Topics by the aliases that the hub has named, and those that it has named to the hub. */
  aliasesIn: Map<number, string>
  aliasesOut: Map<number, string>
  maxAliases: number
  /** What it has not acknowledged to the end, by packet identifier. */
  unacknowledged: Flight[]
  /** QoS 2 that it has published and not released. */
  held: Publish[]
  lastId: number
}

/** Of those who take little. */
export const SMALL_PACKETS = 100

const BIG = ' '.repeat(2 * SMALL_PACKETS)

export function bytesOf({ payload, isBig }: Message): Uint8Array {
  return Buffer.from(isBig ? payload + BIG : payload)
}

export function textOf(payload: Uint8Array): string {
  return Buffer.from(payload).toString().trim()
}

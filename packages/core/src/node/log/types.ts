import type { HalyardError } from '../../errors.ts'
import type { Disk } from '../../disk.ts'

/** Number of a record in its log, from 1, ascending. What could not be kept leaves a gap: a number is given once. */
export type Lsn = number

/**
 * Told once, in the order of the appends, when a record lasts or when it is certain that it could not be kept. Where it
 * lies comes as numbers, not as a {@link LogPosition}: most waiters would only take the object apart again.
 */
export interface LogWaiter {
  committed(lsn: Lsn, segment: number, offset: number): void
  /** The record is not in the log. Only if the machine stops just now it may be there, of a disk that did half of it. */
  failed(error: HalyardError): void
}

/**
 * What became of the next records in their order, up to this one: they last, or they are not in the log. Cheaper than a
 * waiter for each where many wait.
 */
export type LogListener = (upTo: Lsn, error: HalyardError | undefined) => void

/** Where a record lies; valid until its segment is dropped. */
export interface LogPosition {
  readonly segment: number
  readonly offset: number
}

export interface LogRecord extends LogPosition {
  readonly lsn: Lsn
  /** A view of `bytes` from `start` to `end`; valid only during the call that hands it over. */
  readonly payload: Uint8Array
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

/** Bytes that should be a record and are not: copied to `damaged/`, left where they are, stepped over. */
export interface LogDamage {
  readonly segment: number
  readonly offset: number
  readonly length: number
  readonly firstMissing: Lsn
  readonly lastMissing: Lsn
}

/** A group that lasts. */
export interface LogCommit {
  /** Of its write and its sync. */
  readonly milliseconds: number
  readonly bytes: number
  readonly records: number
}

export interface LogOptions {
  /** A directory of its own. */
  readonly path: string
  /** Four letters in the head of every segment that say whose log this is: `OUTB`, `JRNL`. */
  readonly kind: string
  /** 1 MiB */
  readonly segmentBytes?: number
  /**
   * Milliseconds for which a group waits for company before it is written and synced; acknowledgements wait as long. For
   * disks that wear out by each sync. One that is full (256 KiB) goes at once. 0
   */
  readonly commitInterval?: number
  /** {@link nodeDisk} */
  readonly disk?: Disk
  /** Look only: no lock, no cut, nothing written; also beside a running owner. */
  readonly readOnly?: boolean
  readonly onDamage?: (damage: LogDamage) => void
  /** Called once a group, before whoever waits for it is told. */
  readonly onCommit?: (commit: LogCommit) => void
}

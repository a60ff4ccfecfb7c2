import type { Qos } from '@halyard/wire/mqtt'
import type { Position } from '../domain/positions.ts'
import type { SharedRow } from '../domain/shared-row.ts'
import type { DeliveryTerms } from './link.ts'

/** On what terms a session gets what lies in a row: {@link termsIn}. */
export interface SharedTerms {
  readonly qos: Qos
  readonly retainAsPublished: boolean
  readonly identifiers: readonly number[] | undefined
}

/** One session in one row. */
export interface Part {
  readonly row: SharedRow
  /** The place of what it gets next. */
  from: number
  /** It gets nothing from this place on; Infinity. */
  readonly to: number
  terms: SharedTerms
  /** Told when the session leaves the row. */
  home: { left(part: Part): void } | undefined
}

export interface Waiting {
  readonly position: Position
  /** QoS as it was published, MARK_RETAIN. */
  readonly mark: number
  readonly bytes: number
  readonly terms: SharedTerms
}

/** RETAIN beside the QoS: of a message in a row, as it was published. */
const MARK_RETAIN = 4

/** [MQTT-3.8.4-8]: the smaller of both QoS. */
export function termsIn(mark: number, { qos, retainAsPublished, identifiers }: SharedTerms): DeliveryTerms {
  const published = (mark & 3) as Qos
  return {
    qos: published < qos ? published : qos,
    retain: (mark & MARK_RETAIN) !== 0 && retainAsPublished,
    identifiers: identifiers !== undefined && identifiers.length > 0 ? identifiers : undefined,
  }
}

export function markOf(qos: Qos, retain: boolean): number {
  return qos | (retain ? MARK_RETAIN : 0)
}

/**
 * What waits for a session in rows that others read too, behind its own queue. It came in the order of its positions,
 * whichever row it lies in.
 */
export class SharedTail {
  readonly parts: Part[] = []
  /** It was in too many rows: what comes goes into its own queue, until it has a connection. */
  isScattered = false

  get length(): number {
    let length = 0
    for (const { row, from, to } of this.parts) length += Math.min(row.end, to) - from
    return length
  }

  get bytes(): number {
    let bytes = 0
    for (const { row, from, to } of this.parts) bytes += row.bytesBetween(from, to)
    return bytes
  }

  enter(part: Part): void {
    part.row.enter(part.from)
    this.parts.push(part)
  }

  /** Gives the oldest away, as few as make so many messages and so many bytes. Gives how many went. */
  drop(messages: number, bytes: number): number {
    if (messages <= 0 && bytes <= 0) return 0
    const [only] = this.parts
    if (only !== undefined && this.parts.length === 1) return dropFrom(only, messages, bytes)
    let least = 0
    let enough = 1 + Math.max(0, ...this.parts.map((part) => newestOf(part)))
    // Before which position: in all rows at once, without a look at each message.
    while (least + 1 < enough) {
      const middle = Math.floor((least + enough) / 2)
      const gone = this.#before(middle)
      if (gone.messages >= messages && gone.bytes >= bytes) enough = middle
      else least = middle
    }
    let dropped = 0
    for (const part of this.parts) {
      const { row, from } = part
      part.from = row.placeOf(enough, from, part.to)
      row.move(from, part.from)
      dropped += part.from - from
    }
    return dropped
  }

  /** Oldest first. */
  *entries(): Generator<Waiting> {
    const parts = this.parts.map((part) => ({ ...part }))
    for (let part = oldestOf(parts); part !== undefined; part = oldestOf(parts)) yield waitingIn(part, part.from++)
  }

  /** What lies before a position. */
  #before(position: Position): { readonly messages: number; readonly bytes: number } {
    let messages = 0
    let bytes = 0
    for (const { row, from, to } of this.parts) {
      const place = row.placeOf(position, from, to)
      messages += place - from
      bytes += row.bytesBetween(from, place)
    }
    return { messages, bytes }
  }

  /** Of all rows. */
  leave(): void {
    for (const part of this.parts.splice(0)) {
      part.home?.left(part)
      part.row.leave(part.from)
    }
  }
}

function waitingIn({ row, terms }: Part, place: number): Waiting {
  return { position: row.positionAt(place), mark: row.markAt(place), bytes: row.bytesBetween(place, place + 1), terms }
}

/** As {@link SharedTail.drop}, of one row. */
function dropFrom(part: Part, messages: number, bytes: number): number {
  const { row, from, to } = part
  const end = Math.min(row.end, to)
  let least = Math.min(end, from + Math.max(0, messages))
  let enough = bytes > row.bytesBetween(from, least) ? end : least
  while (least < enough) {
    const middle = Math.floor((least + enough) / 2)
    if (row.bytesBetween(from, middle) >= bytes) enough = middle
    else least = middle + 1
  }
  part.from = least
  row.move(from, least)
  return least - from
}

/** 0: it has nothing. */
function newestOf({ row, from, to }: Part): Position {
  const end = Math.min(row.end, to)
  return end > from ? row.positionAt(end - 1) : 0
}

function oldestOf(parts: readonly Part[]): Part | undefined {
  let oldest: Part | undefined
  let least = Infinity
  for (const part of parts) {
    if (part.from >= Math.min(part.row.end, part.to)) continue
    const position = part.row.positionAt(part.from)
    if (position >= least) continue
    oldest = part
    least = position
  }
  return oldest
}

import { badText } from './cursor.ts'
import { decodeUtf8 } from './utf8.ts'
import { checkTopicName } from './topic.ts'

/**
 * A topic as it came, decoded once. The same object is given again for the same bytes while the memo knows them, so that
 * `===` compares topics; it may be kept, and so may its bytes.
 */
export interface TopicName {
  readonly text: string
  readonly bytes: Uint8Array
  /** Whether it may be published to: not empty, no wildcard. Others are seen only by readers with `anyTopic`. */
  readonly valid: boolean
}

/** Longer topics are decoded each time: what is remembered stays small, whatever a peer sends. */
const MEMO_MAX_BYTES = 256

/**
 * The topics that were seen last, found by their bytes: a table in which a new topic takes the place of an old one, so
 * that it never grows. One may serve all readers of a process. Memory: below 1 KiB per entry.
 */
export class TopicMemo {
  readonly #entries: (TopicName | undefined)[]
  readonly #mask: number

  /** `entries` is rounded up to a power of two; 4,096 */
  constructor(entries: number = 4096) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(2, entries)))
    this.#entries = Array.from({ length: size }, () => undefined)
    this.#mask = size - 1
  }

  /** The topic in `bytes[at, end)`. Throws `ERR_MQTT_UTF8`. */
  get(bytes: Uint8Array, at: number, end: number): TopicName {
    if (end - at > MEMO_MAX_BYTES) return readTopicName(bytes, at, end)
    const slot = hashOf(bytes, at, end) & this.#mask
    const entries = this.#entries
    const first = entries[slot]
    if (first !== undefined && sameBytes(first.bytes, bytes, at, end)) return first
    // Two topics with the same hash have two places, the newer one first.
    const second = entries[slot ^ 1]
    if (second !== undefined && sameBytes(second.bytes, bytes, at, end)) return second
    const topic = readTopicName(bytes, at, end)
    if (first !== undefined) entries[slot ^ 1] = first
    return (entries[slot] = topic)
  }
}

/** Four bytes at a time, since each product waits for the one before. An enemy who makes topics collide costs us what decoding costs. */
function hashOf(bytes: Uint8Array, from: number, end: number): number {
  let hash = 0x811c9dc5
  let at = from
  for (; at + 4 <= end; at += 4) {
    const four = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    hash = Math.imul(hash ^ four, 0x9e3779b1)
    // The product moves upwards only: bring the upper bits down again.
    hash ^= hash >>> 15
  }
  for (; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x9e3779b1)
  // MurmurHash3's last steps: topics that differ in one digit fall far from each other.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

/** Whether `known` are the bytes `bytes[at, end)`. */
export function sameBytes(known: Uint8Array, bytes: Uint8Array, at: number, end: number): boolean {
  const length = end - at
  if (known.length !== length) return false
  // Topics differ at their ends more often than at their beginnings.
  for (let i = length - 1; i >= 0; i--) if (known[i] !== bytes[at + i]) return false
  return true
}

export function readTopicName(bytes: Uint8Array, at: number, end: number): TopicName {
  const text = decodeUtf8(bytes, at, end)
  if (text === undefined) throw badText()
  const copy = new Uint8Array(end - at)
  for (let i = 0; i < copy.length; i++) copy[i] = bytes[at + i]!
  return { text, bytes: copy, valid: checkTopicName(text) === undefined }
}

/** Stands where a topic alias stands for the topic. */
export const NO_TOPIC: TopicName = { text: '', bytes: new Uint8Array(0), valid: false }

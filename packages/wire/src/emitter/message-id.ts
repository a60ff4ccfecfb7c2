import { EPOCH_2018 } from './epoch.ts'
import { channelHash } from './hash.ts'

/**
 * The id of a stored message, by which histories are paged. The bytes of two ids of a channel compare as their messages
 * do, the newest first. docs/protocols/emitter.md §4.1
 *
 * ```
 * 0                     4               8                 12             16         20
 * | contract ^ segment1 |   top - time  |   top - counter | random word  | contract | segment1 | segment2 …
 * ```
 *
 * Segments are hashes; all words are big endian.
 */
export interface MessageId {
  /** unix seconds, from 2018 */
  readonly time: number
  /** Of the process that stored it; it counts up from message to message. */
  readonly counter: number
  /** Random, one for a process */
  readonly process: number
  readonly contract: number
  /** {@link channelHash} of each segment */
  readonly segments: readonly number[]
}

const HEAD = 16
/** What times and counters are taken from, so that the newest id is the smallest. */
const TOP = 0xffff_ffff

export function encodeMessageId(id: MessageId): Uint8Array {
  const { time, counter, process, contract, segments } = id
  const bytes = new Uint8Array(HEAD + 4 * (segments.length + 1))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, contract ^ (segments[0] ?? 0))
  view.setUint32(4, TOP - (time - EPOCH_2018))
  view.setUint32(8, TOP - counter)
  view.setUint32(12, process)
  view.setUint32(HEAD, contract)
  for (const [i, segment] of segments.entries()) view.setUint32(HEAD + 4 * (i + 1), segment)
  return bytes
}

/** `undefined` for what is none: too short, no whole words, or a first word that the others do not make. */
export function decodeMessageId(bytes: Uint8Array): MessageId | undefined {
  if (bytes.length < HEAD + 8 || bytes.length % 4 !== 0) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const contract = view.getUint32(HEAD)
  const segments: number[] = []
  for (let at = HEAD + 4; at < bytes.length; at += 4) segments.push(view.getUint32(at))
  if (view.getUint32(0) !== (contract ^ segments[0]!) >>> 0) return undefined
  return {
    time: TOP - view.getUint32(4) + EPOCH_2018,
    counter: TOP - view.getUint32(8),
    process: view.getUint32(12),
    contract,
    segments,
  }
}

/** Whether the message of an id was published to this very channel of a contract, as far as hashes can tell. */
export function isMessageOf(id: MessageId, contract: number, segments: readonly string[]): boolean {
  if (id.contract !== contract || id.segments.length !== segments.length) return false
  return segments.every((segment, i) => channelHash(segment) === id.segments[i])
}

import { CLOUD_ID_LENGTH, CLOUD_KEY_LENGTH, DEVICE_KEY_LENGTH, isKey } from './auth.ts'
import type { HologramAuth } from './auth.ts'
import { memberSource } from './member-source.ts'
import { METADATA_MARK } from './device-key-message.ts'
import type { CloudMessage } from './message.ts'
import { MAX_JSON_DEPTH } from './python-json.ts'
import type { JsonValue } from './python-json.ts'
import { refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import { ERR_AUTHINVALID, ERR_METADATA, ERR_MSGINVALID, ERR_PAYLOADINVALID, ERR_TOPICINVALID } from './reply.ts'
import { readTopics } from './topics.ts'

/** A message as a server reads it: topics are a list, or absent if none were sent. */
export interface DecodedMessage extends CloudMessage {
  readonly topics?: readonly string[]
  /** The JSON of `data` that is no text, as it was written: numbers of any length keep their digits here. */
  readonly dataSource?: string
}

type Members = Readonly<Record<string, unknown>>

const SHORT = ['s', 'c', 'k', 'm', 't', 'd'] as const
const LONG = ['devicekey', 'data', 'tags'] as const

/** `<modem>-<version>` behind its mark; both sides are printable. */
const METADATA = /^[!-~][ -~]*-[ -~]*[!-~]$/
const MAX_METADATA = 128

/**
 * Reads the JSON object of a message: members in any order, strangers among them ignored, short names or the long
 * `devicekey`, `data`, `tags`, never both. The first thing wrong decides the code, in the order of this function.
 * docs/protocols/hologram.md §3.4
 */
export function decodeMessage(text: string): DecodedMessage | Refusal {
  const members = parseObject(text)
  if (members === undefined) return refuse(ERR_MSGINVALID, 'json', 'the message is not a JSON object')
  const long = LONG.some((name) => Object.hasOwn(members, name))
  if (long && SHORT.some((name) => Object.hasOwn(members, name))) {
    return refuse(ERR_MSGINVALID, 'json', 'the message mixes short and long names')
  }

  const auth = readAuth(members)
  if (auth === undefined) {
    return refuse(ERR_AUTHINVALID, 'json', 'a message has s and c of 4 characters each, or k (devicekey) of 8')
  }
  const data = long ? members['data'] : members['d']
  if (data === undefined || data === null || typeof data === 'boolean') {
    return refuse(ERR_PAYLOADINVALID, 'json', 'the data (d, data) is missing, null or a truth value')
  }
  if (!withinDepth(data, MAX_JSON_DEPTH)) {
    return refuse(ERR_MSGINVALID, 'json', `the data nests deeper than ${MAX_JSON_DEPTH} levels`)
  }
  const mark = members['m']
  if (mark !== undefined && !isMetadata(mark)) {
    return refuse(ERR_METADATA, 'json', 'the metadata (m) is not U+0001 and <modem>-<version>')
  }
  const given = long ? members['tags'] : members['t']
  const read = given === undefined ? undefined : readTopics(given)
  if (read && 'problem' in read) return refuse(ERR_TOPICINVALID, 'json', read.problem)
  return {
    auth,
    data: data as JsonValue,
    ...(typeof data !== 'string' && { dataSource: memberSource(text, long ? 'data' : 'd') }),
    ...(read && { topics: read.topics }),
    ...(mark !== undefined && { metadata: mark.slice(METADATA_MARK.length) }),
  }
}

function parseObject(text: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : undefined
  } catch {
    return undefined
  }
}

/** One of the two forms and nothing of the other: who sends both has not decided who he is. */
function readAuth(members: Members): HologramAuth | undefined {
  const { s: cloudId, c: cloudKey, k, devicekey } = members
  const deviceKey = k === undefined ? devicekey : k
  if (deviceKey === undefined) {
    return isKey(cloudId, CLOUD_ID_LENGTH) && isKey(cloudKey, CLOUD_KEY_LENGTH) ? { cloudId, cloudKey } : undefined
  }
  if (cloudId !== undefined || cloudKey !== undefined) return undefined
  return isKey(deviceKey, DEVICE_KEY_LENGTH) ? { deviceKey } : undefined
}

function isMetadata(value: unknown): value is string {
  if (typeof value !== 'string' || !value.startsWith(METADATA_MARK)) return false
  const metadata = value.slice(METADATA_MARK.length)
  return metadata.length <= MAX_METADATA && METADATA.test(metadata)
}

function withinDepth(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return depth > 0 && Object.values(value).every((item) => withinDepth(item, depth - 1))
}

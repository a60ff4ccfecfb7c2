import { encodeText } from './terminator.ts'

/**
 * What the cloud answers. docs/protocols/hologram.md §5
 *
 * ```
 * json      "[" code ",0]"      to JSON messages
 * compact   code "0"            to an SMS and to requests with a one-time password
 * ```
 */
export type ReplyForm = 'json' | 'compact'

export const ERR_BUFFERED = -2
export const ERR_UNKNOWN = -1
export const ERR_OK = 0
export const ERR_CONNCLOSED = 1
export const ERR_MSGINVALID = 2
export const ERR_AUTHINVALID = 3
export const ERR_PAYLOADINVALID = 4
export const ERR_PROTINVALID = 5
export const ERR_INTERNAL = 6
export const ERR_METADATA = 7
export const ERR_TOPICINVALID = 8

/** What a service answers when it does not take a request. */
export type RefusalCode = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8
/** What a service answers. */
export type ReplyCode = typeof ERR_OK | RefusalCode
/** What a caller is told: a reply, no usable reply (-1), or not sent yet (-2). */
export type ResultCode = ReplyCode | typeof ERR_UNKNOWN | typeof ERR_BUFFERED

export type ResultName =
  | 'ERR_OK'
  | 'ERR_CONNCLOSED'
  | 'ERR_MSGINVALID'
  | 'ERR_AUTHINVALID'
  | 'ERR_PAYLOADINVALID'
  | 'ERR_PROTINVALID'
  | 'ERR_INTERNAL'
  | 'ERR_METADATA'
  | 'ERR_TOPICINVALID'
  | 'ERR_UNKNOWN'
  | 'ERR_BUFFERED'

export interface ResultInfo {
  readonly code: ResultCode
  readonly name: ResultName
  /** The sentence of the documents. */
  readonly description: string
}

const UNKNOWN: ResultInfo = { code: -1, name: 'ERR_UNKNOWN', description: 'Unknown error.' }

/** 0 to 5 in the sentences of document 000; 6 to 8 and -1 are of the SDKs that added them; -2 is ours. */
export const RESULTS: readonly ResultInfo[] = [
  { code: 0, name: 'ERR_OK', description: 'The message has been sent successfully.' },
  {
    code: 1,
    name: 'ERR_CONNCLOSED',
    description: "Connection was closed so we couldn't read the whole message.",
  },
  { code: 2, name: 'ERR_MSGINVALID', description: 'Failed to parse the message.' },
  { code: 3, name: 'ERR_AUTHINVALID', description: 'Auth section of the message was invalid.' },
  { code: 4, name: 'ERR_PAYLOADINVALID', description: 'Payload type was invalid.' },
  { code: 5, name: 'ERR_PROTINVALID', description: 'Protocol type was invalid.' },
  { code: 6, name: 'ERR_INTERNAL', description: 'Internal error in Hologram Cloud.' },
  { code: 7, name: 'ERR_METADATA', description: 'Metadata was formatted incorrectly.' },
  { code: 8, name: 'ERR_TOPICINVALID', description: 'Topic was formatted incorrectly.' },
  UNKNOWN,
  { code: -2, name: 'ERR_BUFFERED', description: 'The message is buffered and will be sent when the network allows.' },
]

/** Name and sentence of a code; whatever is not in the table is ERR_UNKNOWN. */
export function resultInfo(code: number): ResultInfo {
  return RESULTS.find((result) => result.code === code) ?? UNKNOWN
}

export function encodeReply(code: ReplyCode, form: ReplyForm): Uint8Array {
  return encodeText(form === 'json' ? `[${code},0]` : `${code}0`)
}

/** The longest thing that is still looked at as a reply; an answer of the service has five bytes. */
const MAX_REPLY = 64

/**
 * The code in all that a service answered, -1 if there is none in it. Never throws.
 *
 * JSON: a list whose first element is a known code, as a number or (as Python's `int()` takes it) as a digit in quotes;
 * white space around it does not matter. No list, an empty one, a fraction, a truth value, two lists: no code.
 * Compact: digits alone, the first is the code; white space around them does not matter.
 */
export function decodeReply(bytes: Uint8Array, form: ReplyForm): ReplyCode | typeof ERR_UNKNOWN {
  const code = form === 'json' ? jsonCode(bytes) : compactCode(bytes)
  return code !== undefined && isReplyCode(code) ? code : ERR_UNKNOWN
}

/**
 * The code as soon as a reply is complete, `undefined` while more bytes could make one. What a peer sends behind a
 * complete reply is not looked at, so that it does not matter how the network cut the bytes.
 */
export function readReply(bytes: Uint8Array, form: ReplyForm): ReplyCode | undefined {
  const complete = form === 'json' ? /^\s*\[[^\]]*\]/ : /^\s*\d\d/
  const size = complete.exec(asText(bytes.subarray(0, MAX_REPLY)))?.[0].length
  if (size === undefined) return undefined
  const code = decodeReply(bytes.subarray(0, size), form)
  return code === ERR_UNKNOWN ? undefined : code
}

/** The first number of a list of numbers, also one that no table knows: a refusal of a cloud newer than this program. */
export function isUnknownRefusal(bytes: Uint8Array, form: ReplyForm): boolean {
  const code = form === 'json' ? jsonCode(bytes) : compactCode(bytes)
  return code !== undefined && !isReplyCode(code)
}

function jsonCode(bytes: Uint8Array): number | undefined {
  const reply = parse(asText(bytes))
  if (!Array.isArray(reply)) return undefined
  const first: unknown = reply[0]
  if (typeof first === 'string' && /^\s*\d{1,3}\s*$/.test(first)) return Number(first)
  // `[-0,0]` is a zero as well
  return Number.isInteger(first) ? (first as number) + 0 : undefined
}

function compactCode(bytes: Uint8Array): number | undefined {
  const digits = asText(bytes).trim()
  return /^\d+$/.test(digits) ? Number(digits[0]) : undefined
}

function isReplyCode(code: number): code is ReplyCode {
  return code >= ERR_OK && code <= ERR_TOPICINVALID
}

/** Replies are ASCII; every byte becomes the character of its number, none can throw. */
function asText(bytes: Uint8Array): string {
  return bytes.length > MAX_REPLY ? '' : String.fromCharCode(...bytes)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

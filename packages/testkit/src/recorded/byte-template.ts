/**
 * Bytes with holes, written as text, for recordings whose numbers differ from run to run:
 *
 * ```
 * 40 02            bytes
 * 'emitter/me/'    UTF-8
 * <id:2>           two bytes that are taken over when they come
 * <rest:*>         all that remains of the group
 * <id>             the bytes that were taken over, again
 * <id#>            the same as a decimal number
 * [ … ]            a group behind its length, as MQTT writes a remaining length
 * ( … )            a group behind its length in two bytes
 * ```
 */

type Part =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'hole'; readonly name: string; readonly size: number }
  | { readonly kind: 'again'; readonly name: string; readonly asNumber: boolean }
  | { readonly kind: 'group'; readonly length: 'varint' | 'two bytes'; readonly parts: readonly Part[] }

export type ByteTemplate = readonly Part[]

/** What was taken over so far, by name. */
export type Holes = Map<string, Uint8Array>

/** What came is something else. */
class Mismatch extends Error {
  override name = 'Mismatch'
}

/** Not all is here yet. */
class Incomplete extends Error {}

const utf8 = new TextEncoder()
const TOKEN = /\s*(?:([\da-f]{2})|'([^']*)'|<(\w+):(\d+|\*)>|<(\w+)(#?)>|([[\]()]))/uy

/** Throws a plain error for what is no template. */
export function parseTemplate(text: string): ByteTemplate {
  const stack: Part[][] = [[]]
  const opened: string[] = []
  TOKEN.lastIndex = 0
  const trimmed = text.trim()
  while (TOKEN.lastIndex < trimmed.length) {
    const at = TOKEN.lastIndex
    const token = TOKEN.exec(trimmed)
    if (token === null) throw new Error(`no template: ${trimmed.slice(at)}`)
    const [, hex, words, hole, size, again, number, bracket] = token
    const parts = stack.at(-1)!
    if (hex !== undefined) parts.push({ kind: 'bytes', bytes: Uint8Array.of(Number.parseInt(hex, 16)) })
    else if (words !== undefined) parts.push({ kind: 'bytes', bytes: utf8.encode(words) })
    else if (hole !== undefined) parts.push({ kind: 'hole', name: hole, size: size === '*' ? Infinity : Number(size) })
    else if (again !== undefined) parts.push({ kind: 'again', name: again, asNumber: number === '#' })
    else if (bracket === '[' || bracket === '(') {
      opened.push(bracket)
      stack.push([])
    } else {
      const open = opened.pop()
      if (open === undefined || open !== (bracket === ']' ? '[' : '(')) throw new Error(`${bracket} closes nothing`)
      const inner = stack.pop()!
      stack.at(-1)!.push({ kind: 'group', length: open === '[' ? 'varint' : 'two bytes', parts: inner })
    }
  }
  if (opened.length > 0) throw new Error(`${opened.at(-1)} is not closed`)
  return stack[0]!
}

/** The bytes of a template whose holes are known. */
export function writeTemplate(template: ByteTemplate, holes: Holes): Uint8Array {
  const bytes: number[] = []
  for (const part of template) {
    if (part.kind === 'bytes') bytes.push(...part.bytes)
    else if (part.kind === 'group') {
      const inner = writeTemplate(part.parts, holes)
      bytes.push(...lengthOf(inner.length, part.length), ...inner)
    } else bytes.push(...wordOf(part.name, part.kind === 'again' && part.asNumber, holes))
  }
  return Uint8Array.from(bytes)
}

/**
 * How many of the bytes the template takes, its holes filled; `undefined` while some are missing.
 *
 * @throws {Mismatch}
 */
export function matchTemplate(template: ByteTemplate, bytes: Uint8Array, holes: Holes): number | undefined {
  try {
    return match(template, bytes, 0, Infinity, holes)
  } catch (error) {
    if (error instanceof Incomplete) return undefined
    throw error
  }
}

function match(parts: ByteTemplate, bytes: Uint8Array, at: number, end: number, holes: Holes): number {
  for (const part of parts) {
    if (part.kind === 'group') {
      const [from, length] = readLength(bytes, at, part.length)
      if (from + length > bytes.length) throw new Incomplete()
      const to = match(part.parts, bytes, from, from + length, holes)
      if (to !== from + length) throw new Mismatch(`${from + length - to} bytes more than expected at ${to}`)
      at = to
    } else if (part.kind === 'hole') {
      const size = part.size === Infinity ? end - at : part.size
      if (at + size > bytes.length) throw new Incomplete()
      holes.set(part.name, bytes.slice(at, (at += size)))
    } else {
      const expected = part.kind === 'bytes' ? part.bytes : wordOf(part.name, part.asNumber, holes)
      for (const byte of expected) {
        if (at >= end) throw new Mismatch(`ends at ${at}, where more was expected`)
        if (at >= bytes.length) throw new Incomplete()
        if (bytes[at] !== byte) throw new Mismatch(`${hex(bytes[at]!)} instead of ${hex(byte)} at ${at}`)
        at++
      }
    }
  }
  return at
}

function readLength(bytes: Uint8Array, at: number, how: 'varint' | 'two bytes'): [from: number, length: number] {
  let length = 0
  for (let place = 0; ; place++, at++) {
    const byte = bytes[at]
    if (byte === undefined) throw new Incomplete()
    if (how === 'varint') {
      length += (byte & 0x7f) * 128 ** place
      if (byte < 0x80) return [at + 1, length]
    } else {
      length = length * 256 + byte
      if (place === 1) return [at + 1, length]
    }
  }
}

function lengthOf(length: number, how: 'varint' | 'two bytes'): number[] {
  if (how === 'two bytes') return [length >> 8, length & 0xff]
  const bytes: number[] = []
  do {
    bytes.push((length & 0x7f) | (length >= 128 ? 0x80 : 0))
    length >>= 7
  } while (length > 0)
  return bytes
}

function wordOf(name: string, asNumber: boolean, holes: Holes): Uint8Array {
  const word = holes.get(name)
  if (word === undefined) throw new Error(`nothing was taken over as <${name}>`)
  return asNumber ? utf8.encode(String(word.reduce((value, byte) => value * 256 + byte, 0))) : word
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

import { HalyardError } from '../errors.ts'

/**
 * JSON exactly as Python's `json.dumps` writes it: `", "` and `": "` between the parts, ASCII alone, everything else as
 * lower-case `\uXXXX`, DEL too, astral characters as surrogate pairs, `/` bare. `JSON.stringify` differs in each of these.
 * docs/protocols/hologram.md §3.1
 */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue | undefined }

/** How deep a value may nest, written or read. Nobody's sensor needs more, and no walker of ours recurses further. */
export const MAX_JSON_DEPTH = 32

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

/** Everything but printable ASCII without `"` and `\`; no `u` flag, so that each half of a pair is escaped by itself. */
const ESCAPED = /[^ !#-[\]-~]/g

/**
 * The text of `json.dumps(value)`, ASCII alone. Lone surrogates keep their code, as in Python. Members that are
 * `undefined` are left out. Object members come in the order of the object, which in JavaScript puts names that are
 * array indices first.
 *
 * @throws {HalyardError} `ERR_HOLOGRAM_JSON` for NaN and infinities, and for more than {@link MAX_JSON_DEPTH} levels
 *   (which is also where a value that contains itself ends).
 */
export function writePythonJson(value: JsonValue): string {
  return write(value, MAX_JSON_DEPTH)
}

function write(value: JsonValue, depth: number): string {
  if (typeof value === 'string') return writeString(value)
  if (typeof value === 'number') return writeNumber(value)
  if (value === null || typeof value === 'boolean') return String(value)
  if (depth === 0) {
    throw new HalyardError('ERR_HOLOGRAM_JSON', `a JSON value may nest ${MAX_JSON_DEPTH} levels; send it flatter`)
  }
  if (isArray(value)) return `[${value.map((item) => write(item, depth - 1)).join(', ')}]`
  const members: string[] = []
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) members.push(`${writeString(name)}: ${write(member, depth - 1)}`)
  }
  return `{${members.join(', ')}}`
}

/** `Array.isArray` does not narrow a union with a readonly array. */
function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}

function writeString(text: string): string {
  return `"${text.replace(ESCAPED, escape)}"`
}

function escape(character: string): string {
  return SHORT_ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/**
 * An integer that JavaScript holds exactly is a Python int; every other number is a Python float and gets its `repr`:
 * the shortest digits that round-trip, an exponent of at least two digits below 1e-4 and from 1e16 on, else a point.
 */
function writeNumber(value: number): string {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return String(value)
  if (!Number.isFinite(value)) {
    throw new HalyardError('ERR_HOLOGRAM_JSON', `JSON has no ${String(value)}; send null or a string`)
  }
  const [mantissa = '', power = ''] = Math.abs(value).toExponential().split('e')
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const digits = mantissa.replace('.', '')
  const exponent = Number(power)
  if (exponent < -4 || exponent >= 16) {
    return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`
}

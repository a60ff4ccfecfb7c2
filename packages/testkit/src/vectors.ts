import { deepStrictEqual, notStrictEqual, strictEqual } from 'node:assert/strict'
import { readFileSync } from 'node:fs'

/**
 * Bytes as data. `both`: the bytes mean the message and the message is written so; `decode`: we read it and would write
 * it differently; `encode`: we write it and read it differently, or not at all; `reject`: bytes that get an error code.
 */
export interface Vector<Message> {
  readonly name: string
  readonly direction: 'both' | 'decode' | 'encode' | 'reject'
  /** What the bytes mean; with `reject` absent. */
  readonly message?: Message
  /** With `reject`: the code of the error, as a string or as the number of the protocol. */
  readonly code?: string | number
  readonly hex: string
  /** Which program wrote the bytes, or which clause they follow. */
  readonly origin: string
}

export interface VectorFile<Message> {
  readonly about: string
  readonly vectors: readonly Vector<Message>[]
}

/** What a decoder makes of bytes: `undefined` is "need more". */
export type Decoded<Message> = { readonly message: Message; readonly size: number } | { readonly code: string | number }

/** One fresh decoder for a stream. */
export type OpenDecoder<Message> = () => (chunk: Uint8Array) => Decoded<Message> | undefined

export interface VectorCodec<Message> {
  readonly encode?: (message: Message) => Uint8Array
  /** May also throw an error with a `code`, which counts as that code. */
  readonly decode?: (bytes: Uint8Array) => Decoded<Message> | undefined
  /** For decoders of streams; left out, `decode` is called again with all bytes so far. */
  readonly open?: OpenDecoder<Message>
  /** False where only the end of the stream ends a message, so that its beginning may be one as well; true */
  readonly selfDelimiting?: boolean
}

export interface VectorCase {
  readonly name: string
  readonly run: () => void
}

/** The part of vitest, mocha or node:test that is needed. */
export interface TestFrame {
  readonly describe: (name: string, body: () => void) => void
  readonly it: (name: string, body: () => void) => void
}

/** Reads a vector file; throws a plain error if it is none. */
export function loadVectors<Message>(file: URL): VectorFile<Message> {
  const parsed = JSON.parse(readFileSync(file, 'utf8')) as Partial<VectorFile<Message>>
  if (!Array.isArray(parsed.vectors) || parsed.vectors.length === 0) throw new Error(`${file.href} holds no vectors`)
  return parsed as VectorFile<Message>
}

/**
 * Registers the tests of a vector file: every vector parsed, generated, mirrored, fed byte by byte and cut at every
 * length, where each proper beginning must be "need more", never a message.
 *
 * @example
 * ```ts
 * import { describe, it } from 'node:test'
 * import { runVectors } from '@halyard/testkit'
 * const hello = { name: 'hello', direction: 'encode', message: 'hi', hex: '6869', origin: 'ASCII' } as const
 * runVectors({ about: 'greetings', vectors: [hello] }, { encode: (text) => new TextEncoder().encode(text) }, { describe, it })
 * ```
 */
export function runVectors<Message>(
  file: VectorFile<Message>,
  codec: VectorCodec<Message>,
  { describe, it }: TestFrame,
): void {
  describe(file.about, () => {
    for (const vector of file.vectors) {
      describe(vector.name, () => {
        for (const { name, run } of vectorCases(vector, codec)) it(name, run)
      })
    }
  })
}

/** The same as a list, for whoever registers tests in another way. */
export function vectorCases<Message>(vector: Vector<Message>, codec: VectorCodec<Message>): VectorCase[] {
  const bytes = fromHex(vector.hex)
  const { direction } = vector
  const cases: VectorCase[] = []
  const { encode, decode } = codec
  if (encode && (direction === 'both' || direction === 'encode')) {
    cases.push({ name: 'generate', run: () => strictEqual(toHex(encode(vector.message as Message)), toHex(bytes)) })
  }
  if (decode && direction !== 'encode') {
    const open = guard(codec.open ?? reopen(decode))
    const expected =
      direction === 'reject' ? { code: vector.code } : { message: vector.message as Message, size: bytes.length }
    const parse = (): Decoded<Message> | undefined => guard(() => decode)()(bytes)
    cases.push({ name: 'parse', run: () => deepStrictEqual(parse(), expected) })
    cases.push({ name: 'byte by byte', run: () => deepStrictEqual(byteByByte(open, bytes), expected) })
    if (codec.selfDelimiting !== false) {
      cases.push({ name: 'cut at every length', run: () => cutEverywhere(open, bytes, vector.code) })
    }
    if (encode && direction === 'both') cases.push({ name: 'mirror', run: () => mirror(parse(), encode, bytes) })
  }
  if (cases.length === 0) throw new Error(`${vector.name}: the codec has nothing for the direction ${direction}`)
  return cases
}

function byteByByte<Message>(open: OpenDecoder<Message>, bytes: Uint8Array): Decoded<Message> | undefined {
  const push = open()
  let decoded = bytes.length === 0 ? push(bytes) : undefined
  // The memory of a chunk belongs to whoever pushed it and is used again, as a socket may do.
  const chunk = new Uint8Array(1)
  for (const byte of bytes) {
    chunk[0] = byte
    decoded = push(chunk)
    chunk[0] = 0xff
  }
  return decoded
}

function cutEverywhere<Message>(
  open: OpenDecoder<Message>,
  bytes: Uint8Array,
  code: string | number | undefined,
): void {
  for (let length = 0; length < bytes.length; length++) {
    const decoded = open()(bytes.slice(0, length))
    if (decoded === undefined) continue
    // What can never become valid may be told early, then with the same code.
    const told = 'code' in decoded ? decoded.code : 'a message'
    notStrictEqual(code, undefined, `the first ${length} bytes already gave ${told}`)
    strictEqual(told, code, `the first ${length} bytes gave something else than the whole`)
  }
}

function mirror<Message>(
  decoded: Decoded<Message> | undefined,
  encode: (message: Message) => Uint8Array,
  bytes: Uint8Array,
): void {
  if (!decoded || !('message' in decoded)) throw new Error('the bytes did not give a message')
  strictEqual(toHex(encode(decoded.message)), toHex(bytes))
}

function reopen<Message>(decode: NonNullable<VectorCodec<Message>['decode']>): OpenDecoder<Message> {
  return () => {
    let all: Uint8Array = new Uint8Array(0)
    return (chunk) => {
      const longer = new Uint8Array(all.length + chunk.length)
      longer.set(all)
      longer.set(chunk, all.length)
      all = longer
      return decode(all)
    }
  }
}

/** An error that carries a code is that code; any other is a failure. */
function guard<Message>(open: OpenDecoder<Message>): OpenDecoder<Message> {
  return () => {
    const push = open()
    return (chunk) => {
      try {
        return push(chunk)
      } catch (error) {
        const code = (error as { code?: unknown }).code
        if (typeof code === 'string' && code.startsWith('ERR_') && !code.startsWith('ERR_ASSERTION')) return { code }
        throw error
      }
    }
  }
}

function fromHex(hex: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/.test(hex)) throw new Error(`not lower-case hex: ${hex}`)
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

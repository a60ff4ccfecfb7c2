import { describe, expect, it } from 'vitest'
import { loadVectors, runVectors, vectorCases } from '../src/index.ts'
import type { Vector, VectorCodec } from '../src/index.ts'

/** One byte of length, then so many ASCII characters; a length above 4 is refused. */
const codec: VectorCodec<string> = {
  encode: (text) => Uint8Array.from([text.length, ...Buffer.from(text)]),
  decode: (bytes) => {
    const [length] = bytes
    if (length === undefined) return undefined
    if (length > 4) throw Object.assign(new Error('too long'), { code: 'ERR_TOO_LONG' })
    if (bytes.length <= length) return undefined
    return { message: Buffer.from(bytes.subarray(1, 1 + length)).toString('latin1'), size: 1 + length }
  },
}
const hi: Vector<string> = { name: 'hi', direction: 'both', message: 'hi', hex: '026869', origin: 'by hand' }
const failures = (vector: Vector<string>, broken: VectorCodec<string>): string[] =>
  vectorCases(vector, broken)
    .filter(({ run }) => {
      try {
        run()
        return false
      } catch {
        return true
      }
    })
    .map(({ name }) => name)

runVectors({ about: 'a codec that is right', vectors: [hi] }, codec, { describe, it })

describe('the vector runner', () => {
  it('makes five tests of one vector, and passes a codec that is right', () => {
    expect(vectorCases(hi, codec).map(({ name }) => name)).toEqual([
      'generate',
      'parse',
      'byte by byte',
      'cut at every length',
      'mirror',
    ])
    expect(failures(hi, codec)).toEqual([])
    expect(failures({ ...hi, direction: 'reject', code: 'ERR_TOO_LONG', hex: '05' }, codec)).toEqual([])
  })

  it('catches a writer that writes something else', () => {
    expect(failures(hi, { ...codec, encode: (text) => Buffer.from(text) })).toEqual(['generate', 'mirror'])
  })

  it('catches a decoder that is content with a part', () => {
    const eager = { decode: (bytes: Uint8Array) => ({ message: 'hi', size: bytes.length }) }
    expect(failures({ ...hi, direction: 'decode' }, eager)).toEqual(['cut at every length'])
    expect(failures({ ...hi, direction: 'decode' }, { ...eager, selfDelimiting: false })).toEqual([])
  })

  it('catches a stream decoder that keeps the memory of its caller', () => {
    const forgetful: VectorCodec<string> = {
      ...codec,
      open: () => {
        const chunks: Uint8Array[] = []
        return (chunk) => {
          chunks.push(chunk)
          return codec.decode?.(Buffer.concat(chunks))
        }
      },
    }
    expect(failures(hi, forgetful)).toEqual(['byte by byte'])
  })

  it('catches a wrong code, and a message where there is none', () => {
    const rejected = { ...hi, direction: 'reject', code: 'ERR_OTHER', message: undefined } as const
    expect(failures({ ...rejected, hex: '05' }, codec)).toEqual(['parse', 'byte by byte'])
    expect(failures(rejected, codec)).toEqual(['parse', 'byte by byte'])
  })

  it('says what is wrong with a vector itself', () => {
    expect(() => vectorCases({ ...hi, hex: 'XY' }, codec)).toThrow('not lower-case hex: XY')
    expect(() => vectorCases(hi, {})).toThrow('hi: the codec has nothing for the direction both')
    expect(() => loadVectors(new URL('../package.json', import.meta.url))).toThrow('package.json holds no vectors')
  })
})

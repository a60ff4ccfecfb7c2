import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  EmitterEncodeError,
  formatLicense,
  keyCodec,
  LICENSE_RANDOM_BYTES,
  masterKey,
  newLicense,
} from '../../src/emitter/index.ts'
import { parseLicense } from '../../src/emitter/index.ts'
import type { License } from '../../src/emitter/index.ts'
import { decodeSnappy, encodeSnappy } from '../../src/emitter/snappy.ts'
import { good, hex, rows, TL3 } from './load.ts'

interface Row {
  readonly name: string
  readonly text: string
  readonly license?: { readonly version: number }
}

const plain = (license: License): unknown => {
  const salt = license.version === 1 ? {} : { salt: hex(license.salt) }
  return { ...license, key: hex(license.key), ...salt }
}

describe('a licence', () => {
  for (const { name, text, license } of rows('licenses') as readonly Row[]) {
    it(`${name}: ${text}`, () => {
      const parsed = parseLicense(text)
      if (!license) {
        expect(parsed).toEqual({ problem: expect.stringMatching(/^.{10,}$/) })
        return
      }
      expect(plain(good(parsed))).toEqual(license)
      // V17 has neither key nor salt: it can be read, and used for nothing.
      if (name === 'V17') {
        expect(() => formatLicense(good(parsed))).toThrow('the key of the licence has 0 bytes and needs 32')
        expect(keyCodec(good(parsed))).toEqual({ problem: 'the key of the licence has 0 bytes and needs 32' })
      } else expect(formatLicense(good(parsed))).toBe(text.includes(':') ? text : `${text}:1`)
    })
  }
  it('of version 1 may have more behind it', () => {
    const text = 'zT83oDV0DWY5_JysbSTPTDr8KB0AAAAAAAAAAAAAAAI'
    expect(parseLicense(`${text}9`)).toEqual(parseLicense(text))
  })
  it('is refused with words, and not quoted', () => {
    const told = (text: string): string => {
      const parsed = parseLicense(text)
      if (!('problem' in parsed)) throw new Error('it was taken')
      expect(parsed.problem).not.toContain(text.slice(0, 10) || 'nothing')
      return parsed.problem
    }
    expect(told('')).toBe('there is no licence; it has 40 characters and more')
    expect(told(`"${TL3}"`)).toBe('the licence is not base64url; copy it whole, without quotes or spaces')
    expect(told(TL3.replace(':3', ':4'))).toBe('the licence is of version 4; 1, 2 and 3 are known')
    expect(told(`${TL3.slice(0, 40)}:3`)).toBe('the licence is damaged or cut off; copy it whole')
    expect(told('zT83oDV0DWY5')).toBe('the licence has 9 bytes; version 1 has 32')
  })
  it('cut anywhere or with a character changed never throws', () => {
    for (let length = 0; length < TL3.length - 2; length++) {
      expect(parseLicense(`${TL3.slice(0, length)}:3`)).toHaveProperty('problem')
    }
    fc.assert(
      fc.property(fc.nat(TL3.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, unit) => {
        const parsed = parseLicense(TL3.slice(0, at) + unit + TL3.slice(at + 1))
        if (!('problem' in parsed)) keyCodec(parsed)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a new licence', () => {
  const random = (): fc.Arbitrary<Uint8Array> =>
    fc.uint8Array({ minLength: LICENSE_RANDOM_BYTES, maxLength: LICENSE_RANDOM_BYTES })
  it('is read back, and its master key is one', () => {
    fc.assert(
      fc.property(random(), fc.integer({ min: 0, max: 0xffff }), (bytes, salt) => {
        const license = newLicense(bytes)
        expect(good(parseLicense(formatLicense(license)))).toEqual(license)
        const codec = good(keyCodec(license))
        const { contract, signature } = license
        expect(codec.decrypt(codec.encrypt(masterKey(license, salt)))).toEqual({
          salt,
          master: 1,
          contract,
          signature,
          permissions: 1,
          target: { path: 0, hash: 0 },
          expires: 0,
        })
      }),
    )
  })
  it('gives the key that a broker gave: V35', () => {
    const license = good(parseLicense(TL3))
    expect(good(keyCodec(license)).encrypt(masterKey(license, 0x0102))).toBe('AQI40urwzfMvqUSB1AA3GzEK_m32YJI_')
  })
  it('never has contract 0, and takes 56 bytes', () => {
    expect(newLicense(new Uint8Array(LICENSE_RANDOM_BYTES)).contract).toBe(1)
    expect(() => newLicense(new Uint8Array(32))).toThrow(EmitterEncodeError)
  })
})

describe('snappy', () => {
  const unpack = (block: string, max = 100): string | undefined => {
    const bytes = decodeSnappy(Buffer.from(block, 'hex'), max)
    return bytes && Buffer.from(bytes).toString()
  }
  it('writes a literal, which it reads', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(decodeSnappy(encodeSnappy(bytes), 600)).toEqual(bytes)
      }),
    )
    expect(hex(encodeSnappy(Buffer.from('abc')))).toBe('0308616263')
  })
  // By hand, out of the format's description.
  it('reads copies of all sizes', () => {
    // 'ab', then 4 bytes from 2 back: with one byte of offset, two, and four.
    expect(unpack('060461620102')).toBe('ababab')
    expect(unpack('060461620e0200')).toBe('ababab')
    expect(unpack('060461620f02000000')).toBe('ababab')
    // Literals whose length stands in one, two and four bytes.
    for (const header of ['f002', 'f40200', 'fc02000000']) expect(unpack(`03${header}616263`)).toBe('abc')
    expect(unpack('00')).toBe('')
  })
  it('refuses what is broken', () => {
    for (const block of [
      '', // no length
      'ffffffffff7f', // more than 32 bits
      '65', // larger than asked for
      '0304616263', // a literal that is shorter
      '030461', // cut off
      '0204616263', // longer than it said
      '06046162010f', // from before the beginning
      '060461620100', // from nowhere
      '0604616201', // a copy without its offset
      '03fcffffffff61', // a literal of 4 GiB
      '03', // nothing behind the length
    ]) {
      expect(unpack(block), block).toBeUndefined()
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (block) => void decodeSnappy(block, 1024)),
      { numRuns: 3000 },
    )
  })
})

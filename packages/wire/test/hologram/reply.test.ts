import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeReply, encodeReply, isUnknownRefusal, readReply, RESULTS, resultInfo } from '../../src/hologram/index.ts'
import type { ReplyCode } from '../../src/hologram/index.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const forms = ['json', 'compact'] as const

describe('the table of codes', () => {
  it('has the names and sentences of the documents', () => {
    expect(RESULTS.map(({ code, name, description }) => `${code} ${name} ${description}`)).toEqual([
      '0 ERR_OK The message has been sent successfully.',
      "1 ERR_CONNCLOSED Connection was closed so we couldn't read the whole message.",
      '2 ERR_MSGINVALID Failed to parse the message.',
      '3 ERR_AUTHINVALID Auth section of the message was invalid.',
      '4 ERR_PAYLOADINVALID Payload type was invalid.',
      '5 ERR_PROTINVALID Protocol type was invalid.',
      '6 ERR_INTERNAL Internal error in Hologram Cloud.',
      '7 ERR_METADATA Metadata was formatted incorrectly.',
      '8 ERR_TOPICINVALID Topic was formatted incorrectly.',
      '-1 ERR_UNKNOWN Unknown error.',
      '-2 ERR_BUFFERED The message is buffered and will be sent when the network allows.',
    ])
  })

  it('knows nothing else', () => {
    for (const code of [9, -3, 0.5, NaN]) expect(resultInfo(code).name).toBe('ERR_UNKNOWN')
  })
})

describe('replies', () => {
  it('never throw, whatever bytes come', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.constantFrom(...forms), (bytes, form) => {
        expect(decodeReply(bytes, form)).toSatisfy((code: number) => Number.isInteger(code) && code >= -1 && code <= 8)
        readReply(bytes, form)
        isUnknownRefusal(bytes, form)
      }),
      { numRuns: 5_000 },
    )
  })

  it('come back as they were written', () => {
    for (const form of forms) {
      for (let code = 0; code <= 8; code++) {
        const bytes = encodeReply(code as ReplyCode, form)
        expect(decodeReply(bytes, form)).toBe(code)
        expect(readReply(bytes, form)).toBe(code)
      }
    }
  })

  it('are complete with the bracket, or with the second digit', () => {
    for (const part of ['', '[', '[0', '[0,', '[0,0']) expect(readReply(bytesOf(part), 'json')).toBeUndefined()
    expect(readReply(bytesOf('0'), 'compact')).toBeUndefined()
    expect(readReply(bytesOf('00'), 'compact')).toBe(0)
  })

  it('are what stands first, however the network cut what follows', () => {
    for (const text of ['[3,0]x', '[3,0][0,0]', '[3,0]\r\n', `[3,0]${' '.repeat(100)}`]) {
      expect(readReply(bytesOf(text), 'json')).toBe(3)
    }
    expect(readReply(bytesOf('30x'), 'compact')).toBe(3)
    for (const text of ['x[3,0]', '[[3],0]', '[x,0]', '[]', '30']) {
      expect(readReply(bytesOf(text), 'json')).toBeUndefined()
    }
  })

  it('with a code that no table knows are refusals; rubbish is none', () => {
    expect(isUnknownRefusal(bytesOf('[9,0]'), 'json')).toBe(true)
    expect(isUnknownRefusal(bytesOf('[-1,0]'), 'json')).toBe(true)
    expect(isUnknownRefusal(bytesOf('90'), 'compact')).toBe(true)
    for (const text of ['[0,0]', '[3,0]', 'HTTP/1.1 400', '', '[]', '[3.7]', '["x",0]']) {
      expect(isUnknownRefusal(bytesOf(text), 'json')).toBe(false)
    }
  })
})

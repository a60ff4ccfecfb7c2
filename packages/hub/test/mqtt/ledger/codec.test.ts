import fc from 'fast-check'
import { VirtualClock, loadVectors, runVectors } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import { LedgerDecoder } from '../../../src/mqtt/ledger/decoder.ts'
import { LedgerEncoder } from '../../../src/mqtt/ledger/encoder.ts'
import type { LedgerRecord } from '../../../src/mqtt/ledger/records.ts'
import { LedgerState } from '../../../src/mqtt/ledger/state.ts'
import { plain, record as recordOf } from './plain.ts'
import { records } from './records.ts'

type Plain = Record<string, unknown>

const file = loadVectors<Plain>(new URL('../../../../../vectors/ledger/records.json', import.meta.url))

/** Copied: the next one has the same memory. */
function encode(record: LedgerRecord): Uint8Array {
  return new Uint8Array(new LedgerEncoder().encode(record))
}

/** `undefined`: it is none, and that was said as it must be. */
function tried(bytes: Uint8Array): LedgerRecord | undefined {
  try {
    return new LedgerDecoder().decode(bytes)
  } catch (error) {
    expect(error).toMatchObject({ name: 'StorageError', code: 'ERR_HUB_RECORD' })
    return undefined
  }
}

runVectors<Plain>(
  file,
  {
    // A record ends where the journal says: one that is cut is none.
    selfDelimiting: false,
    encode: (message) => encode(recordOf(message)),
    decode: (bytes) => ({ message: plain(new LedgerDecoder().decode(bytes)) as Plain, size: bytes.length }),
    open: () => {
      const all: number[] = []
      return (chunk) => {
        all.push(...chunk)
        const record = tried(Uint8Array.from(all))
        return record ? { message: plain(record) as Plain, size: all.length } : { code: 'ERR_HUB_RECORD' }
      }
    },
  },
  { describe, it },
)

describe('a record of the ledger', () => {
  it('has a vector of each kind', () => {
    const kinds = new Set(file.vectors.flatMap(({ message }) => message?.['kind'] ?? []))
    expect(Object.keys(records).filter((kind) => !kinds.has(kind))).toEqual([])
  })

  for (const [kind, arbitrary] of Object.entries(records)) {
    it(`is the same behind its bytes: ${kind}`, () => {
      const encoder = new LedgerEncoder()
      const decoder = new LedgerDecoder()
      fc.assert(
        fc.property(arbitrary, (record) => {
          const found = decoder.decode(encoder.encode(record))
          encoder.encode({ kind: 'ended', session: 2 ** 53 - 1 })
          expect(found).toEqual(record)
        }),
        { numRuns: 40 },
      )
    })
  }

  it('that is cut is none, at whatever length', () => {
    for (const { name, hex, message } of file.vectors) {
      if (message === undefined) continue
      const bytes = Buffer.from(hex, 'hex')
      for (let length = 0; length < bytes.length; length++) {
        expect(tried(bytes.subarray(0, length)), `${name}, cut at ${length}`).toBeUndefined()
      }
    }
  })

  it('with bytes that are not its own is another or none, and neither takes long nor much memory', () => {
    const any = fc.oneof(...Object.values(records))
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 })
    const before = process.memoryUsage().arrayBuffers
    fc.assert(
      fc.property(any, flips, (record, changes) => {
        const bytes = encode(record)
        // The first two say whose record it is, and which.
        for (const [at, change] of changes) {
          const place = 2 + (at % Math.max(1, bytes.length - 2))
          bytes[place] = (bytes[place] ?? 0) ^ change
        }
        const found = tried(bytes)
        if (found === undefined) return
        const state = new LedgerState(new VirtualClock())
        state.apply({ kind: 'session', session: SOMEBODY })
        state.apply(found)
      }),
      { numRuns: 1500 },
    )
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024)
  })
})

describe('what a record says', () => {
  it('takes no longer for a count that is too large', () => {
    const state = new LedgerState(new VirtualClock())
    state.apply({ kind: 'session', session: SOMEBODY })
    const runs = [{ first: 0, count: Number.MAX_SAFE_INTEGER }]
    state.apply({ kind: 'settled', sessions: [{ session: 1, runs }] })
    expect(state.sessions.get(1)?.owed.size).toBe(0)
  })
})

const SOMEBODY = {
  number: 1,
  expiry: 60,
  leftAt: 0,
  next: 1,
  sent: 0,
  subscriptions: [],
  received: [],
  owner: { dialect: 'open', space: 'test', account: '', name: undefined, clientId: 'a' },
  owed: [{ ordinal: 0, message: 1, released: false, group: 0, qos: 1, retain: false, identifiers: [] }],
} as const

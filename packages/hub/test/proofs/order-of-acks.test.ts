/** What the proof of acknowledgements makes of a trace: one that is too early must be seen. */
import { expect, it } from 'vitest'
import { encodeToBytes } from '@halyard/wire/mqtt'
import { orderOfAcks } from '../../../../proofs/mqtt/trace/order.ts'
import { markOf } from '../../../../proofs/mqtt/trace/workload.ts'
import { parseStrace } from '../../../../proofs/power-cut/strace.ts'

const hex = (bytes: Uint8Array | string): string =>
  `"${Array.from(Buffer.from(bytes), (byte) => String.raw`\x${byte.toString(16).padStart(2, '0')}`).join('')}"`

const written = (...packetIds: readonly number[]): string =>
  `8  pwrite64(17</data/journal/1.log>, ${hex(`..${packetIds.map(markOf).join('..')}..`)}, 9, 0) = 99`
const SYNC = `8  fdatasync(17</data/journal/1.log>) = 0`
const CONNACK = `7  write(21<socket:[5]>, ${hex(Uint8Array.of(0x20, 2, 0, 0))}, 4) = 4`
const acknowledged = (...packetIds: readonly number[]): string => {
  const packets = packetIds.map((packetId) => encodeToBytes({ type: 'puback', packetId, reasonCode: 0 }, 4))
  const length = packets.length * 4
  return `7  write(21<socket:[5]>, ${hex(Buffer.concat(packets))}, ${length}) = ${length}`
}

const wrong = (...lines: readonly string[]): Record<string, number> => {
  const { early, unsynced, unwritten, disordered } = orderOfAcks('/data', parseStrace([CONNACK, ...lines].join('\n')))
  return { early, unsynced, unwritten, disordered }
}
const NOTHING = { early: 0, unsynced: 0, unwritten: 0, disordered: 0 }

it('finds nothing wrong with one write, one sync and one acknowledgement of several', () => {
  expect(wrong(written(1, 2), SYNC, acknowledged(1, 2))).toEqual(NOTHING)
})

it('counts what leaves while the sync is under way, and what no sync follows', () => {
  const begins = '8  fdatasync(17</data/journal/1.log> <unfinished ...>'
  const ends = '8  <... fdatasync resumed>) = 0'
  expect(wrong(written(1), begins, acknowledged(1), ends)).toEqual({ ...NOTHING, early: 1 })
  expect(wrong(written(1), SYNC, written(2), acknowledged(1, 2))).toEqual({ ...NOTHING, unsynced: 1 })
})

it('does not take a sync that began before the write had come back, that failed, or of another file', () => {
  const begins = '9  fdatasync(17</data/journal/1.log> <unfinished ...>'
  const ends = '9  <... fdatasync resumed>) = 0'
  expect(wrong(begins, written(1), ends, acknowledged(1))).toEqual({ ...NOTHING, unsynced: 1 })
  const failed = '8  fdatasync(17</data/journal/1.log>) = -1 EIO (Input/output error)'
  expect(wrong(written(1), failed, SYNC, acknowledged(1))).toEqual({ ...NOTHING, unsynced: 1 })
  const other = '8  fdatasync(18</data/hub.sqlite>) = 0'
  expect(wrong(written(1), other, acknowledged(1))).toEqual({ ...NOTHING, unsynced: 1 })
})

it('counts what was never written, and what is out of order', () => {
  expect(wrong(written(1, 2), SYNC, acknowledged(2, 1, 3))).toEqual({ ...NOTHING, unwritten: 1, disordered: 1 })
})

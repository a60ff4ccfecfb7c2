/**
 * The bytes of a segment log; all numbers little-endian.
 *
 * ```
 * segment   0        8         10   12     16       20           28    32
 *           magic    version   0    kind   segment  floor (lsn)  crc   records …
 *
 * record    0     4        8          16
 *           crc   length   lsn        payload (length bytes)
 * ```
 *
 * A record's CRC-32 begins with the segment's number and covers all behind it, so that bytes left over from another
 * segment never pass for a record of this one. `floor` is the first number that this segment may hold: records of an
 * earlier segment from there on were never acknowledged (their sync failed, and they were written again here).
 */
import { crc32 } from 'node:zlib'
import type { Lsn } from './types.ts'

export const SEGMENT_HEADER_BYTES = 32
export const RECORD_HEADER_BYTES = 16
export const FORMAT_VERSION = 1
/** A payload longer than this is refused: it would have to be held in memory to be read back. */
export const MAX_PAYLOAD_BYTES: number = 32 * 1024 * 1024

const MAGIC = Buffer.from('HALYDLOG', 'latin1')
const HEADER_CRC_AT = 28
const TWO_TO_32 = 2 ** 32

export interface SegmentHeader {
  readonly version: number
  readonly kind: string
  readonly segment: number
  readonly floor: Lsn
}

export function encodeSegmentHeader(header: Omit<SegmentHeader, 'version'>): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES)
  MAGIC.copy(bytes)
  bytes.writeUInt16LE(FORMAT_VERSION, 8)
  bytes.write(header.kind, 12, 4, 'latin1')
  bytes.writeUInt32LE(header.segment, 16)
  writeLsn(bytes, 20, header.floor)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, HEADER_CRC_AT)), HEADER_CRC_AT)
  return bytes
}

/** `undefined` for what is not the head of a segment, or not whole. */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES || MAGIC.compare(bytes, 0, MAGIC.length) !== 0) return undefined
  if (crc32(bytes.subarray(0, HEADER_CRC_AT)) !== bytes.readUInt32LE(HEADER_CRC_AT)) return undefined
  return {
    version: bytes.readUInt16LE(8),
    kind: bytes.toString('latin1', 12, 16),
    segment: bytes.readUInt32LE(16),
    floor: readLsn(bytes, 20),
  }
}

/** What a segment's records begin their checksum with. */
export function segmentSeed(segment: number): number {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(segment)
  return crc32(bytes)
}

/** Writes length, number and payload at `at`; the checksum waits until the segment is known. Gives the end. */
export function writeRecord(into: Buffer, at: number, lsn: Lsn, payload: Uint8Array): number {
  into.writeUInt32LE(payload.length, at + 4)
  writeLsn(into, at + 8, lsn)
  into.set(payload, at + RECORD_HEADER_BYTES)
  return at + RECORD_HEADER_BYTES + payload.length
}

/** Puts the checksum into every record of `bytes[0, end)`, which is a run of whole records. */
export function sealRecords(bytes: Buffer, end: number, seed: number): void {
  for (let at = 0; at < end;) {
    const next = at + RECORD_HEADER_BYTES + bytes.readUInt32LE(at + 4)
    bytes.writeUInt32LE(crc32(bytes.subarray(at + 4, next), seed), at)
    at = next
  }
}

/** The end of the record at `at`, or -1 if there is no whole and sound record. */
export function checkRecord(bytes: Buffer, at: number, seed: number): number {
  if (at + RECORD_HEADER_BYTES > bytes.length) return -1
  const end = at + RECORD_HEADER_BYTES + bytes.readUInt32LE(at + 4)
  if (end > bytes.length) return -1
  return crc32(bytes.subarray(at + 4, end), seed) === bytes.readUInt32LE(at) ? end : -1
}

/** The number of the record at `at`; 0 if it can be none. */
export function recordLsn(bytes: Buffer, at: number): Lsn {
  return readLsn(bytes, at + 8)
}

export function segmentName(segment: number): string {
  return `${String(segment).padStart(10, '0')}.log`
}

/** `undefined` for the name of anything but a segment. */
export function segmentOfName(name: string): number | undefined {
  return /^\d{10}\.log$/.test(name) ? Number.parseInt(name, 10) : undefined
}

function writeLsn(into: Buffer, at: number, lsn: Lsn): void {
  into.writeUInt32LE(lsn % TWO_TO_32, at)
  into.writeUInt32LE(Math.floor(lsn / TWO_TO_32), at + 4)
}

function readLsn(bytes: Buffer, at: number): Lsn {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * TWO_TO_32
}

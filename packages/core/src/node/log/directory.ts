/** The segments that lie in a log's directory, before anything in them is believed. */
import { join } from 'node:path'
import { StorageError } from '../../errors.ts'
import { isLockName } from '../lock.ts'
import type { Disk } from '../../disk.ts'
import { FORMAT_VERSION, SEGMENT_HEADER_BYTES, decodeSegmentHeader, segmentName, segmentOfName } from './format.ts'
import type { Lsn } from './types.ts'

export const DAMAGED = 'damaged'

export interface SegmentFile {
  readonly segment: number
  readonly path: string
  readonly size: number
  /** 0 if the head is damaged or was never written whole. */
  readonly floor: Lsn
  readonly headSound: boolean
}

/**
 * A directory in which other files lie and none of a log is refused, before anything is made in it: a mistyped path
 * must harm nobody.
 *
 * @throws {StorageError} `ERR_STORE_FOREIGN`
 */
export async function refuseForeign(disk: Disk, path: string): Promise<void> {
  const names = await disk.readdir(path)
  const stranger = names.find((name) => !isOurs(name))
  if (stranger !== undefined && !names.some(isOurs)) {
    throw new StorageError('ERR_STORE_FOREIGN', `${path} holds other files (${stranger}); name an empty directory`)
  }
}

/**
 * Ascending.
 *
 * @throws {StorageError} `ERR_STORE_FOREIGN` for a log of another kind, `ERR_STORE_FORMAT`
 */
export async function listSegments(disk: Disk, path: string, kind: string): Promise<SegmentFile[]> {
  const names = await disk.readdir(path)
  const segments = names.map(segmentOfName).filter((segment) => segment !== undefined)
  return Promise.all(segments.sort((a, b) => a - b).map((segment) => readHead(disk, path, segment, kind)))
}

/**
 * The number from which on the records of a segment count no more: a later segment promises to begin with it, so here
 * they were never acknowledged (their sync failed, and they were written again there, or given up).
 */
export function ceilingOf(files: readonly SegmentFile[], index: number): Lsn {
  // Floors ascend: the next sound head has the lowest.
  for (let next = index + 1; next < files.length; next++) {
    const file = files[next]
    if (file?.headSound === true) return file.floor
  }
  return Infinity
}

function isOurs(name: string): boolean {
  return name === DAMAGED || isLockName(name) || segmentOfName(name) !== undefined
}

async function readHead(disk: Disk, directory: string, segment: number, kind: string): Promise<SegmentFile> {
  const path = join(directory, segmentName(segment))
  const file = await disk.open(path, 'read')
  try {
    const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES)
    const size = await file.size()
    const header = decodeSegmentHeader(bytes.subarray(0, await file.read(bytes, 0)))
    if (header !== undefined && header.version > FORMAT_VERSION) {
      throw new StorageError(
        'ERR_STORE_FORMAT',
        `${path} has format ${header.version}, this version of Halyard reads up to ${FORMAT_VERSION}; update Halyard`,
      )
    }
    if (header !== undefined && header.kind !== kind) {
      throw new StorageError(
        'ERR_STORE_FOREIGN',
        `${directory} belongs to something else (a log of kind ${header.kind}, not ${kind}); name another directory`,
      )
    }
    const headSound = header?.segment === segment
    return { segment, path, size, floor: headSound ? header.floor : 0, headSound }
  } finally {
    await file.close()
  }
}

/** The bytes of a file from `from` on. */
export async function readFrom(disk: Disk, path: string, from: number, reuse?: Buffer): Promise<Buffer> {
  const file = await disk.open(path, 'read')
  try {
    const size = Math.max(0, (await file.size()) - from)
    const bytes = reuse !== undefined && reuse.length >= size ? reuse.subarray(0, size) : Buffer.allocUnsafe(size)
    return bytes.subarray(0, await file.read(bytes, from))
  } finally {
    await file.close()
  }
}

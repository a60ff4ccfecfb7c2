/** What of a log's directory a copy of it has to hold. */
import { nodeDisk } from '../disk.ts'
import type { Disk } from '../../disk.ts'
import { storageError } from '../storage-error.ts'
import { listSegments, readFrom } from './directory.ts'
import { SEGMENT_HEADER_BYTES, segmentName } from './format.ts'
import { SegmentScan } from './scan.ts'
import type { Lsn } from './types.ts'

export interface LogFilesOptions {
  readonly path: string
  readonly kind: string
  /** The copy ends with this record; left out: with whatever is in the files now. */
  readonly upTo?: Lsn
  readonly disk?: Disk
}

/** A file of the log, and how many of its bytes, from the start on, belong to the copy. */
export interface LogFile {
  readonly name: string
  readonly bytes: number
}

/**
 * The segments, oldest first, also beside a running owner. Copied so far they are a log that opens with everything up to
 * `upTo`; without it they are what a kill at this moment would have left. The owner must not drop segments meanwhile.
 *
 * @throws {StorageError} `ERR_STORE_FOREIGN`, `ERR_STORE_FORMAT`, `ERR_STORE_…`
 */
export async function logFiles(options: LogFilesOptions): Promise<LogFile[]> {
  const { path, kind, upTo, disk = nodeDisk() } = options
  try {
    const all = await listSegments(disk, path, kind)
    // One that begins behind the last record wanted would raise the numbers of the copy.
    const files = upTo === undefined ? all : all.filter(({ floor, headSound }) => headSound && floor <= upTo)
    const last = files.at(-1)
    return await Promise.all(
      files.map(async (file): Promise<LogFile> => {
        const isCut = upTo !== undefined && file === last
        const bytes = isCut ? endOf(await readFrom(disk, file.path, 0), file.segment, file.floor, upTo) : file.size
        return { name: segmentName(file.segment), bytes }
      }),
    )
  } catch (error) {
    throw storageError(error, `look into ${path}`)
  }
}

/** Behind the last record with a number up to `upTo`. */
function endOf(bytes: Buffer, segment: number, floor: Lsn, upTo: Lsn): number {
  const scan = new SegmentScan(bytes, segment, { base: 0, from: SEGMENT_HEADER_BYTES, last: Math.max(0, floor - 1) })
  let end = scan.tail
  while (scan.next() && scan.lsn <= upTo) end = scan.tail
  return end
}

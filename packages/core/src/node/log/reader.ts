/** Follows a log that another thread or process writes: no lock is taken, nothing is changed. */
import { nodeDisk } from '../disk.ts'
import type { Disk } from '../../disk.ts'
import { errnoOf, storageError } from '../storage-error.ts'
import { ceilingOf, listSegments, readFrom } from './directory.ts'
import { SEGMENT_HEADER_BYTES } from './format.ts'
import { SegmentScan } from './scan.ts'
import type { LogPosition, LogRecord, Lsn } from './types.ts'

export interface ReadLogOptions {
  readonly path: string
  readonly kind: string
  /** Records with a higher number are given; 0 */
  readonly after?: Lsn
  /** Where record number `after` lies, as it was given with it: saves looking through its segment again. */
  readonly from?: LogPosition
  readonly disk?: Disk
}

const BATCH = 1_000
/** Segments that go while one is looking: more than that in a row are no owner's work. */
const MANY_DROPS = 100

/**
 * The records behind `after` that are in the files now, in order, in batches of at most 1,000. A torn tail is the end:
 * it may still be being written. What is given may not yet be synced; compare with the owner's `committed`.
 *
 * A follower calls it again with the last record it was given as `after` and `from`.
 */
export async function* readLog(options: ReadLogOptions): AsyncGenerator<LogRecord[]> {
  let last = options.after ?? 0
  for (let dropped = 0; ; dropped++) {
    try {
      for await (const batch of readOnce({ ...options, after: last })) {
        last = batch.at(-1)?.lsn ?? last
        yield batch
      }
      return
    } catch (error) {
      // The owner has dropped a segment between the look into the directory and the read: what was in it is needed no
      // more, and what lies behind it is still there.
      if (errnoOf(error) !== 'ENOENT' || last === 0 || dropped === MANY_DROPS)
        throw storageError(error, `read ${options.path}`)
    }
  }
}

async function* readOnce(options: ReadLogOptions): AsyncGenerator<LogRecord[]> {
  const disk = options.disk ?? nodeDisk()
  let last = options.after ?? 0
  const files = await listSegments(disk, options.path, options.kind)
  for (const [index, file] of files.entries()) {
    const ceiling = ceilingOf(files, index)
    if (ceiling <= last + 1) continue
    const base = options.from?.segment === file.segment ? options.from.offset : 0
    const bytes = await readFrom(disk, file.path, base)
    // At `from` lies the record that is known already: the walk begins with it.
    const position =
      base > 0
        ? { base, from: base, last: last - 1 }
        : { base, from: SEGMENT_HEADER_BYTES, last: Math.max(0, file.floor - 1) }
    const scan = new SegmentScan(bytes, file.segment, position)
    let batch: LogRecord[] = []
    while (scan.next() && scan.lsn < ceiling) {
      if (scan.lsn <= last) continue
      last = scan.lsn
      batch.push(scan.record())
      if (batch.length < BATCH) continue
      yield batch
      batch = []
    }
    if (batch.length > 0) yield batch
  }
}

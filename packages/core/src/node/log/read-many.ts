/** Reads many records with few operations of the disk: neighbours come with one. */
import { join } from 'node:path'
import type { Disk, DiskFile } from '../../disk.ts'
import { RECORD_HEADER_BYTES, checkRecord, segmentName, segmentSeed } from './format.ts'
import type { LogPosition } from './types.ts'

/** Where a record lies, and how long its payload is. */
export interface RecordPlace extends LogPosition {
  readonly bytes: number
}

/** Bytes between two records that are read along rather than skipped. */
const MAX_GAP = 16 * 1024
/** … and the most that is read at once, if it is more than one record. */
const MAX_RUN = 512 * 1024

/** Records that one read brings: places `first` to `last` of the list, bytes `start` to `end` of their segment. */
interface Run {
  readonly segment: number
  readonly first: number
  last: number
  readonly start: number
  end: number
}

/** The payloads in the order of the places, copied out of what was read; `undefined` for what is not there, or damaged. */
export async function readMany(
  disk: Disk,
  directory: string,
  places: readonly RecordPlace[],
): Promise<(Uint8Array | undefined)[]> {
  const payloads: (Uint8Array | undefined)[] = Array.from({ length: places.length })
  let file: DiskFile | undefined
  let open = 0
  try {
    for (const run of runsOf(places)) {
      if (run.segment !== open) {
        await file?.close()
        file = undefined
        file = await disk.open(join(directory, segmentName(run.segment)), 'read')
        open = run.segment
      }
      const bytes = Buffer.allocUnsafe(run.end - run.start)
      const count = await file?.read(bytes, run.start)
      takeApart(bytes.subarray(0, count), run, places, payloads)
    }
  } catch {
    // What was read so far is good; of the rest each is read by itself, and says what is wrong.
  } finally {
    await file?.close().catch(() => {})
  }
  return payloads
}

function runsOf(places: readonly RecordPlace[]): Run[] {
  const runs: Run[] = []
  let run: Run | undefined
  for (const [index, { segment, offset, bytes }] of places.entries()) {
    const end = offset + RECORD_HEADER_BYTES + bytes
    const joins = run?.segment === segment && offset >= run.end && offset - run.end <= MAX_GAP
    if (run !== undefined && joins && end - run.start <= MAX_RUN) {
      run.last = index
      run.end = end
    } else {
      run = { segment, first: index, last: index, start: offset, end }
      runs.push(run)
    }
  }
  return runs
}

function takeApart(
  bytes: Buffer,
  run: Run,
  places: readonly RecordPlace[],
  payloads: (Uint8Array | undefined)[],
): void {
  const seed = segmentSeed(run.segment)
  for (let index = run.first; index <= run.last; index++) {
    const at = (places[index]?.offset ?? 0) - run.start
    const end = checkRecord(bytes, at, seed)
    if (end < 0) continue
    // A copy: one message that stays would hold all that was read with it.
    payloads[index] = new Uint8Array(bytes.subarray(at + RECORD_HEADER_BYTES, end))
  }
}

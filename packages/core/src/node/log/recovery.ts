/**
 * What a log is found to be when it is opened. Every sound record is handed over in order; a torn tail (written, never
 * acknowledged) is cut; damage with sound records behind it is copied to `damaged/`, reported, and left where it is.
 */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Disk } from '../../disk.ts'
import { DAMAGED, ceilingOf, listSegments, readFrom } from './directory.ts'
import type { SegmentFile } from './directory.ts'
import { SEGMENT_HEADER_BYTES, segmentName } from './format.ts'
import { SegmentScan } from './scan.ts'
import type { BadRun } from './scan.ts'
import type { LogDamage, LogOptions, LogRecord, Lsn } from './types.ts'

/** So many records are handed over in one turn of the event loop. */
const RECORDS_PER_TURN = 2_000

/** A segment that stays. */
export interface KeptSegment {
  readonly segment: number
  /** Records with this number and above may be in it, lower ones are not. */
  readonly first: Lsn
  readonly bytes: number
}

export interface Recovered {
  readonly segments: KeptSegment[]
  /** Number of the last sound record, or the highest that a segment promises to lie above. */
  readonly last: Lsn
  /** Highest number of a segment file, also of one that was removed. */
  readonly lastSegment: number
  /** Whether the last segment may be written on. */
  readonly tailSound: boolean
}

export async function recover(
  disk: Disk,
  options: LogOptions,
  replay: (record: LogRecord) => void,
): Promise<Recovered> {
  const files = await listSegments(disk, options.path, options.kind)
  const segments: KeptSegment[] = []
  let last: Lsn = 0
  let tailSound = false
  // The next segment is read while this one is looked through, into one of two buffers in turn.
  const buffers: (Buffer | undefined)[] = []
  const read = (index: number): Promise<Buffer> | undefined => {
    const file = files[index]
    return file && readFrom(disk, file.path, 0, buffers[index % 2])
  }
  let ahead = read(0)
  for (const [index, file] of files.entries()) {
    const next = files[index + 1]
    const bytes = (await ahead) ?? Buffer.alloc(0)
    if (bytes.length > (buffers[index % 2]?.length ?? 0)) buffers[index % 2] = bytes
    ahead = read(index + 1)
    ahead?.catch(() => {})
    last = Math.max(last, file.floor - 1)
    const first = last + 1
    const scan = new SegmentScan(bytes, file.segment, { base: 0, from: SEGMENT_HEADER_BYTES, last })
    const ceiling = ceilingOf(files, index)
    let count = 0
    let end = scan.tail
    while (scan.next() && scan.lsn < ceiling) {
      last = scan.lsn
      end = scan.tail
      replay(scan)
      if (++count % RECORDS_PER_TURN === 0) await setImmediate()
    }
    if (next === undefined && count === 0 && !file.headSound) {
      // Its head was being written when the power went: nothing in it was ever acknowledged.
      if (options.readOnly !== true) await disk.unlink(file.path)
      continue
    }
    const damages = damagesOf({ bad: scan.bad.filter(({ offset }) => offset < end), end, last }, file, bytes, next)
    for (const damage of damages) await setAside(disk, options, damage, bytes)
    if (next === undefined) {
      tailSound = file.headSound && damages.length === 0
      if (options.readOnly !== true) await settleTail(disk, file, end)
    }
    segments.push({ segment: file.segment, first, bytes: next === undefined ? end : file.size })
  }
  return { segments, last, lastSegment: files.at(-1)?.segment ?? 0, tailSound }
}

function damagesOf(
  found: { readonly bad: readonly BadRun[]; readonly end: number; readonly last: Lsn },
  file: SegmentFile,
  bytes: Buffer,
  next: SegmentFile | undefined,
): LogDamage[] {
  const damages = found.bad.map((bad): LogDamage => ({ segment: file.segment, ...bad }))
  if (!file.headSound) {
    damages.unshift({ segment: file.segment, offset: 0, length: SEGMENT_HEADER_BYTES, firstMissing: 0, lastMissing: 0 })
  }
  // Behind the last sound record of a segment that is not the last, nothing may be missing.
  if (next !== undefined && next.floor > found.last + 1) {
    const length = Math.max(0, bytes.length - found.end)
    damages.push({
      segment: file.segment,
      offset: found.end,
      length,
      firstMissing: found.last + 1,
      lastMissing: next.floor - 1,
    })
  }
  return damages
}

/**
 * Cuts what is torn, and syncs what is not: after a kill the page cache still holds records that no disk has seen, and
 * whoever reads them here must be able to rely on them.
 */
async function settleTail(disk: Disk, file: SegmentFile, end: number): Promise<void> {
  const handle = await disk.open(file.path, 'write')
  try {
    if (file.size > end) await handle.truncate(end)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function setAside(disk: Disk, options: LogOptions, damage: LogDamage, bytes: Buffer): Promise<void> {
  options.onDamage?.(damage)
  if (options.readOnly === true || damage.length === 0) return
  const directory = join(options.path, DAMAGED)
  await disk.mkdir(directory)
  const name = `${segmentName(damage.segment)}.${damage.offset}`
  // Every opening finds the same damage: one copy of it is enough.
  if ((await disk.readdir(directory)).includes(name)) return
  const file = await disk.open(join(directory, name), 'create')
  try {
    await file.write(bytes.subarray(damage.offset, damage.offset + damage.length), 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await disk.syncDirectory(directory)
}

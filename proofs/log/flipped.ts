/** A segment log of which one byte is not what was written. */
import { SegmentLog } from '@halyard/core/node'
import type { LogDamage } from '@halyard/core/node'
import { FaultDisk, seededRandom } from '@halyard/testkit'

const PATH = '/log'

export interface FlippedOptions {
  readonly records: number
  /** of the longest payload */
  readonly bytes: number
  readonly segmentBytes: number
  readonly seed: number
  /** So many random bytes; every byte, with every mask, if there is no number. */
  readonly flips?: number
}

export interface FlippedResult {
  readonly bytes: number
  readonly flips: number
  /** Flips that cost a record. */
  readonly lost: number
  readonly reported: number
}

/** One bit of each end of a byte, and all of them. */
const MASKS = [0x01, 0x80, 0xff]

/** @throws {Error} that names the byte if more than its record is lost, or a loss is not reported. */
export async function flipBytes(options: FlippedOptions): Promise<FlippedResult> {
  const { seed, flips } = options
  const random = seededRandom(seed)
  const { files, payloads } = await writeLog(options)
  const bytes = files.reduce((sum, { content }) => sum + content.length, 0)
  const every = files.flatMap(({ content }, file) =>
    Array.from(content.keys()).flatMap((at) => MASKS.map((mask) => ({ file, at, mask }))),
  )
  const chosen =
    flips === undefined
      ? every
      : Array.from({ length: flips }, () => {
          const file = random.integer(files.length)
          return { file, at: random.integer(files[file]?.content.length ?? 1), mask: 1 + random.integer(255) }
        })
  let lost = 0
  let reported = 0
  for (const { file, at, mask } of chosen) {
    const disk = new FaultDisk()
    for (const { path, content } of files) disk.writeFile(path, content)
    const { path = '' } = files[file] ?? {}
    disk.corrupt(path, at, mask)
    try {
      const outcome = await readFlipped(disk, payloads)
      lost += outcome.lost
      reported += outcome.reported ? 1 : 0
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error)
      throw new Error(`byte ${at} of ${path} ^ ${mask}, seed ${seed}: ${what}`, { cause: error })
    }
  }
  return { bytes, flips: chosen.length, lost, reported }
}

async function writeLog({ records, bytes, segmentBytes, seed }: FlippedOptions): Promise<{
  files: { path: string; content: Uint8Array }[]
  payloads: string[]
}> {
  const random = seededRandom(seed)
  const disk = new FaultDisk()
  const payloads: string[] = []
  const log = await SegmentLog.open({ path: PATH, kind: 'TEST', disk, segmentBytes })
  for (let number = 1; number <= records; number++) {
    const payload = `${number}:`.padEnd(3 + random.integer(bytes), 'x')
    payloads.push(payload)
    await log.whenCommitted(log.append(Buffer.from(payload)))
  }
  await log.close()
  const files = disk
    .files()
    .filter((path) => path.endsWith('.log'))
    .map((path) => ({ path, content: disk.readFile(path) }))
  return { files, payloads }
}

async function readFlipped(
  disk: FaultDisk,
  payloads: readonly string[],
): Promise<{ readonly lost: number; readonly reported: boolean }> {
  const found: string[] = []
  const damages: LogDamage[] = []
  const options = { path: PATH, kind: 'TEST', disk, onDamage: (damage: LogDamage) => void damages.push(damage) }
  const log = await SegmentLog.open(options, ({ payload }) => found.push(Buffer.from(payload).toString()))
  const missing = payloads.filter((payload) => !found.includes(payload))
  if (missing.length > 1) throw new Error(`${missing.length} records are lost`)
  const kept = payloads.filter((payload) => payload !== missing[0])
  if (found.join('\n') !== kept.join('\n')) throw new Error('what is left is not what was written, in its order')
  // A bad record with nothing behind it is a torn tail: nobody can tell it from a write that was never finished.
  const isTail = missing[0] === payloads.at(-1)
  if (damages.length === 0 && !isTail) throw new Error('nothing is reported')
  for (const { length, segment, offset } of damages) {
    const copy = `${PATH}/damaged/${String(segment).padStart(10, '0')}.log.${offset}`
    if (length > 0 && !disk.files().includes(copy)) throw new Error(`${copy} is not set aside`)
  }
  await log.whenCommitted(log.append(Buffer.from('next')))
  await log.close()
  const again: string[] = []
  const reopened = await SegmentLog.open({ path: PATH, kind: 'TEST', disk }, ({ payload }) =>
    again.push(Buffer.from(payload).toString()),
  )
  await reopened.close()
  if (again.join('\n') !== [...kept, 'next'].join('\n')) throw new Error('a later opening finds something else')
  return { lost: missing.length, reported: damages.length > 0 }
}

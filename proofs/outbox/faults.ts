/** The scenarios on a disk that fails: once, for a while, or until it is replaced, from every operation on. */
import { FaultDisk, randomFates, seededRandom } from '@halyard/testkit'
import type { DiskOperation } from '@halyard/testkit'
import type { Fact } from './promises.ts'
import { SCENARIOS } from './scenarios.ts'
import { Stage, checkDisk } from './stage.ts'

export interface FaultOptions {
  readonly scenario: string
  readonly code: 'EIO' | 'ENOSPC'
  /** So many operations fail in a row. */
  readonly length: number
  readonly seed: number
  /** Every how many-th operation is tried; 1 */
  readonly step?: number
}

export interface FaultResult {
  readonly operations: number
  readonly runs: number
}

export async function failEverywhere(options: FaultOptions): Promise<FaultResult> {
  const { scenario, seed, step = 1 } = options
  const play = SCENARIOS[scenario]
  if (play === undefined) throw new Error(`there is no scenario ${scenario}`)
  const whole = new FaultDisk()
  await play(new Stage({ disk: whole, promise: () => {} }))
  let runs = 0
  for (let first = seed % step; first < whole.operations; first += step) {
    try {
      await failFrom(first, play, options)
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error)
      const where = `${scenario}, ${options.code} from operation ${first} on, ${options.length} times, seed ${seed}`
      throw new Error(`${where}: ${what}`, { cause: error })
    }
    runs++
  }
  return { operations: whole.operations, runs }
}

async function failFrom(
  first: number,
  play: (stage: Stage) => Promise<void>,
  { code, length, seed }: FaultOptions,
): Promise<void> {
  const random = seededRandom(seed + first)
  const disk = new FaultDisk({ seed })
  const facts: Fact[] = []
  const end = first + length
  let again: string | undefined
  /** Files whose sync failed; the next process knows nothing of them. */
  const failed = new Set<string>()
  disk.fail(({ index, kind, path }) => {
    if (kind === 'readdir') failed.clear()
    if (kind === 'sync' && failed.has(path)) again = path
    if (index < first || index >= end || !canFail(code, kind)) return undefined
    if (kind === 'sync') failed.add(path)
    return code
  })
  const stage = new Stage({
    disk,
    promise: (fact) => void facts.push(fact),
    mayFail: true,
    works: () => disk.operations >= end,
  })
  await play(stage)
  if (again !== undefined) throw new Error(`${again} was synced again after its sync had failed`)
  // Found by the next process of the same boot, and after a power cut.
  const cut = disk.powerCut(randomFates(random))
  await checkDisk(
    disk.powerCut((unsynced) => unsynced.map(() => 'kept')),
    facts,
  )
  await checkDisk(cut, facts)
}

/** A full disk refuses what needs room; a broken one anything. */
function canFail(code: 'EIO' | 'ENOSPC', kind: DiskOperation['kind']): boolean {
  return code === 'EIO' || ['open', 'write', 'mkdir', 'link', 'rename', 'sync', 'syncDirectory'].includes(kind)
}

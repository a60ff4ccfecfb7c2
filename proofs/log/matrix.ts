/** The segment log by itself: the power goes at every operation, or an operation fails; numbers and records hold. */
import { SegmentLog, nodeClock } from '@halyard/core/node'
import { FaultDisk, crashMatrix, randomFates, seededRandom } from '@halyard/testkit'
import type { CrashMatrixResult } from '@halyard/testkit'
import { forgetOwner } from '../outbox/stage.ts'

const PATH = '/box/log'
const SEGMENT_BYTES = 300

/** `kept`: record number `lsn` lasts. `dropped`: all below it may be gone. */
type Fact = { readonly kept: number } | { readonly dropped: number }

interface Stage {
  readonly disk: FaultDisk
  readonly promise: (fact: Fact) => void
  readonly bootId?: string
}

const open = (disk: FaultDisk, replay?: (record: { lsn: number; payload: Uint8Array }) => void): Promise<SegmentLog> =>
  SegmentLog.open({ path: PATH, kind: 'TEST', disk, segmentBytes: SEGMENT_BYTES }, replay)

/** Appends one by one and in bursts over several segments, drops from the front meanwhile, closes and opens again. */
async function play({ disk, promise, bootId }: Stage): Promise<void> {
  for (let life = 0; life < 3; life++) {
    if (bootId !== undefined) forgetOwner(disk, bootId)
    const log = await open(disk).catch(() => undefined)
    if (log === undefined) continue
    for (let round = 0; round < 6; round++) {
      const burst = round % 2 === 0 ? 1 : 8
      for (let index = 0; index < burst; index++) {
        const committed = (lsn: number): void => promise({ kept: lsn })
        log.append(payloadOf(log.appended + 1), { committed, failed() {} })
      }
      const last = log.appended
      const dropping = round === 3 || round === 5 ? log.committed - 4 : 0
      if (dropping > 0) promise({ dropped: dropping })
      await Promise.all([log.dropBelow(dropping).catch(() => {}), log.whenCommitted(last).catch(() => {})])
    }
    await log.close().catch(() => {})
  }
}

function payloadOf(lsn: number): Buffer {
  return Buffer.from(`record ${lsn} `.repeat(1 + (lsn % 5)))
}

async function check(disk: FaultDisk, facts: readonly Fact[]): Promise<void> {
  forgetOwner(disk)
  const found = new Set<number>()
  let before = 0
  const log = await open(disk, ({ lsn, payload }) => {
    if (lsn <= before) throw new Error(`record ${lsn} comes behind ${before}`)
    if (!payloadOf(lsn).equals(payload)) throw new Error(`record ${lsn} is not what was written`)
    found.add((before = lsn))
  })
  const dropped = Math.max(0, ...facts.map((fact) => ('dropped' in fact ? fact.dropped : 0)))
  const kept = facts.flatMap((fact) => ('kept' in fact ? [fact.kept] : []))
  for (const lsn of kept) if (lsn >= dropped && !found.has(lsn)) throw new Error(`record ${lsn} was kept and is lost`)
  const next = log.append(payloadOf(log.appended + 1))
  if (next <= Math.max(0, ...kept)) throw new Error(`the number ${next} is given a second time`)
  await log.whenCommitted(next)
  await log.close()
}

export function cutLogEverywhere(options: { seed: number; rounds: number }): Promise<CrashMatrixResult> {
  return crashMatrix<Fact>({ ...options, run: play, check })
}

/** @returns how many runs there were */
export async function failLogEverywhere(options: {
  code: 'EIO' | 'ENOSPC'
  length: number
  seed: number
}): Promise<number> {
  const { code, length, seed } = options
  const whole = new FaultDisk()
  await play({ disk: whole, promise: () => {} })
  for (let first = 0; first < whole.operations; first++) {
    const disk = new FaultDisk({ seed })
    const facts: Fact[] = []
    disk.fail(({ index }) => (index >= first && index < first + length ? code : undefined))
    await play({ disk, promise: (fact) => void facts.push(fact), bootId: nodeClock().bootId })
    try {
      await check(disk.powerCut(randomFates(seededRandom(seed + first))), facts)
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error)
      throw new Error(`${code} from operation ${first} on, ${length} times, seed ${seed}: ${what}`, { cause: error })
    }
  }
  return whole.operations
}

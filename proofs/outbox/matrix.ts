/** The scenarios on a disk that forgets: the power goes at every operation, and again while what it left is read. */
import { Outbox } from '@halyard/core'
import { crashMatrix, randomFates, seededRandom } from '@halyard/testkit'
import type { CrashMatrixResult, FaultDisk } from '@halyard/testkit'
import type { Fact } from './promises.ts'
import { SCENARIOS } from './scenarios.ts'
import { DIRECTORY, Stage, checkDisk, forgetOwner } from './stage.ts'

export interface MatrixOptions {
  readonly scenario: string
  readonly seed: number
  /** disks made of each cut */
  readonly rounds: number
  /** of all cuts, drawn by the seed; all */
  readonly cuts?: number
  /** {@link FaultDisk} */
  readonly disk?: () => FaultDisk
}

export async function cutEverywhere({ scenario, seed, rounds, cuts, disk }: MatrixOptions): Promise<CrashMatrixResult> {
  const play = SCENARIOS[scenario]
  if (play === undefined) throw new Error(`there is no scenario ${scenario}`)
  let checks = 0
  return crashMatrix<Fact>({
    seed,
    rounds,
    cuts,
    disk,
    run: ({ disk, promise }) => play(new Stage({ disk, promise })),
    async check(disk, facts) {
      // Every other disk loses its power once more, while it is being recovered.
      const found = checks++ % 2 === 0 ? disk : await cutWhileOpening(disk, seed + checks)
      await checkDisk(found, facts)
    },
  })
}

async function cutWhileOpening(disk: FaultDisk, seed: number): Promise<FaultDisk> {
  const random = seededRandom(seed)
  forgetOwner(disk)
  const last = disk.operations + random.integer(40)
  const stopped = new Promise<void>((resolve) => {
    disk.onOperation(({ index }, when) => {
      if (index !== last || when !== 'after') return
      disk.stop()
      resolve()
    })
  })
  const opened = Outbox.open({ path: DIRECTORY }, { disk }).then((outbox) => outbox.close())
  await Promise.race([stopped, opened])
  disk.stop()
  return disk.powerCut(randomFates(random))
}

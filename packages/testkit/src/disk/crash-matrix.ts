import { seededRandom } from '../random.ts'
import { FaultDisk } from './fault-disk.ts'
import { describeOperation } from './operation.ts'
import type { DiskOperation } from './operation.ts'
import { randomFates } from './power-cut.ts'
import type { RandomFatesOptions } from './power-cut.ts'

/** Where the power goes: before or after the operation with this index, or behind the last one. */
export interface CutPoint {
  readonly operation: number
  readonly when: 'before' | 'after' | 'end'
}

export interface Scenario<Fact> {
  readonly disk: FaultDisk
  /** Notes something that was promised to somebody: it must hold after any later power cut. */
  readonly promise: (fact: Fact) => void
  /** Aborted when the power goes; what still runs then (a timer, a socket) should end. */
  readonly signal: AbortSignal
}

export interface CrashMatrixOptions<Fact> extends RandomFatesOptions {
  /** Of all choices. Default 1. */
  readonly seed?: number
  /** The disk at the start, a new one each time. Default: an empty one. */
  readonly disk?: () => FaultDisk
  /**
   * What is to survive. It runs once for every cut and must make the same calls of the disk in the same order each
   * time; with a virtual clock and the microtask queue alone it does.
   */
  readonly run: (scenario: Scenario<Fact>) => Promise<void>
  /** Throws if something is wrong on the disk as it is found, given what had been promised until the power went. */
  readonly check: (disk: FaultDisk, promises: readonly Fact[], cut: CutPoint) => void | Promise<void>
  /** How many cut points, drawn by the seed if there are more. Default: all of them. */
  readonly cuts?: number
  /** How many disks are made of one cut, with other choices of what survives. Default 4. */
  readonly rounds?: number
  /** Repeats one failure, as its error says. */
  readonly only?: { readonly cut: CutPoint; readonly round: number }
}

export interface CrashMatrixResult {
  /** Calls of the disk in a run without a cut. */
  readonly operations: number
  readonly cuts: number
  /** Disks that were checked. */
  readonly disks: number
}

/**
 * Runs a scenario again and again and cuts the power at every operation of the disk, once before it and once when it
 * has had its effect but nobody knows; then checks several disks as they could be found. Behind a failure stand the
 * cut and the seed that repeat it.
 *
 * @example
 * ```ts
 * import { crashMatrix } from '@halyard/testkit'
 *
 * const result = await crashMatrix<string>({
 *   async run({ disk, promise }) {
 *     const file = await disk.open('/note', 'create')
 *     await file.write(Buffer.from('hoist'), 0)
 *     await file.sync()
 *     await disk.syncDirectory('/')
 *     promise('hoist')
 *   },
 *   check(disk, promises) {
 *     for (const text of promises) if (Buffer.from(disk.readFile('/note')).toString() !== text) throw new Error('lost')
 *   },
 * })
 * console.log(result) // { operations: 4, cuts: 9, disks: 36 }
 * ```
 *
 * @throws {Error} that names cut, seed and round, with what `check` or `run` threw as its `cause`.
 */
export async function crashMatrix<Fact>(options: CrashMatrixOptions<Fact>): Promise<CrashMatrixResult> {
  const { seed = 1, rounds = 4, only } = options
  const operations = (await runUntil(options, { operation: Infinity, when: 'end' })).disk.operations
  const points = only === undefined ? cutPoints(operations, seed, options.cuts) : [only.cut]
  let disks = 0
  for (const cut of points) {
    const outcome = await runUntil(options, cut)
    for (const round of only === undefined ? Array(rounds).keys() : [only.round]) {
      // A stream for each cut and round, so that one of them can be repeated without the others.
      const random = seededRandom(
        (seed + cut.operation * 1_000_003 + round * 7919 + (cut.when === 'after' ? 1 : 0)) >>> 0,
      )
      const found = outcome.disk.powerCut(randomFates(random, options))
      try {
        await options.check(found, outcome.promises, cut)
      } catch (error) {
        throw failure(error, seed, cut, round, outcome)
      }
      disks++
    }
  }
  return { operations, cuts: points.length, disks }
}

interface Outcome<Fact> {
  readonly disk: FaultDisk
  readonly promises: readonly Fact[]
  readonly history: readonly DiskOperation[]
}

async function runUntil<Fact>(options: CrashMatrixOptions<Fact>, cut: CutPoint): Promise<Outcome<Fact>> {
  const disk = options.disk?.() ?? new FaultDisk()
  const abort = new AbortController()
  const promises: Fact[] = []
  const history: DiskOperation[] = []
  const first = disk.operations
  let stop = (): void => {}
  const stopped = new Promise<void>((resolve) => (stop = resolve))
  disk.onOperation((operation, when) => {
    if (when === 'before') history.push(operation)
    if (operation.index - first !== cut.operation || when !== cut.when) return
    disk.stop()
    stop()
  })
  const scenario = { disk, promise: (fact: Fact) => void promises.push(fact), signal: abort.signal }
  const ran = options.run(scenario)
  // A scenario that was cut may fail as it likes, one that was not may not fail.
  ran.catch(() => {})
  try {
    await Promise.race([ran, stopped])
  } catch (error) {
    throw failure(error, options.seed ?? 1, cut, 0, { disk, promises, history })
  }
  disk.stop()
  // What was already done when the power went may still be told to whoever waits; that is a promise like any other.
  await new Promise((resolve) => setImmediate(resolve))
  const kept = promises.slice()
  abort.abort(new Error('the power was cut'))
  return { disk, promises: kept, history }
}

function cutPoints(operations: number, seed: number, most: number | undefined): CutPoint[] {
  const all: CutPoint[] = Array.from({ length: operations }, (_, operation) => [
    { operation, when: 'before' } as const,
    { operation, when: 'after' } as const,
  ]).flat()
  all.push({ operation: operations, when: 'end' })
  if (most === undefined || most >= all.length) return all
  const drawn = new Set(seededRandom(seed).shuffle(all).slice(0, most))
  return all.filter((point) => drawn.has(point))
}

function failure<Fact>(error: unknown, seed: number, cut: CutPoint, round: number, outcome: Outcome<Fact>): Error {
  const last = outcome.history.at(-1)
  const where =
    cut.when === 'end'
      ? 'behind the last operation'
      : `${cut.when} operation ${cut.operation}${last === undefined ? '' : ` (${describeOperation(last)})`}`
  const what = error instanceof Error ? error.message : String(error)
  const point = `{ operation: ${cut.operation}, when: '${cut.when}' }`
  return new Error(
    `power cut ${where}, ${outcome.promises.length} promises made: ${what}\n` +
      `repeat it with { seed: ${seed}, only: { cut: ${point}, round: ${round} } }`,
    { cause: error },
  )
}

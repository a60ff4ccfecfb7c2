/**
 * What every benchmark stands on: rounds of all contenders take turns, so that whatever slows the machine for a moment
 * slows them alike, and the median of each is printed as a ratio to a named peer in the same run.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpus, release, totalmem, type } from 'node:os'

/** One thing that is measured. */
export interface Contender {
  readonly name: string
  /** Runs once and gives its figure: operations a second, milliseconds, bytes … as the bench's `unit` says. */
  run(): number | Promise<number>
}

export interface Bench {
  readonly name: string
  /** what a figure is: `messages/s` */
  readonly unit: string
  readonly better: 'higher' | 'lower'
  /** What the first contender must reach: a figure, or a ratio to the peer named in `peer`. */
  readonly goal?: { readonly figure?: number; readonly ratio?: number }
  /** the contender that the others are compared with */
  readonly peer: string
  /** ours first */
  readonly contenders: readonly Contender[]
  /** rounds that count; one more is run before and forgotten. 5 */
  readonly rounds?: number
  /** What a reader must know: what limits it, how the peer was set up. */
  readonly remark?: string
}

export interface Measured {
  readonly name: string
  readonly median: number
  readonly lowest: number
  readonly highest: number
}

export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** Operations a second of a task that does `operations` of them. */
export async function rate(operations: number, task: () => unknown): Promise<number> {
  const begun = performance.now()
  await task()
  return (operations * 1000) / (performance.now() - begun)
}

/** Milliseconds that a task takes. */
export async function duration(task: () => unknown): Promise<number> {
  const begun = performance.now()
  await task()
  return performance.now() - begun
}

/**
 * Milliseconds of a whole process, from its start to its end.
 *
 * @param core the only one that it may use: `1`
 * @throws {Error} with what it said, if it fails
 */
export function startTime(words: readonly string[], core?: string): number {
  const [program = '', ...rest] = core === undefined ? words : ['taskset', '-c', core, ...words]
  const begun = performance.now()
  const { status, stderr, error } = spawnSync(program, rest, { encoding: 'utf8' })
  const time = performance.now() - begun
  if (status !== 0) throw error ?? new Error(stderr)
  return time
}

/** Differences of a few milliseconds need many starts for one figure. */
const STARTS = 9

/** Milliseconds that a process takes over another one, of starts that take turns: the median of their differences. */
export function startTimeOver(bare: readonly string[], words: readonly string[], core?: string): number {
  return median(Array.from({ length: STARTS }, () => startTime(words, core) - startTime(bare, core)))
}

/** Round after round, each contender once per round, the order turned by one each time. */
export async function interleaved(contenders: readonly Contender[], rounds: number): Promise<Measured[]> {
  const figures = new Map<string, number[]>(contenders.map(({ name }) => [name, []]))
  for (let round = -1; round < rounds; round++) {
    for (let i = 0; i < contenders.length; i++) {
      const contender = contenders[(i + round + 1) % contenders.length]
      if (!contender) continue
      const figure = await contender.run()
      if (round >= 0) figures.get(contender.name)?.push(figure)
    }
  }
  return [...figures].map(([name, all]) => ({
    name,
    median: median(all),
    lowest: Math.min(...all),
    highest: Math.max(...all),
  }))
}

/** `Linux 6.1 · 2 × AMD EPYC 7B13 · 8 GiB · ext4 · Node.js v20.20.2` */
export function machine(directory: string = process.cwd()): string {
  const [first] = cpus()
  const processors = `${cpus().length} × ${first?.model.trim() ?? 'unknown processor'}`
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  return [`${type()} ${release()}`, processors, memory, fileSystem(directory), `Node.js ${process.version}`].join(' · ')
}

function fileSystem(directory: string): string {
  try {
    return execFileSync('stat', ['-f', '-c', '%T', directory], { encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return 'unknown file system'
  }
}

/** Runs a bench and prints its table; false if it misses its goal. */
export async function report(bench: Bench): Promise<boolean> {
  const measured = await interleaved(bench.contenders, bench.rounds ?? 5)
  const peer = measured.find(({ name }) => name === bench.peer)
  if (!peer) throw new Error(`${bench.name}: no contender is called ${bench.peer}`)
  console.log(`\n${bench.name} (${bench.unit}, ${bench.better} is better, median of ${bench.rounds ?? 5})`)
  const rows = measured.map((one) => [
    one.name,
    figure(one.median),
    `${figure(one.lowest)} … ${figure(one.highest)}`,
    one === peer ? 'peer' : `${ratio(one.median / peer.median)} ×`,
  ])
  console.log(table(['', 'median', 'range', `beside ${peer.name}`], rows))
  if (bench.remark !== undefined) console.log(bench.remark)
  return meetsGoal(bench, measured[0]?.median ?? Number.NaN, peer.median)
}

function meetsGoal({ goal = {}, better }: Bench, ours: number, peer: number): boolean {
  const reaches = (value: number, wanted: number): boolean => (better === 'higher' ? value >= wanted : value <= wanted)
  const goals: readonly (readonly [text: string, met: boolean])[] = [
    ...(goal.figure === undefined ? [] : [[figure(goal.figure), reaches(ours, goal.figure)] as const]),
    ...(goal.ratio === undefined ? [] : [[`${goal.ratio} × the peer`, reaches(ours / peer, goal.ratio)] as const]),
  ]
  for (const [text, met] of goals)
    console.log(`goal ${better === 'higher' ? 'at least' : 'at most'} ${text}: ${met ? 'met' : 'MISSED'}`)
  return goals.every(([, met]) => met)
}

/** 13.7 × · 0.84 ×, and of what is next to nothing how little it is: 0.00029 × */
function ratio(value: number): string {
  return value < 0.01 ? value.toPrecision(2) : value.toFixed(2)
}

/** Three digits that count, thousands apart: 675,000 · 1,230 · 12.3 · 0.65 */
export function figure(value: number): string {
  if (Number.isNaN(value)) return '–'
  if (!Number.isFinite(value)) return String(value)
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 })
}

/** Columns aligned, the first to the left and the others to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')
  return [head, ...rows].map((row) => `  ${line(row)}`.trimEnd()).join('\n')
}

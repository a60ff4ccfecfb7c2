/** Memory and descriptors of a process, from outside (Linux), and whether they stay where they are. */
import { readFileSync, readdirSync } from 'node:fs'
import { median } from '../../bench/lib.ts'

const MIB = 2 ** 20

interface Sample {
  readonly at: number
  readonly pid: number
  readonly rss: number
  readonly descriptors: number
  readonly heap: number
}

export interface Course {
  /** Medians of the second and the last third of the time. */
  readonly rss: readonly [number, number]
  readonly heap: readonly [number, number]
  readonly descriptors: readonly [number, number]
  /** What grew; nothing if it was too short to say. */
  readonly problems: readonly string[]
}

/**
 * What a process may have grown by, from the median of the second third to that of the last:
 *
 * - 10 % and 8 MiB of memory: the collector works in steps, and the heap's pages are given back late. A leak of one
 *   kilobyte a message would be 30 MB of the hub's between these thirds, in half an hour.
 * - `owed`: what an outbox keeps on purpose, its ledger of 10,000 settled messages, which devices of the soak do not fill.
 * - 16 descriptors and 10 %: links come and go, and both medians see some of them.
 */
const TOLERANCE = { share: 1.1, bytes: 8 * MIB, descriptors: 16 }

export class Vitals {
  readonly #name: string
  readonly #pid: () => number | undefined
  readonly #samples: Sample[] = []
  /** Told by the process itself. */
  heap = Number.NaN

  constructor(name: string, pid: () => number | undefined) {
    this.#name = name
    this.#pid = pid
  }

  get rss(): number {
    return this.#samples.at(-1)?.rss ?? Number.NaN
  }

  /** @param at share of the time that is over, 0 to 1 */
  sample(at: number): void {
    const pid = this.#pid()
    if (pid === undefined) return
    try {
      const [, kilobytes = ''] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
      const descriptors = readdirSync(`/proc/${pid}/fd`).length
      if (kilobytes !== '') this.#samples.push({ at, pid, rss: Number(kilobytes) * 1024, descriptors, heap: this.heap })
    } catch {
      // It was killed in this moment.
    }
  }

  /** @param owed bytes that it keeps more on purpose at the end than in the middle; undefined: too short to judge */
  course(owed: number | undefined): Course {
    const last = this.#samples.at(-1)?.pid
    const medians = (field: 'rss' | 'heap' | 'descriptors'): readonly [number, number] => {
      const between = (from: number, to: number): number =>
        median(this.#samples.flatMap((one) => (one.pid === last && one.at >= from && one.at < to ? [one[field]] : [])))
      return [between(1 / 3, 2 / 3), between(2 / 3, 1)]
    }
    const course = { rss: medians('rss'), heap: medians('heap'), descriptors: medians('descriptors') }
    if (owed === undefined) return { ...course, problems: [] }
    const problems: string[] = []
    for (const [field, slack] of [
      ['rss', TOLERANCE.bytes + owed],
      ['heap', TOLERANCE.bytes + owed],
      ['descriptors', TOLERANCE.descriptors],
    ] as const) {
      const [before, after] = course[field]
      // Not a number is a problem too.
      if (!(after <= before * TOLERANCE.share + slack))
        problems.push(`${this.#name}: ${field} is not flat, ${before} → ${after}`)
    }
    return { ...course, problems }
  }
}

/** `92.1 → 92.4 MB memory, 31.0 → 31.2 MB heap, 120 → 121 descriptors` */
export function describeCourse({ rss, heap, descriptors }: Course): string {
  const megabytes = (pair: readonly [number, number]): string =>
    pair.map((bytes) => (bytes / 1e6).toFixed(1)).join(' → ')
  return `${megabytes(rss)} MB memory, ${megabytes(heap)} MB heap, ${descriptors.join(' → ')} descriptors`
}

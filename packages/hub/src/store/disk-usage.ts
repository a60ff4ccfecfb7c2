/** How much of the disk the hub's data take, and how much they may. docs/guide/hub.md §Disk */
import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, Timer } from '@halyard/core'
import type { IndexSize } from './sqlite/protocol.ts'

/** ms between two looks at the disk; what the journal takes is known all the time. */
const INTERVAL = 10_000
/** Without a number for it: a part of what would be free without the hub, … */
const SHARE = 0.1
/** … and so much at least, if that is not more than half of it: a tenth of a small disk would hold nothing. */
const LEAST_LIMIT = 256 * 1024 * 1024

/** Of the limit. Before the history gives way: `make-room.ts` */
const TIGHT = 0.8

/** bytes */
export interface DiskUse {
  readonly journal: number
  /** `hub.sqlite` with its log, without the pages in it that are free. */
  readonly index: number
  /** … which it takes from the disk all the same, and writes again first. */
  readonly indexFree: number
  /** Queues of messages to devices and of SMS. */
  readonly queues: number
  /** journal, index and queues */
  readonly used: number
  readonly limit: number
  /** For this user, on the disk of the directory. */
  readonly free: number
}

export interface DiskUsageParts {
  readonly directory: string
  /** Directories of other logs in it. */
  readonly queues: readonly string[]
  readonly journal: { readonly bytes: number }
  readonly index: { size(): Promise<IndexSize> }
  /** None: a tenth. */
  readonly maxBytes: number | undefined
  readonly clock: Clock
}

export class DiskUsage {
  readonly #parts: DiskUsageParts
  #index: IndexSize = { bytes: 0, free: 0 }
  #queues = 0
  #free = 0
  #limit: number
  #timer: Timer | undefined
  #closed = false
  #onLook: () => Promise<unknown> = () => Promise.resolve()

  private constructor(parts: DiskUsageParts) {
    this.#parts = parts
    this.#limit = parts.maxBytes ?? 0
  }

  /** Looks once, then every ten seconds. The share is reckoned now: others who fill the disk later do not empty our history. */
  static async open(parts: DiskUsageParts): Promise<DiskUsage> {
    const usage = new DiskUsage(parts)
    await usage.look()
    const { used, free } = usage.use
    usage.#limit = parts.maxBytes ?? defaultLimit(used + free)
    usage.#schedule()
    return usage
  }

  get use(): DiskUse {
    const { bytes, free } = this.#index
    const journal = this.#parts.journal.bytes
    const index = Math.max(0, bytes - free)
    const used = journal + index + this.#queues
    return { journal, index, indexFree: free, queues: this.#queues, used, limit: this.#limit, free: this.#free }
  }

  /** What takes room and is of no use to anybody is to go now, before anything else has to. */
  get isTight(): boolean {
    return this.use.used >= this.#limit * TIGHT
  }

  /** What is kept only as long as there is room for it is to be refused now. */
  get isFull(): boolean {
    return this.use.used >= this.#limit
  }

  /** What cannot be told now is as it was the last time. */
  async look(): Promise<void> {
    const { directory, queues, index } = this.#parts
    this.#index = await index.size().catch(() => this.#index)
    let bytes = 0
    for (const name of queues) bytes += await sizeOf(join(directory, name))
    this.#queues = bytes
    const { bavail, bsize } = await statfs(directory).catch(() => ({ bavail: this.#free, bsize: 1 }))
    this.#free = bavail * bsize
  }

  /** What is to be done each time when somebody has looked. */
  onLook(run: () => Promise<unknown>): void {
    this.#onLook = run
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  #schedule(): void {
    this.#timer = this.#parts.clock.setTimer(INTERVAL, () => {
      void this.look()
        .then(() => this.#onLook())
        .finally(() => this.#closed || this.#schedule())
    })
  }
}

function defaultLimit(room: number): number {
  return Math.floor(Math.max(room * SHARE, Math.min(LEAST_LIMIT, room / 2)))
}

/** Of the files in a directory; 0 if there is none. One that goes meanwhile counts nothing. */
async function sizeOf(directory: string): Promise<number> {
  const names = await readdir(directory).catch(() => [])
  let bytes = 0
  for (const name of names)
    bytes += await stat(join(directory, name)).then(
      ({ size }) => size,
      () => 0,
    )
  return bytes
}

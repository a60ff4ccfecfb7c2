/**
 * A hub is killed with messages in its journal for sessions that are away. Then, again and again, one byte of what it
 * left is changed, and a hub is started on it.
 *
 *     … │ header │ lane 0, message 7 │ header │ lane 3, message 2 │ …
 *                ╰── a byte between the end of one message and the end of the next may cost that next one
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '@halyard/testkit'
import { messagesOf } from '../power/check.ts'
import { Server } from '../servers.ts'
import { LANES, SLEEPERS, leaveSleepers, publishLanes } from '../trace/workload.ts'
import { messagesIn, readDirectory, usedBytes, writeDirectory } from './directory.ts'
import type { File } from './directory.ts'

const COUNT = 40

export interface FlippedHubOptions {
  readonly seed: number
  /** in the journal */
  readonly flips: number
  /** in the index, `hub.sqlite` and what SQLite has beside it */
  readonly indexFlips: number
  readonly onFlip?: (flip: number) => void
}

export interface FlippedHubResult {
  readonly messages: number
  readonly bytes: number
  /** Flips of the journal after which a message was missing, and those that the hub reported. */
  lost: number
  reported: number
  /** Flips of the index with which the hub did not start, and said why. */
  refused: number
  /** … with which it started, and a session or a message was missing. */
  indexLost: number
}

interface Flip {
  readonly file: File
  readonly at: number
  readonly mask: number
}

/** @throws {Error} that names the byte if more than its record is lost, something is invented, or a loss not reported */
export async function flipBytesOfHub(options: FlippedHubOptions): Promise<FlippedHubResult> {
  const { seed, flips, indexFlips, onFlip } = options
  const random = seededRandom(seed)
  const files = await leaveDirectory(seed)
  const journal = files.filter(({ path }) => path.startsWith('data/journal/') && path.endsWith('.log'))
  const index = files.filter(({ path }) => path.startsWith('data/hub.sqlite'))
  const found = await mkdtemp(join(tmpdir(), 'halyard-flipped-'))
  const bytes = journal.reduce((sum, file) => sum + usedBytes(file), 0)
  const result = { messages: LANES * COUNT, bytes, lost: 0, reported: 0, refused: 0, indexLost: 0 }
  if (journal.flatMap(messagesIn).length === 0)
    throw new Error('no message is in the journal of the hub that was killed')
  const draw = (from: readonly File[]): Flip => {
    const file = random.pick(from.filter((one) => usedBytes(one) > 0))
    return { file, at: random.integer(usedBytes(file)), mask: 1 + random.integer(255) }
  }
  try {
    for (let number = 0; number < flips + indexFlips; number++) {
      onFlip?.(number)
      const isJournal = number < flips
      const flip = draw(isJournal ? journal : index)
      await writeDirectory(
        found,
        files.map((file) => (file === flip.file ? flipped(flip) : file)),
      )
      try {
        await (isJournal ? checkJournal(found, flip, result) : checkIndex(found, result))
      } catch (error) {
        const what = error instanceof Error ? error.message : String(error)
        throw new Error(`byte ${flip.at} of ${flip.file.path} ^ ${flip.mask}, seed ${seed}: ${what}`, { cause: error })
      }
    }
    return result
  } finally {
    await rm(found, { recursive: true, force: true })
  }
}

/** Of a hub that was killed when it had acknowledged everything. */
async function leaveDirectory(seed: number): Promise<readonly File[]> {
  const server = await Server.prepare('hub')
  try {
    await server.start()
    await leaveSleepers(server)
    await publishLanes({ server, random: seededRandom(seed), run: 0, count: COUNT })
    await server.kill()
    return await readDirectory(server.directory)
  } finally {
    await server.destroy()
  }
}

function flipped({ file, at, mask }: Flip): File {
  const bytes = Buffer.from(file.bytes)
  bytes[at] = (bytes[at] ?? 0) ^ mask
  return { path: file.path, bytes }
}

async function checkJournal(directory: string, flip: Flip, result: FlippedHubResult): Promise<void> {
  const server = await Server.prepare('hub', directory)
  try {
    await server.start()
    const missing = await missingIn(server)
    checkDamaged(flip, missing)
    const isReported = checkReport(server.errors, flip)
    if (isReported) result.reported++
    if (missing.all.size === 0) return
    result.lost++
    // What a bad record at the very end was, nobody can tell from a write that was never finished.
    if (!isReported && !isLast(flip)) throw new Error(`${[...missing.all][0]} is missing and the hub said nothing`)
  } finally {
    await server.destroy()
  }
}

/** SQLite has no checksums in its main file: the hub starts and invents nothing, or does not start and says why. */
async function checkIndex(directory: string, result: FlippedHubResult): Promise<void> {
  const server = await Server.prepare('hub', directory)
  try {
    await server.start()
  } catch (error) {
    const isExplained = server.errors.includes('hub.sqlite')
    await server.destroy()
    if (!isExplained) throw error
    result.refused++
    return
  }
  try {
    const { all } = await missingIn(server)
    if (all.size > 0) result.indexLost++
  } finally {
    await server.destroy()
  }
}

interface Missing {
  /** `lane:number`, and the sessions that are gone. */
  readonly all: ReadonlySet<string>
  readonly bySession: ReadonlyMap<string, readonly string[]>
}

/** Throws if something came that nobody sent, twice, or out of order. */
async function missingIn(server: Server): Promise<Missing> {
  const bySession = new Map<string, readonly string[]>()
  for (const clientId of SLEEPERS) {
    const came = await messagesOf(server, { clientId, isNew: false }).catch((error: Error) => {
      if (error.message.includes('is gone')) return undefined
      throw error
    })
    if (came === undefined) {
      bySession.set(clientId, [clientId])
      continue
    }
    const names = new Set(came.map(({ lane, number }) => `${lane}:${number}`))
    if (names.size < came.length) throw new Error(`${clientId} got a message twice`)
    const missing: string[] = []
    for (let lane = 0; lane < LANES; lane++) {
      const numbers = came.filter((one) => one.lane === lane).map(({ number }) => number)
      if (numbers.some((number, at) => number < (numbers[at - 1] ?? 0))) throw new Error(`lane ${lane} is out of order`)
      for (let number = 0; number < COUNT; number++)
        if (!names.has(`${lane}:${number}`)) missing.push(`${lane}:${number}`)
    }
    bySession.set(clientId, missing)
  }
  return { all: new Set([...bySession.values()].flat()), bySession }
}

/** The message that a byte may belong to is the first that ends behind it. */
function checkDamaged({ file, at }: Flip, { all, bySession }: Missing): void {
  const messages = messagesIn(file)
  const [first] = messages
  const damaged = messages.find(({ end }) => at < end)
  // Before the first message stand the sessions: such a byte may cost one of them.
  if (damaged !== undefined && damaged === first) {
    const hit = [...bySession].filter(([, missing]) => missing.length > 1)
    if (hit.length > 1) throw new Error(`${hit.length} sessions have lost messages`)
    return
  }
  const allowed = damaged === undefined ? undefined : `${damaged.message.lane}:${damaged.message.number}`
  for (const name of all) if (name !== allowed) throw new Error(`${name} is missing, which the byte is no part of`)
}

/** Whether the hub named the damage; it must be where the byte is. */
function checkReport(errors: string, { at }: Flip): boolean {
  const reports = errors.split('\n').filter((line) => line.includes('no record'))
  const ranges = reports.map((line) => ({
    offset: Number(/"offset":(\d+)/.exec(line)?.[1] ?? 0),
    length: Number(/"length":(\d+)/.exec(line)?.[1] ?? Infinity),
  }))
  // A damaged head of a segment has no offset of its own.
  const isThere = ranges.some(
    ({ offset, length }) => offset === 0 || length === 0 || (at >= offset && at < offset + length),
  )
  if (ranges.length > 0 && !isThere) throw new Error(`the hub reported other bytes: ${reports[0]}`)
  return ranges.length > 0
}

function isLast({ file, at }: Flip): boolean {
  return at >= (messagesIn(file).at(-2)?.end ?? 0)
}

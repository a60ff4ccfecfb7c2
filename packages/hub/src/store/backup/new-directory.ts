/** A directory that is there with all that is to be in it, or not at all. */
import { randomBytes } from 'node:crypto'
import { lstat, readdir, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { HalyardError, StorageError, UsageError } from '@halyard/core'
import { storageError } from '@halyard/core/node'
import type { Disk } from '@halyard/core/node'

/** @throws {UsageError} `ERR_HUB_TARGET` for what is there and is no empty directory */
export async function refuseOccupied(disk: Disk, path: string, advice: string): Promise<void> {
  const names = await disk.readdir(path).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return []
    if (code === 'ENOTDIR') throw new UsageError('ERR_HUB_TARGET', `${path} is a file; ${advice}`)
    throw storageError(error, `look into ${path}`)
  })
  if (names.length > 0) throw new UsageError('ERR_HUB_TARGET', `${path} exists and is not empty; ${advice}`)
}

/**
 * Makes `PATH.partial-…` beside it, has it filled, and gives it the name when everything in it lasts. After a kill
 * something with the other name is left; after a failure nothing is.
 */
export async function makeWhole<T>(
  disk: Disk,
  path: string,
  fill: (partial: string) => Promise<T>,
  beforeName: () => Promise<void> = () => Promise.resolve(),
): Promise<T> {
  const parent = dirname(path)
  await disk.mkdir(parent)
  const partial = join(parent, `${basename(path)}.partial-${randomBytes(4).toString('hex')}`)
  try {
    await disk.mkdir(partial)
    const filled = await fill(partial)
    await disk.syncDirectory(partial)
    await beforeName()
    // In place of an empty directory too; not of one in which something was made meanwhile.
    await disk.rename(partial, path).catch((error: unknown) => {
      throw namingError(error, path)
    })
    await disk.syncDirectory(parent)
    return filled
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => {})
    throw error instanceof HalyardError ? error : storageError(error, `write ${path}`)
  }
}

/** Of {@link makeWhole}. */
const PARTIAL = /^.+\.partial-[0-9a-f]{8}$/
/** Whoever still writes has done so since; nothing else tells on a disk that several machines share. */
const ABANDONED_HOURS = 24

/**
 * Removes from a directory what a {@link makeWhole} that was killed has left there, when nothing in it has changed for a
 * day. Gives the paths; what cannot be looked at or removed stays.
 *
 * @param now Unix ms
 */
export async function removeAbandoned(parent: string, now: number): Promise<string[]> {
  const removed: string[] = []
  for (const name of await readdir(parent).catch(() => [])) {
    const path = join(parent, name)
    if (!PARTIAL.test(name) || !(await isAbandoned(path, now))) continue
    const isGone = await rm(path, { recursive: true }).then(
      () => true,
      () => false,
    )
    if (isGone) removed.push(path)
  }
  return removed
}

async function isAbandoned(path: string, now: number): Promise<boolean> {
  try {
    if (!(await lstat(path)).isDirectory()) return false
    const paths = [path, ...(await readdir(path, { recursive: true })).map((name) => join(path, name))]
    for (const one of paths) {
      // A copy may have the times of what it is of; when something was made or renamed nobody can choose.
      const { mtimeMs, ctimeMs } = await lstat(one)
      if (now - Math.max(mtimeMs, ctimeMs) < ABANDONED_HOURS * 3_600_000) return false
    }
    return true
  } catch {
    return false
  }
}

function namingError(cause: unknown, path: string): unknown {
  const { code } = cause as NodeJS.ErrnoException
  if (code !== 'EBUSY' && code !== 'EXDEV') return cause
  const what = `${path} is where a file system is mounted, which cannot be replaced; name a directory in it`
  return new StorageError('ERR_STORE_PATH', what, { cause })
}

/** Whether the two are the same, or one lies in the other. */
export async function overlap(one: string, other: string): Promise<boolean> {
  const [upper, lower] = one.length < other.length ? [one, other] : [other, one]
  const wanted = await stat(upper).catch(() => undefined)
  if (wanted === undefined) return false
  for (let path = lower; ; path = dirname(path)) {
    const found = await stat(path).catch(() => undefined)
    if (found?.ino === wanted.ino && found.dev === wanted.dev) return true
    if (path === dirname(path)) return false
  }
}

/**
 * One owner for a directory, also after the owner was killed.
 *
 * A lock is a file `lock.<n>` that names its owner (process, when that process started, boot), and the highest n counts.
 * Taking it over means creating n + 1 with `link`, which only one of many can do; a released lock is not removed but
 * emptied, because numbers that began again at 1 would let two owners stand side by side. Readers need no lock.
 *
 * An owner that was killed, or let go after a sync had failed, leaves files in doubt: the kernel may hold bytes that no
 * disk has and believe them clean. Another boot knows only what the disk has.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { StorageError } from '../errors.ts'
import { linuxBootId } from './clock.ts'
import { errnoOf, storageError } from './storage-error.ts'
import type { Disk } from '../disk.ts'

export interface LockOwner {
  readonly pid: number
  /** Clock ticks after boot at which the process began; empty where the system does not tell. */
  readonly started: string
  readonly bootId: string
}

const NAME = /^lock\.(\d+)$/
/** What is left of a lock of JSON that is let go in doubt: its first letter. */
const DOUBTFUL = '{'
const TEMPORARY = '.lock-'
const MAX_LOCK_FILE = 1024

export class DirectoryLock {
  /** The owner before this one may have left bytes in the kernel that no sync writes any more. */
  readonly doubtful: boolean
  readonly #disk: Disk
  readonly #path: string
  readonly #number: number

  private constructor(disk: Disk, path: string, number: number, doubtful: boolean) {
    this.doubtful = doubtful
    this.#disk = disk
    this.#path = path
    this.#number = number
  }

  /** @throws {StorageError} `ERR_STORE_LOCKED` if a living process holds it. */
  static async take(disk: Disk, path: string, self: LockOwner = thisProcess()): Promise<DirectoryLock> {
    for (;;) {
      const numbers = lockNumbers(await disk.readdir(path))
      const highest = numbers[0] ?? 0
      const owner = highest > 0 ? await readOwner(disk, join(path, `lock.${highest}`)) : undefined
      if (typeof owner === 'object' && isAlive(owner)) throw lockedBy(owner, path, self)
      const doubtful = owner === 'doubtful' || (typeof owner === 'object' && owner.bootId === self.bootId)
      const lock = new DirectoryLock(disk, path, highest + 1, doubtful)
      if (!(await lock.#claim(JSON.stringify(self)))) continue
      // A slow taker may have listed the directory before a newer lock was there: the highest number counts.
      const names = await disk.readdir(path).catch(async (error: unknown) => {
        await lock.release(!doubtful).catch(() => {})
        throw error
      })
      const [now] = lockNumbers(names)
      if (now === undefined || now > lock.#number) {
        await removeQuietly(disk, join(path, `lock.${lock.#number}`))
        continue
      }
      for (const number of numbers) await removeQuietly(disk, join(path, `lock.${number}`))
      // Of takers that were killed; one that still runs finds its file gone, begins again and finds this lock.
      for (const name of names) if (name.startsWith(TEMPORARY)) await removeQuietly(disk, join(path, name))
      return lock
    }
  }

  /**
   * @param sound whether all that this owner wrote is as it says it is; false after a failed sync; true
   * @throws {StorageError} if the disk does not let it go; then it holds until this process ends.
   */
  async release(sound: boolean = true): Promise<void> {
    const path = join(this.#path, `lock.${this.#number}`)
    const left = sound ? '' : DOUBTFUL
    try {
      // Needs no room on the disk, which may be full.
      await cut(this.#disk, path, left.length)
    } catch (error) {
      // With the directory the lock is gone too.
      if (errnoOf(error) === 'ENOENT') return
      try {
        await this.#disk.rename(await writeTemporary(this.#disk, this.#path, left), path)
      } catch {
        throw storageError(error, `release ${path}`)
      }
    }
  }

  /** False if somebody else has made the file of this number first. */
  async #claim(content: string): Promise<boolean> {
    let temporary: string | undefined
    try {
      temporary = await writeTemporary(this.#disk, this.#path, content)
      await this.#disk.link(temporary, join(this.#path, `lock.${this.#number}`))
      return true
    } catch (error) {
      const code = errnoOf(error)
      if (code === 'EEXIST' || (code === 'ENOENT' && temporary !== undefined)) return false
      throw storageError(error, `lock ${this.#path}`)
    } finally {
      if (temporary !== undefined) await removeQuietly(this.#disk, temporary)
    }
  }
}

/** Whether a name in the directory belongs to the lock. */
export function isLockName(name: string): boolean {
  return NAME.test(name) || name.startsWith(TEMPORARY)
}

/** How this process is known to others. */
export function thisProcess(): LockOwner {
  return { pid: process.pid, started: startOf(process.pid) ?? '', bootId: linuxBootId() ?? '' }
}

/** Highest first. */
function lockNumbers(names: readonly string[]): number[] {
  return names
    .map((name) => Number(NAME.exec(name)?.[1] ?? 0))
    .filter((number) => number > 0)
    .sort((a, b) => b - a)
}

/** The owner that a lock names; none if it is released, gone, or was torn by a power cut and so from another boot. */
async function readOwner(disk: Disk, path: string): Promise<LockOwner | 'doubtful' | undefined> {
  try {
    const file = await disk.open(path, 'read')
    try {
      const bytes = Buffer.alloc(MAX_LOCK_FILE)
      const text = bytes.toString('utf8', 0, await file.read(bytes, 0))
      if (text === DOUBTFUL) return 'doubtful'
      const owner = JSON.parse(text) as Partial<LockOwner> | null
      const { pid, started, bootId } = owner ?? {}
      if (typeof pid !== 'number' || typeof started !== 'string' || typeof bootId !== 'string') return undefined
      return { pid, started, bootId }
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof SyntaxError || errnoOf(error) === 'ENOENT') return undefined
    throw storageError(error, `read ${path}`)
  }
}

/** The same process of the same boot still runs. Where the system does not tell when it started, its number decides. */
function isAlive(owner: LockOwner): boolean {
  if (owner.bootId !== (linuxBootId() ?? '')) return false
  if (owner.started !== '') return startOf(owner.pid) === owner.started
  try {
    process.kill(owner.pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
}

/**
 * Field 22 of /proc/<pid>/stat, of which fields 1 and 2 end with the last parenthesis (proc(5)); `undefined` if there is
 * no such process, or only what its parent has not yet taken notice of.
 */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

function lockedBy(owner: LockOwner, path: string, self: LockOwner): StorageError {
  const who = owner.pid === self.pid ? 'this process has it open already' : `process ${owner.pid} has it open`
  return new StorageError('ERR_STORE_LOCKED', `${path} is in use: ${who}; stop that one first or use another directory`)
}

async function cut(disk: Disk, path: string, length: number): Promise<void> {
  const file = await disk.open(path, 'write')
  try {
    await file.truncate(length)
  } finally {
    await file.close()
  }
}

async function writeTemporary(disk: Disk, path: string, content: string): Promise<string> {
  const temporary = join(path, `${TEMPORARY}${randomBytes(6).toString('hex')}`)
  const file = await disk.open(temporary, 'create')
  try {
    await file.write(Buffer.from(content), 0)
  } catch (error) {
    await removeQuietly(disk, temporary)
    throw error
  } finally {
    await file.close()
  }
  return temporary
}

async function removeQuietly(disk: Disk, path: string): Promise<void> {
  try {
    await disk.unlink(path)
  } catch {
    // Somebody else removed it, or nobody can: a leftover of a lower number harms no one.
  }
}

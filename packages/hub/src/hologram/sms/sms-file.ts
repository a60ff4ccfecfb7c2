/**
 * A file of lines that another program empties: it renames the file, reads it, removes it. So the file is opened anew
 * for each batch, by its name, and nothing is remembered of the one before; beside an `fdatasync` that costs nothing.
 *
 * ```
 * sms.jsonl     {"id":…}⏎ {"id":…}⏎ {"id":…}⏎ {"id": …     ← a crash tore the last line: nobody was told that it lasts
 * sms.1.jsonl   what sms.jsonl was when it had 16 MiB
 * ```
 */
import { dirname, join, parse } from 'node:path'
import { StorageError } from '@halyard/core'
import type { Logger } from '@halyard/core'
import { storageError } from '@halyard/core/node'
import type { Disk, DiskFile } from '@halyard/core/node'
import { RECORD_START } from './record.ts'

/** The file is renamed before it grows beyond. */
const MAX_BYTES = 16 * 1024 * 1024
/** A file that is taken away in the middle of each of so many batches is not our file any more. */
const MAX_TRIES = 3
const CHUNK = 64 * 1024
const NEWLINE = 0x0a
const START = Buffer.from(RECORD_START)

export class SmsFile {
  readonly #path: string
  readonly #old: string
  readonly #disk: Disk
  readonly #logger: Logger
  /** The directory knows the present name for certain. */
  #named = false

  constructor({ path, disk, logger }: { readonly path: string; readonly disk: Disk; readonly logger: Logger }) {
    const { dir, name, ext } = parse(path)
    this.#path = path
    this.#old = join(dir, `${name}.1${ext}`)
    this.#disk = disk
    this.#logger = logger
  }

  /** Finds out whether it can be written, and makes it if it is not there. @throws {StorageError} `ERR_STORE_…` */
  async prepare(): Promise<void> {
    try {
      await (await this.#open(0)).file.close()
    } catch (error) {
      throw this.#error(error)
    }
  }

  /** Resolves when the lines last under this name. @throws {StorageError} `ERR_STORE_…`; then none of them does. */
  async append(lines: Buffer): Promise<void> {
    try {
      for (let count = 0; count < MAX_TRIES; count++) {
        const end = await this.#append(lines)
        // Who renamed the file before this moment may have read it before our lines were in it.
        if (await this.#reaches(end)) return
        this.#named = false
      }
    } catch (error) {
      throw this.#error(error)
    }
    throw new StorageError('ERR_HUB_SMS_FILE', `${this.#path} is taken away as fast as it is made; empty it less often`)
  }

  /** Gives the length of the file with them. */
  async #append(lines: Buffer): Promise<number> {
    const { file, at } = await this.#open(lines.length)
    try {
      try {
        await file.write(lines, at)
        // Once: after a failure this file is closed, and what it holds is looked at again by the next batch.
        await file.sync()
        if (!this.#named) await this.#disk.syncDirectory(dirname(this.#path))
      } catch (error) {
        await file.truncate(at).catch(() => {})
        throw error
      }
    } finally {
      await file.close()
    }
    this.#named = true
    return at + lines.length
  }

  /** The file, and where its next line begins. */
  async #open(length: number): Promise<{ readonly file: DiskFile; readonly at: number }> {
    const file = await this.#disk.open(this.#path, 'write').catch(absent)
    if (file !== undefined) {
      const at = await soundLength(file).catch(async (error: unknown) => {
        await file.close()
        throw error
      })
      if (at === 0 || at + length <= MAX_BYTES) return { file, at }
      await file.close()
      await this.#disk.rename(this.#path, this.#old)
      // The new name must not last without the old one: what lies under it was taken.
      await this.#disk.syncDirectory(dirname(this.#path))
      this.#logger.warn(
        { path: this.#path, old: this.#old },
        'hologram: nobody empties the file of SMS: it was renamed, and the one renamed before is gone',
      )
    }
    this.#named = false
    return { file: await this.#disk.open(this.#path, 'create'), at: 0 }
  }

  async #reaches(end: number): Promise<boolean> {
    const file = await this.#disk.open(this.#path, 'read').catch(absent)
    if (file === undefined) return false
    try {
      return (await file.size()) >= end
    } finally {
      await file.close()
    }
  }

  #error(error: unknown): StorageError {
    return storageError(error, `write SMS to ${this.#path}`)
  }
}

/** Where whole lines end. A piece of one of ours is cut off; what somebody else left without an end gets one. */
async function soundLength(file: DiskFile): Promise<number> {
  const size = await file.size()
  const start = await lastLine(file, size)
  if (start === size) return size
  if (start !== undefined && isOurs(await bytesOf(file, start, Math.min(size, start + START.length)))) {
    await file.truncate(start)
    return start
  }
  await file.write(Buffer.of(NEWLINE), size)
  return size + 1
}

/** Where the line without an end begins, looked for in the last 16 MiB; the size if there is none. */
async function lastLine(file: DiskFile, size: number): Promise<number | undefined> {
  // Nearly always the last byte is an end already.
  for (let end = size, length = 1; end > 0 && size - end < MAX_BYTES; length = CHUNK) {
    const start = Math.max(0, end - length)
    const index = (await bytesOf(file, start, end)).lastIndexOf(NEWLINE)
    if (index >= 0) return start + index + 1
    if (start === 0) return 0
    end = start
  }
  return size === 0 ? 0 : undefined
}

/** A power cut leaves the beginning of a line, or zeros where it would have been. */
function isOurs(head: Uint8Array): boolean {
  return head[0] === 0 || START.subarray(0, head.length).equals(head)
}

async function bytesOf(file: DiskFile, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.alloc(end - start)
  return bytes.subarray(0, await file.read(bytes, start))
}

function absent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}

/** Small files of the data directory: written whole or not at all, readable by their owner alone. */
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { StorageError } from '@halyard/core'
import { storageError } from '@halyard/core/node'
import type { Disk } from '@halyard/core/node'

/** More than any of our own files has. */
const MAX_BYTES = 1024 * 1024

/** Temporary file, sync, rename, sync of the directory: after a power cut the old or the new content is there. */
export async function writeFileAtomically(disk: Disk, path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const file = await disk.open(temporary, 'create')
    try {
      await file.write(Buffer.from(text), 0)
      await file.sync()
    } finally {
      await file.close()
    }
    await disk.rename(temporary, path)
    await disk.syncDirectory(dirname(path))
  } catch (error) {
    await disk.unlink(temporary).catch(() => {})
    throw storageError(error, `write ${path}`)
  }
}

/** `undefined` if there is no such file. */
async function readTextFile(disk: Disk, path: string, advice: string): Promise<string | undefined> {
  try {
    const file = await disk.open(path, 'read')
    try {
      const size = await file.size()
      if (size > MAX_BYTES) throw damaged(path, advice)
      const bytes = Buffer.alloc(size)
      return bytes.toString('utf8', 0, await file.read(bytes, 0))
    } finally {
      await file.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw storageError(error, `read ${path}`)
  }
}

/** Reads a JSON file of ours. @throws {StorageError} `ERR_HUB_FILE` if it does not hold what `check` wants. */
export async function readJsonFile<T>(
  disk: Disk,
  path: string,
  check: (value: unknown) => T | undefined,
  advice = 'restore it from a backup, or start with another data directory',
): Promise<T | undefined> {
  const text = await readTextFile(disk, path, advice)
  if (text === undefined) return undefined
  let value: T | undefined
  try {
    value = check(JSON.parse(text))
  } catch {
    // The parser's message would show a piece of the text, and this file holds secrets.
    throw damaged(path, advice)
  }
  if (value === undefined) throw damaged(path, advice)
  return value
}

function damaged(path: string, advice: string): StorageError {
  return new StorageError('ERR_HUB_FILE', `${path} does not hold what the hub wrote there; ${advice}`)
}

/** What a crash in the middle of {@link writeFileAtomically} leaves. Called under the directory's lock. */
export async function removeTemporaryFiles(disk: Disk, directory: string): Promise<void> {
  const names = await disk.readdir(directory)
  for (const name of names) if (/\.[0-9a-f]{12}\.tmp$/.test(name)) await disk.unlink(join(directory, name))
}

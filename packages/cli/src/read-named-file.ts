import { readFile } from 'node:fs/promises'
import { StorageError } from '@halyard/core'

/** A file that an option names. @throws {StorageError} `ERR_CONFIG_FILE`, which names both */
export async function readNamedFile(option: string, path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (error) {
    throw unreadable(`${option} ${path}`, error)
  }
}

export function unreadable(what: string, cause: unknown): StorageError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'it cannot be read'
  return new StorageError('ERR_CONFIG_FILE', `${what}: ${code}; check the path and who may read it`, { cause })
}

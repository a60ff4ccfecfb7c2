import { readFile } from 'node:fs/promises'
import { StorageError } from '@halyard/core'

/** A file that an option names. @throws {StorageError} `ERR_CONFIG_FILE`, which names both */
export async function readNamedFile(option: string, path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'it cannot be read'
    throw new StorageError('ERR_CONFIG_FILE', `${option} ${path}: ${code}; check the path and who may read it`, {
      cause: error,
    })
  }
}

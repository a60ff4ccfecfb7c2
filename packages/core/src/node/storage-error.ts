import { HalyardError, StorageError, describeError } from '../errors.ts'

/** Turns what the operating system said into what a person can act on. `doing` completes "cannot …". */
export function storageError(error: unknown, doing: string): StorageError {
  if (error instanceof StorageError) return error
  const cause = { cause: error }
  switch (errnoOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new StorageError('ERR_STORE_FULL', `cannot ${doing}: the disk is full; free some space`, cause)
    case 'EACCES':
    case 'EPERM':
      return new StorageError(
        'ERR_STORE_PERMISSION',
        `cannot ${doing}: no permission; give this user the right to read and write there`,
        cause,
      )
    case 'EROFS':
      return new StorageError('ERR_STORE_PERMISSION', `cannot ${doing}: the file system is read-only`, cause)
    case 'ENOTDIR':
    case 'EEXIST':
      return new StorageError('ERR_STORE_PATH', `cannot ${doing}: there is a file in the way; name a directory`, cause)
    case 'ENOENT':
      return new StorageError('ERR_STORE_PATH', `cannot ${doing}: there is no such directory`, cause)
    default:
      return new StorageError('ERR_STORE_IO', `cannot ${doing}: ${describeError(error)}`, cause)
  }
}

/** `ENOENT` and the like; `undefined` for what is no system error. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof HalyardError) return undefined
  const code = (error as NodeJS.ErrnoException).code
  return typeof code === 'string' ? code : undefined
}

import { getSystemErrorMap } from 'node:util'
import { UsageError } from '@halyard/core'

export type DiskOperationKind =
  | 'open'
  | 'write'
  | 'read'
  | 'sync'
  | 'truncate'
  | 'size'
  | 'close'
  | 'readdir'
  | 'mkdir'
  | 'link'
  | 'rename'
  | 'unlink'
  | 'syncDirectory'

/** One call of the disk, as observers, failure rules and delays see it. */
export interface DiskOperation {
  /** Counts every call of this disk from 0, the failing ones too. */
  readonly index: number
  readonly kind: DiskOperationKind
  /** Absolute. Of a call on an open file: the path it was opened by. */
  readonly path: string
  /** The new name, of `link` and `rename`. */
  readonly to?: string
  /** Where in the file, of `write` and `read`. */
  readonly position?: number
  /** Bytes, of `write`, `read` and `truncate`. */
  readonly length?: number
}

/** What a failing disk says: any code that the system knows, those which disks say most written out. */
export type DiskErrorCode = 'EIO' | 'ENOSPC' | 'EROFS' | 'EDQUOT' | 'EACCES' | 'EMFILE' | 'ENOENT' | (string & {})

/** The error that `node:fs` would throw: with `code`, `errno`, `syscall`, and `path` where a path was given. */
export function diskError(code: DiskErrorCode, operation: Omit<DiskOperation, 'index'>): NodeJS.ErrnoException {
  for (const [errno, [name, meaning]] of getSystemErrorMap()) {
    if (name !== code) continue
    const syscall = SYSCALLS[operation.kind]
    const named = BY_PATH.has(operation.kind)
    const path = named ? ` '${operation.path}'` : ''
    const to = operation.to === undefined ? '' : ` -> '${operation.to}'`
    return Object.assign(new Error(`${code}: ${meaning}, ${syscall}${path}${to}`), {
      errno,
      code,
      syscall,
      ...(named && { path: operation.path }),
      ...(operation.to !== undefined && { dest: operation.to }),
    })
  }
  throw new UsageError('ERR_TESTKIT_ARGUMENT', `no system error is called ${code}; give one like EIO or ENOSPC`)
}

/** `write /outbox/1.log, 120 bytes at 40`: for a person who reads where a test failed. */
export function describeOperation(operation: Omit<DiskOperation, 'index'>): string {
  const to = operation.to === undefined ? '' : ` -> ${operation.to}`
  const length = operation.length === undefined ? '' : `, ${operation.length} bytes`
  const position = operation.position === undefined ? '' : ` at ${operation.position}`
  return `${operation.kind} ${operation.path}${to}${length}${position}`
}

const SYSCALLS: Readonly<Record<DiskOperationKind, string>> = {
  open: 'open',
  write: 'write',
  read: 'read',
  sync: 'fdatasync',
  truncate: 'ftruncate',
  size: 'fstat',
  close: 'close',
  readdir: 'scandir',
  mkdir: 'mkdir',
  link: 'link',
  rename: 'rename',
  unlink: 'unlink',
  syncDirectory: 'fsync',
}

/** The others are called with a descriptor, and `node:fs` does not say its path. */
const BY_PATH: ReadonlySet<DiskOperationKind> = new Set(['open', 'readdir', 'mkdir', 'link', 'rename', 'unlink'])

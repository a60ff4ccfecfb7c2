import { createHash } from 'node:crypto'
import { StorageError, throwIfAborted } from '@halyard/core'
import type { Disk } from '@halyard/core/node'

const CHUNK = 1024 * 1024
/** Written and not synced at most: a disk that gets all at once keeps the journal of a running hub waiting for it. */
const SYNC_BYTES = 8 * CHUNK

export interface CopyProgress {
  /** Bytes more. */
  readonly onBytes: (bytes: number) => void
  readonly signal: AbortSignal | undefined
}

export interface Copied {
  readonly bytes: number
  /** in hex */
  readonly sha256: string
}

/** Copies the first `bytes` of a file (none: all) into a new one, of its owner alone, that lasts. */
export async function copyFile(
  disk: Disk,
  { from, to, bytes: wanted }: { readonly from: string; readonly to: string; readonly bytes?: number | undefined },
  { onBytes, signal }: CopyProgress,
): Promise<Copied> {
  const hash = createHash('sha256')
  const source = await disk.open(from, 'read')
  let bytes: number
  try {
    bytes = wanted ?? (await source.size())
    const target = await disk.open(to, 'create')
    try {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK, bytes))
      for (let at = 0, unsynced = 0; at < bytes;) {
        throwIfAborted(signal)
        const part = buffer.subarray(0, Math.min(CHUNK, bytes - at))
        if ((await source.read(part, at)) < part.length) throw shorter(from)
        await target.write(part, at)
        hash.update(part)
        at += part.length
        unsynced += part.length
        if (unsynced >= SYNC_BYTES) {
          await target.sync()
          unsynced = 0
        }
        onBytes(part.length)
      }
      await target.sync()
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
  return { bytes, sha256: hash.digest('hex') }
}

function shorter(path: string): StorageError {
  return new StorageError('ERR_HUB_BACKUP_CHANGED', `${path} became shorter while it was copied; make the backup again`)
}

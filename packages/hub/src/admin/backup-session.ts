/** The moment of a backup: the files of a data directory, held still while somebody copies them. */
import { StorageError } from '@halyard/core'
import type { HubClient } from './hub-client.ts'

/** ms; the hub forgets a copier that it has not heard of for 15 s. */
const RENEW = 4000

export interface BackupSession {
  readonly via: 'directory' | 'hub'
  /** The journal's copy ends with this record. */
  readonly committed: number
  /** Throws if the files are held no more. */
  check(): void
  /** The last look. @throws {StorageError} `ERR_HUB_BACKUP_CHANGED` */
  end(): Promise<void>
  /** Lets go, whatever happened. */
  close(): Promise<void>
}

/** Asks the hub that runs, and tells it again and again that the copier lives. */
export async function runningSession(client: HubClient): Promise<BackupSession> {
  const answer = await client.call('POST', '/api/backups')
  const { id, committed } = answer
  const path = `/api/backups/${client.checked(typeof id === 'string' && /^\d{1,16}$/.test(id) ? id : undefined)}`
  const last = client.checked(Number.isSafeInteger(committed) ? Number(committed) : undefined)
  let trouble: Error | undefined
  let isEnded = false
  const isHeld = (state: Readonly<Record<string, unknown>>): void => {
    if (state['held'] !== true) throw changed()
  }
  const timer = setInterval(() => {
    client.call('POST', path).then(isHeld, (error: Error) => (trouble ??= error))
  }, RENEW)
  return {
    via: 'hub',
    committed: last,
    check: () => {
      if (trouble !== undefined) throw trouble
    },
    end: async () => {
      isEnded = true
      isHeld(await client.call('DELETE', path))
    },
    close: async () => {
      clearInterval(timer)
      if (!isEnded) await client.call('DELETE', path).catch(() => {})
      client.close()
    },
  }
}

function changed(): StorageError {
  return new StorageError(
    'ERR_HUB_BACKUP_CHANGED',
    "the hub's index was started again while it was copied; make the backup again",
  )
}

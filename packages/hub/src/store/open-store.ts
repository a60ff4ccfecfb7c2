import { dirname, join } from 'node:path'
import type { Clock, Logger } from '@halyard/core'
import { storageError } from '@halyard/core/node'
import type { Disk, LogDamage } from '@halyard/core/node'
import { removeTemporaryFiles } from '../files.ts'
import { loadSecrets, makeSecrets } from '../secrets.ts'
import type { Secrets } from '../secrets.ts'
import type { FollowedJournal, Index } from './follower.ts'
import { MemoryIndex } from './memory-index.ts'
import { MemoryJournal } from './memory-journal.ts'
import { SegmentJournal } from './segment-journal.ts'
import { SqliteIndex } from './sqlite/sqlite-index.ts'

/** Everything of a hub that stays when it stops. */
export interface Store {
  readonly secrets: Secrets
  readonly journal: FollowedJournal
  readonly index: Index
}

export interface StorePorts {
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
}

/** For `data: ':memory:'`. */
export function openMemoryStore({ clock }: Pick<StorePorts, 'clock'>): Store {
  const secrets = makeSecrets()
  const journal = new MemoryJournal()
  return {
    secrets,
    journal,
    index: new MemoryIndex({ journal, hubId: secrets.hubId, now: () => new Date(clock.now()) }),
  }
}

/** A new directory's name must last as well as what is in it; and so must the names of parents made on the way. */
async function makeDirectory(disk: Disk, directory: string): Promise<void> {
  const isThere = await disk.readdir(directory).then(
    () => true,
    () => false,
  )
  await disk.mkdir(directory)
  if (isThere) return
  for (let path = dirname(directory), last = directory; path !== last; last = path, path = dirname(path)) {
    // One that may not be read was not made by us.
    await disk.syncDirectory(path).catch(() => {})
  }
}

/**
 * ```
 * DIR/journal/       the segment log, and the lock of the whole directory
 * DIR/secrets.json   hub id and key secret
 * DIR/hub.sqlite     registry and history
 * ```
 *
 * @throws {StorageError} `ERR_STORE_…` for what the disk or another hub objects to; see {@link SqliteIndex.open}
 */
export async function openDiskStore(directory: string, ports: StorePorts): Promise<Store> {
  const { disk, clock, logger } = ports
  const journalPath = join(directory, 'journal')
  const onDamage = (damage: LogDamage): void =>
    logger.error(
      damage,
      'the journal holds bytes that are no record; they were copied to journal/damaged and stepped over',
    )
  try {
    await makeDirectory(disk, directory)
  } catch (error) {
    throw storageError(error, `make the data directory ${directory}`)
  }
  // First of all the lock: nothing in the directory is touched before it is ours.
  const journal = await SegmentJournal.open({ path: journalPath, disk, onDamage })
  try {
    await disk.syncDirectory(directory)
    await removeTemporaryFiles(disk, directory)
    const secrets = await loadSecrets(disk, directory)
    const path = join(directory, 'hub.sqlite')
    const { hubId } = secrets
    return { secrets, journal, index: await SqliteIndex.open({ path, journal, journalPath, hubId, clock, logger }) }
  } catch (error) {
    await journal.close()
    throw error
  }
}

import { dirname, join } from 'node:path'
import { StorageError } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import { storageError } from '@halyard/core/node'
import type { Disk, LogCommit, LogDamage } from '@halyard/core/node'
import { JournalReaders } from '../domain/journal-readers.ts'
import type { JournalReader } from '../domain/journal-readers.ts'
import type { Journal } from '../domain/ports.ts'
import { removeTemporaryFiles } from '../files.ts'
import { SAMPLE_FILE } from '../sample-file.ts'
import { SECRETS_FILE, loadSecrets, makeSecrets } from '../secrets.ts'
import type { Secrets } from '../secrets.ts'
import { BackupHolds } from './backup/holds.ts'
import type { Index } from './stored-index.ts'
import { MemoryIndex } from './memory-index.ts'
import { MemoryJournal } from './memory-journal.ts'
import { SegmentJournal } from './segment-journal.ts'
import { FOLLOW_INTERVAL, SqliteIndex } from './sqlite/sqlite-index.ts'

/** Everything of a hub that stays when it stops. */
export interface Store {
  readonly secrets: Secrets
  readonly journal: Journal
  readonly index: Index
  /** What the MQTT engine may read again; none: in memory nothing is. */
  readonly reader: JournalReader | undefined
  /** A hub has been ready here before, and its SQLite file is gone: a new one was made. */
  readonly lostIndex: boolean
  /** What there is only on a disk. */
  readonly onDisk: OnDisk | undefined
}

interface OnDisk {
  readonly journal: SegmentJournal
  readonly index: SqliteIndex
  readonly backups: BackupHolds
  /** Seconds that it took to read the journal through. */
  readonly replayed: number
}

export const INDEX_FILE = 'hub.sqlite'
export const JOURNAL_DIRECTORY = 'journal'
/** Outboxes below the data directory: messages to devices, SMS to a webhook. */
export const QUEUE_DIRECTORIES: readonly string[] = ['push', 'sms']

/** Commits of a journal with an interval that the index takes over together; queries do not wait for it. */
const FOLLOWS_PER_COMMIT = 10

export interface StorePorts {
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  /** seconds; 0 */
  readonly commitInterval?: number
  readonly onCommit?: (commit: LogCommit) => void
}

/** For `data: ':memory:'`. */
export function openMemoryStore({ clock }: Pick<StorePorts, 'clock'>): Store {
  const secrets = makeSecrets()
  const journal = new MemoryJournal()
  return {
    secrets,
    journal,
    lostIndex: false,
    reader: undefined,
    onDisk: undefined,
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
  const { disk, clock, logger, commitInterval = 0, onCommit } = ports
  const journalPath = join(directory, JOURNAL_DIRECTORY)
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
  const began = clock.monotonic()
  const interval = { commitInterval: commitInterval * 1000 }
  const journal = await SegmentJournal.open({
    path: journalPath,
    disk,
    ...interval,
    onDamage,
    ...(onCommit && { onCommit }),
  })
  const replayed = (clock.monotonic() - began) / 1000
  try {
    await disk.syncDirectory(directory)
    await removeTemporaryFiles(disk, directory)
    const names = await disk.readdir(directory)
    if (names.includes(INDEX_FILE) && !names.includes(SECRETS_FILE)) {
      logger.warn(
        { directory },
        `${SECRETS_FILE} is gone: a new one is made, with which no Hologram key and no key of the hub's own Emitter licence is good any more; to have them back stop the hub and restore ${SECRETS_FILE} from a backup`,
      )
    }
    const secrets = await loadSecrets(disk, directory)
    const path = join(directory, INDEX_FILE)
    const { hubId } = secrets
    const lostIndex = isIndexLost(names)
    const readers = new JournalReaders(journal, (error) =>
      logger.warn({ err: error }, 'a segment of the journal that is not needed any more could not be removed'),
    )
    // A transaction of SQLite writes some ten pages: on a disk that is to be spared they come together too.
    const followInterval = Math.max(FOLLOW_INTERVAL, FOLLOWS_PER_COMMIT * commitInterval * 1000)
    // Both before the index opens: it says at once what it needs no more, and that must not be all that there is.
    const reader = readers.add()
    const index = await SqliteIndex.open({
      path,
      journal,
      reader: readers.add(),
      journalPath,
      hubId,
      clock,
      logger,
      followInterval,
    })
    const backups = new BackupHolds({ index, readers, clock })
    const onDisk = { journal, index, backups, replayed }
    return { secrets, journal, index, reader, lostIndex, onDisk }
  } catch (error) {
    await journal.close()
    throw error
  }
}

/** A first start makes the SQLite file before any of these, and makes its name last: they are never there without it. */
const LATER_FILES: readonly string[] = [SAMPLE_FILE, 'running.json', 'push']

function isIndexLost(names: readonly string[]): boolean {
  return !names.includes(INDEX_FILE) && LATER_FILES.some((name) => names.includes(name))
}

/**
 * For whoever changes a hub's directory and must not make one.
 *
 * @throws {StorageError} `ERR_HUB_NO_DATA`: there is no hub, or its SQLite file is gone; `ERR_STORE_…`
 */
export async function findHub(disk: Disk, directory: string): Promise<void> {
  const names = await disk.readdir(directory).catch((error: unknown): readonly string[] => {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw storageError(error, `look into ${directory}`)
  })
  if (names.includes(INDEX_FILE)) return
  if (names.includes(SECRETS_FILE)) {
    throw new StorageError(
      'ERR_HUB_NO_DATA',
      `${INDEX_FILE} is gone from ${directory}, and with it all accounts; restore it from a backup, or start halyard hub there to begin anew`,
    )
  }
  throw new StorageError(
    'ERR_HUB_NO_DATA',
    `there is no hub in ${directory}; name the directory of one with --data, or start halyard hub there first, which makes one`,
  )
}

/** The index first: it takes over what is committed, and segments that nobody needs go. */
export async function closeStore({ journal, index, onDisk }: Store): Promise<void> {
  onDisk?.backups.close()
  try {
    await index.close()
  } finally {
    await journal.close()
  }
}

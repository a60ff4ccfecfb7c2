/** The one place where backup and restore of a data directory are put together. docs/guide/hub.md §Backup */
import { rename } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { StorageError, UsageError, loggerFor, throwIfAborted } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import { nodeClock, nodeDisk } from '@halyard/core/node'
import type { Disk } from '@halyard/core/node'
import { runningSession } from './admin/backup-session.ts'
import type { BackupSession } from './admin/backup-session.ts'
import { clientOfRunningHub } from './admin/hub-client.ts'
import { MEMORY, resolveOptions } from './options.ts'
import { copyFile } from './store/backup/copy-file.ts'
import type { Copied, CopyProgress } from './store/backup/copy-file.ts'
import { readManifest, writeManifest } from './store/backup/manifest.ts'
import type { BackupFile, BackupManifest } from './store/backup/manifest.ts'
import { makeWhole, overlap, refuseOccupied, removeAbandoned } from './store/backup/new-directory.ts'
import { planIndexLog, planQueues, planStore } from './store/backup/plan.ts'
import type { PlannedFile } from './store/backup/plan.ts'
import { JOURNAL_DIRECTORY, closeStore, findHub, openDiskStore } from './store/open-store.ts'
import { SegmentJournal } from './store/segment-journal.ts'
import { VERSION } from './version.ts'

/** As for `createHub()`. */
interface Place {
  /** The hub's data directory; `./halyard-data` */
  data?: string
  /** The hub's configuration file, for the directory that it names. */
  config?: string
  logger?: Logger
  /** Ends it; nothing is left. */
  signal?: AbortSignal
  /** Bytes that are copied by now, and those that are known to be copied in the end. */
  onProgress?: (done: number, total: number) => void
}

export interface BackupOptions extends Place {
  /** A directory that is not there, or empty. */
  target: string
}

export interface BackupReport {
  /** An absolute path. */
  readonly target: string
  /** `'hub'`: while it ran. */
  readonly via: 'directory' | 'hub'
  /** Number of the journal's last record in it. */
  readonly committed: number
  readonly files: number
  readonly bytes: number
  readonly seconds: number
}

export interface RestoreOptions extends Place {
  /** What `backupHub()` has made. */
  source: string
  /** A data directory that is not empty is renamed, not refused; false */
  force?: boolean
}

export interface RestoreReport {
  /** An absolute path. */
  readonly data: string
  readonly madeAt: Date
  readonly committed: number
  /** In the history. */
  readonly messages: number
  /** Accounts, tokens and other documents. */
  readonly documents: number
  readonly bytes: number
  readonly seconds: number
  /** Where the directory that was there is now. */
  readonly moved: string | undefined
}

/** Segments of an outbox that go while they are copied: so often it is begun again. */
const ATTEMPTS = 5
/** Times 2^24: numbers that the hub may have given out since. At 100,000 messages a second half a day, at ten 13 years. */
const LEAPS = 256

/**
 * Copies a hub's data directory as it is at one moment, also while the hub runs: everything that was acknowledged before
 * the call is in it. The copy is a data directory of its own, and appears under its name when it is whole and lasts.
 *
 * @throws {UsageError} `ERR_HUB_TARGET`: there is something already; `ERR_HUB_BACKUP_RUNS`, `ERR_USAGE`, `ERR_CONFIG_FILE`, `ERR_HUB_CONFIG`
 * @throws {StorageError} `ERR_HUB_NO_DATA`, `ERR_HUB_BACKUP_CHANGED`, `ERR_HUB_INDEX`, `ERR_STORE_…`
 * @throws {ConnectionError} `ERR_HUB_ADMIN`: a running hub cannot be asked
 * @throws {AbortError} `ERR_ABORTED`
 */
export async function backupHub(options: BackupOptions): Promise<BackupReport> {
  const disk = nodeDisk()
  const clock = nodeClock()
  const began = clock.monotonic()
  const { directory, target } = await placesOf(options, options.target)
  await findHub(disk, directory)
  await refuseOccupied(disk, target, 'name one that does not, as a date for instance')
  for (const path of await removeAbandoned(dirname(target), clock.now())) {
    loggerFor('Hub', options.logger).info({ path }, 'removed what a backup or a restore that was killed had left')
  }
  for (let attempt = 1; ; attempt++) {
    try {
      const { session, files } = await backUp({ disk, clock, directory, target, options })
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
      const { via, committed } = session
      return { target, via, committed, files: files.length, bytes, seconds: secondsSince(began, clock) }
    } catch (error) {
      if (!hasVanished(error) || attempt === ATTEMPTS) throw error
    }
  }
}

interface BackUpParts {
  readonly disk: Disk
  readonly clock: Clock
  readonly directory: string
  readonly target: string
  readonly options: BackupOptions
}

async function backUp({ disk, clock, directory, target, options }: BackUpParts): Promise<{
  readonly session: BackupSession
  readonly files: readonly BackupFile[]
}> {
  const { signal, onProgress } = options
  const queues = await planQueues(disk, directory)
  const session = await beginSession(directory, disk, options)
  try {
    const { via, committed } = session
    const store = await planStore(disk, directory, committed)
    const planned = [...queues, ...store, ...(via === 'hub' ? [] : await planIndexLog(disk, directory))]
    const files = await makeWhole(
      disk,
      target,
      async (partial) => {
        const copied = await copyAll(
          disk,
          { from: directory, to: partial, files: planned },
          (count) => {
            session.check()
            onProgress?.(...count)
          },
          signal,
        )
        const made_at = new Date(clock.now()).toISOString()
        await writeManifest(disk, partial, { version: 1, made_at, halyard: VERSION, committed, files: copied })
        return copied
      },
      () => session.end(),
    )
    return { session, files }
  } finally {
    await session.close()
  }
}

/** Of a hub that is stopped the directory is locked, of one that runs the files are held. */
async function beginSession(directory: string, disk: Disk, { logger }: BackupOptions): Promise<BackupSession> {
  const log = loggerFor('Hub', logger)
  try {
    const journal = await SegmentJournal.open({
      path: join(directory, JOURNAL_DIRECTORY),
      disk,
      onDamage: (damage) => log.warn(damage, 'the journal is damaged, and so is its copy: check the disk'),
    })
    const { committed } = journal
    const end = (): Promise<void> => Promise.resolve()
    return { via: 'directory', committed, check: () => {}, end, close: () => journal.close() }
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'ERR_STORE_LOCKED') throw error
    return runningSession(await clientOfRunningHub(directory, disk, error))
  }
}

/**
 * Makes a data directory from a backup, opens it as a hub would, and says what it holds. Numbers that the hub may have
 * given to messages since the backup are not given again: ids stay unique, and in the order of acceptance.
 *
 * @throws {UsageError} `ERR_HUB_BACKUP`: the source is none; `ERR_HUB_TARGET`: there is something already; `ERR_USAGE`, `ERR_CONFIG_FILE`, `ERR_HUB_CONFIG`
 * @throws {StorageError} `ERR_HUB_BACKUP_CHANGED`: it is not what was written; `ERR_STORE_…` (a hub has the directory), `ERR_HUB_…` as `createHub()`
 * @throws {AbortError} `ERR_ABORTED`
 */
export async function restoreHub(options: RestoreOptions): Promise<RestoreReport> {
  const { force = false, signal, onProgress, logger } = options
  const disk = nodeDisk()
  const clock = nodeClock()
  const began = clock.monotonic()
  const { directory: data, target: source } = await placesOf(options, options.source)
  const manifest = await readManifest(disk, source)
  const advice = '--force (force: true) moves it aside'
  const isOccupied = await refuseOccupied(disk, data, advice).then(
    () => false,
    (error: unknown) => {
      if (force && error instanceof UsageError) return true
      throw error
    },
  )
  if (isOccupied) await checkUnused(disk, data)
  let moved: string | undefined
  const found = await makeWhole(
    disk,
    data,
    async (partial) => {
      const files = manifest.files
      const progress = (count: readonly [number, number]): void => onProgress?.(...count)
      const copied = await copyAll(disk, { from: source, to: partial, files }, progress, signal)
      for (const [index, file] of files.entries()) {
        if (copied[index]?.sha256 !== file.sha256) throw changedSince(join(source, file.path))
      }
      return check(partial, manifest, { disk, clock, logger: loggerFor('Hub', logger) })
    },
    async () => {
      if (isOccupied) moved = await moveAside(disk, data, clock)
    },
  )
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0)
  const madeAt = new Date(manifest.made_at)
  return { data, madeAt, ...found, bytes, seconds: secondsSince(began, clock), moved }
}

/** As a hub opens it. */
async function check(
  directory: string,
  manifest: BackupManifest,
  ports: { readonly disk: Disk; readonly clock: Clock; readonly logger: Logger },
): Promise<{ readonly committed: number; readonly messages: number; readonly documents: number }> {
  await findHub(ports.disk, directory)
  const store = await openDiskStore(directory, ports)
  try {
    const { committed } = store.journal
    if (committed < manifest.committed || store.onDisk === undefined) {
      throw new StorageError(
        'ERR_HUB_BACKUP_CHANGED',
        `the journal of the backup ends at record ${committed}, not at ${manifest.committed}; use another backup`,
      )
    }
    await store.onDisk.index.history.query({ limit: 1 })
    const counts = await store.onDisk.index.count()
    await store.onDisk.journal.leap(LEAPS)
    return { committed, ...counts }
  } finally {
    await closeStore(store)
  }
}

/** @throws {StorageError} `ERR_STORE_LOCKED`: a hub has it open */
async function checkUnused(disk: Disk, data: string): Promise<void> {
  const names = await disk.readdir(data)
  if (!names.includes(JOURNAL_DIRECTORY)) return
  await (await SegmentJournal.open({ path: join(data, JOURNAL_DIRECTORY), disk })).close()
}

async function moveAside(disk: Disk, data: string, clock: Clock): Promise<string> {
  await checkUnused(disk, data)
  const moved = `${data}.before-${new Date(clock.now()).toISOString().replaceAll(/[:.]/g, '-')}`
  await rename(data, moved)
  await disk.syncDirectory(dirname(data))
  return moved
}

interface CopyOrder {
  readonly from: string
  readonly to: string
  readonly files: readonly PlannedFile[]
}

async function copyAll(
  disk: Disk,
  { from, to, files }: CopyOrder,
  onProgress: (count: readonly [done: number, total: number]) => void,
  signal: AbortSignal | undefined,
): Promise<BackupFile[]> {
  throwIfAborted(signal)
  const total = files.reduce((sum, { bytes = 0 }) => sum + bytes, 0)
  let done = 0
  const progress: CopyProgress = {
    signal,
    onBytes: (bytes) => {
      done += bytes
      onProgress([done, Math.max(done, total)])
    },
  }
  const directories = new Set(files.map(({ path }) => path.split('/').slice(0, -1)[0] ?? ''))
  directories.delete('')
  for (const name of directories) await disk.mkdir(join(to, name))
  const made: BackupFile[] = []
  for (const { path, bytes } of files) {
    const copied: Copied = await copyFile(disk, { from: join(from, path), to: join(to, path), bytes }, progress)
    made.push({ path, ...copied })
  }
  for (const name of directories) await disk.syncDirectory(join(to, name))
  return made
}

async function placesOf(
  { data, config }: Place,
  other: string,
): Promise<{ readonly directory: string; readonly target: string }> {
  if (typeof other !== 'string' || other === '' || other.includes('\0')) {
    throw new UsageError('ERR_USAGE', 'the directory of a backup must be named')
  }
  const { data: directory } = (await resolveOptions({ data, config })).checked
  if (directory === MEMORY) throw new UsageError('ERR_USAGE', 'a hub in memory has nothing to back up or to restore')
  const target = resolve(other)
  if (await overlap(directory, target)) {
    throw new UsageError(
      'ERR_USAGE',
      `${target} and the data directory ${directory} lie in one another; name another one`,
    )
  }
  return { directory, target }
}

function hasVanished(error: unknown): boolean {
  const cause = error instanceof StorageError ? error.cause : error
  return (cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT'
}

function changedSince(path: string): StorageError {
  return new StorageError(
    'ERR_HUB_BACKUP_CHANGED',
    `${path} is not what the backup wrote there: the disk has damaged it, or a hub was started in it; use another backup, or make one of it (halyard hub backup NEW --data THIS)`,
  )
}

function secondsSince(began: number, clock: Clock): number {
  return Math.round(clock.monotonic() - began) / 1000
}

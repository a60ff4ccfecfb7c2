/** Which files of a data directory a backup holds, and how much of each. */
import { join } from 'node:path'
import { logFiles, storageError } from '@halyard/core/node'
import type { Disk } from '@halyard/core/node'
import type { Lsn } from '../../domain/ports.ts'
import { SAMPLE_FILE } from '../../sample-file.ts'
import { SECRETS_FILE } from '../../secrets.ts'
import { INDEX_FILE, JOURNAL_DIRECTORY, QUEUE_DIRECTORIES } from '../open-store.ts'
import { JOURNAL_KIND } from '../segment-journal.ts'

/** Of core's outboxes. */
const OUTBOX_KIND = 'OUTB'

export interface PlannedFile {
  /** Below the directory, with `/`. */
  readonly path: string
  /** None: all that it has when it is copied. */
  readonly bytes?: number
}

/**
 * The queues and what SMS have become, as they are now. Before the journal's moment: what is in a queue because of a
 * message has that message in the journal's copy then, as after a kill.
 */
export async function planQueues(disk: Disk, directory: string): Promise<PlannedFile[]> {
  const there = await disk.readdir(directory)
  const files = await planFiles(disk, directory, ['sms.1.jsonl', 'sms.jsonl'])
  for (const name of QUEUE_DIRECTORIES) {
    if (!there.includes(name)) continue
    const path = join(directory, name)
    const segments = await logFiles({ path, kind: OUTBOX_KIND, disk })
    files.push(...segments.map((segment) => ({ path: `${name}/${segment.name}`, bytes: segment.bytes })))
  }
  return files
}

/** The journal up to its moment, and the small files, which are replaced as a whole and never changed. */
export async function planStore(disk: Disk, directory: string, committed: Lsn): Promise<PlannedFile[]> {
  const path = join(directory, JOURNAL_DIRECTORY)
  const segments = await logFiles({ path, kind: JOURNAL_KIND, upTo: committed, disk })
  return [
    ...segments.map((segment) => ({ path: `${JOURNAL_DIRECTORY}/${segment.name}`, bytes: segment.bytes })),
    ...(await planFiles(disk, directory, [INDEX_FILE])),
    ...(await planFiles(disk, directory, [SECRETS_FILE, SAMPLE_FILE])).map(({ path: name }) => ({ path: name })),
  ]
}

/** What SQLite had not taken over into its file when the hub was killed; while one runs, it is behind the moment. */
export function planIndexLog(disk: Disk, directory: string): Promise<PlannedFile[]> {
  return planFiles(disk, directory, [`${INDEX_FILE}-wal`])
}

/** Those that are there. */
async function planFiles(disk: Disk, directory: string, names: readonly string[]): Promise<PlannedFile[]> {
  const there = await disk.readdir(directory)
  const files: PlannedFile[] = []
  for (const name of names.filter((wanted) => there.includes(wanted))) {
    const path = join(directory, name)
    try {
      const file = await disk.open(path, 'read')
      try {
        files.push({ path: name, bytes: await file.size() })
      } finally {
        await file.close()
      }
    } catch (error) {
      throw storageError(error, `read ${path}`)
    }
  }
  return files
}

/** How the hub's disk is: what `/health` and the metrics show of it, and room for what is owed. */
import type { Clock, Logger } from '@halyard/core'
import type { HubConfig } from './config.ts'
import { JournalWatch } from './journal-watch.ts'
import { makeRoom } from './make-room.ts'
import type { Snapshot } from './metrics/families.ts'
import { DiskUsage } from './store/disk-usage.ts'
import { QUEUE_DIRECTORIES } from './store/open-store.ts'
import type { Store } from './store/open-store.ts'

export interface VitalsParts {
  readonly store: Store
  /** The data directory; none: in memory. */
  readonly directory: string | undefined
  readonly config: Pick<HubConfig, 'disk' | 'history'>
  readonly clock: Clock
  readonly logger: Logger
  /** One that does not repeat itself. */
  readonly flood: Logger
}

export interface Vitals {
  /** `'failing'`: what was to be kept last could not be. */
  readonly status: 'ok' | 'failing'
  /** Of `/health`. */
  health(): object
  snapshot(): Pick<Snapshot, 'journal' | 'disk'>
  /** Asked before something is kept that need not be: the data take what they may, and the history has given what it had. */
  diskFull(): boolean
  /** Asked by whoever has something that only takes room. */
  diskTight(): boolean
  close(): void
}

export async function startVitals({ store, directory, config, clock, logger, flood }: VitalsParts): Promise<Vitals> {
  const { journal, index, onDisk } = store
  const watch = new JournalWatch(journal, { clock, logger })
  const disk =
    onDisk && directory !== undefined
      ? await DiskUsage.open({
          directory,
          queues: QUEUE_DIRECTORIES,
          journal: onDisk.journal,
          index: onDisk.index,
          maxBytes: config.disk.maxBytes,
          clock,
        })
      : undefined
  if (disk) disk.onLook(() => makeRoom({ disk, history: index.history, limits: config.history, clock, logger: flood }))
  const diskFull = (): boolean => disk?.isFull ?? false
  return {
    get status() {
      return watch.failure === undefined ? 'ok' : 'failing'
    },
    health: () => {
      const { committed, pendingBytes } = journal
      const failing = watch.failure
      const state = { committed, pendingBytes, applied: index.applied, ...(failing !== undefined && { failing }) }
      if (disk === undefined) return { journal: state }
      const { used, limit, free } = disk.use
      return { journal: state, disk: { used, limit, free, full: diskFull() } }
    },
    snapshot: () => ({
      journal: {
        committed: journal.committed,
        applied: index.applied,
        pendingBytes: journal.pendingBytes,
        failing: watch.failure !== undefined,
        ...(onDisk && { segments: onDisk.journal.segments, replayed: onDisk.replayed }),
      },
      ...(disk && { disk: { ...disk.use, full: diskFull() } }),
    }),
    diskFull,
    diskTight: () => disk?.isTight ?? false,
    close: () => {
      disk?.close()
      watch.close()
    },
  }
}

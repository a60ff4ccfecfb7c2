import type { Lsn } from './ports.ts'

/** A moment of the hub's files that does not pass. */
export interface BackupMoment {
  readonly id: string
  /** The journal up to here belongs to it, and with it everything that was acknowledged before. */
  readonly committed: Lsn
}

/**
 * Holds the hub's files still for whoever copies them: `hub.sqlite` does not change, no segment of the journal goes. The
 * hub goes on meanwhile. A copier that is heard of no more is forgotten after {@link BACKUP_LEASE}.
 */
export interface Backups {
  /** One at a time. @throws {UsageError} `ERR_HUB_BACKUP_RUNS` */
  begin(): Promise<BackupMoment>
  /** It is still being copied. False: the files are held no more, or were not all the time. */
  renew(id: string): Promise<boolean>
  /** It is copied. False as for {@link renew}: the copy is good for nothing. */
  end(id: string): Promise<boolean>
}

/** seconds */
export const BACKUP_LEASE = 15

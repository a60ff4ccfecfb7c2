import { StorageError } from '@halyard/core'
import { transaction } from './database.ts'
import type { Database } from './database.ts'
import { DROP_LABELS, numberChannels } from './migrate-history.ts'
import type { Progress } from './migrate-history.ts'

export interface Migration {
  /** What takes long and is done in transactions of its own; if it is interrupted, it is called again. */
  readonly before?: (database: Database, progress: Progress) => void
  /** In one transaction with the new number. */
  readonly sql: string
}

/** The n-th brings `user_version` from n to n + 1. What was released is never changed, only followed by another. */
export const MIGRATIONS: readonly Migration[] = [
  {
    sql: `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  INSERT INTO meta VALUES ('applied_lsn', 0), ('revision', 0);

  CREATE TABLE documents (
    collection TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (collection, id)
  ) WITHOUT ROWID;

  CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    space TEXT NOT NULL, service TEXT NOT NULL, account TEXT NOT NULL, channel TEXT NOT NULL, direction TEXT NOT NULL,
    payload BLOB NOT NULL, source TEXT,
    received_at INTEGER NOT NULL, expires_at INTEGER, size INTEGER NOT NULL
  );
  CREATE INDEX messages_by_space ON messages (space);
  CREATE INDEX messages_by_account ON messages (space, account);
  CREATE INDEX messages_by_time ON messages (space, received_at);
  CREATE INDEX messages_by_expiry ON messages (expires_at) WHERE expires_at IS NOT NULL;

  CREATE TABLE labels (space TEXT NOT NULL, label TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (space, label, seq)) WITHOUT ROWID;
  CREATE TABLE usage (space TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;
  `,
  },
  // The newest message *of* a device is asked for at each first push to it, however many went *to* it meanwhile.
  {
    sql: `
  DROP INDEX messages_by_account;
  CREATE INDEX messages_by_account ON messages (space, account, direction);
  `,
  },
  // Topic filters lead to channels and from there to messages; times are found in far less than an index of them takes.
  { before: numberChannels, sql: DROP_LABELS },
  // What a service makes its message of again, besides the payload.
  { sql: 'ALTER TABLE messages ADD COLUMN options BLOB' },
]

export interface MigrateOptions {
  readonly migrations?: readonly Migration[]
  readonly progress?: Progress | undefined
}

/**
 * Brings the file to this version's tables.
 *
 * @throws {StorageError} `ERR_HUB_NEWER_DATA` if a newer Halyard wrote it.
 */
export function migrate(
  database: Database,
  { migrations = MIGRATIONS, progress = () => {} }: MigrateOptions = {},
): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
  if (version > migrations.length) {
    throw new StorageError(
      'ERR_HUB_NEWER_DATA',
      `the data directory was written by a newer Halyard (hub.sqlite has version ${version}, this one knows ${migrations.length}); start the newer one, or another data directory`,
    )
  }
  for (const [offset, { before, sql }] of migrations.slice(version).entries()) {
    before?.(database, progress)
    transaction(database, () => {
      database.exec(sql)
      database.exec(`PRAGMA user_version = ${version + offset + 1}`)
    })
  }
}

/**
 * The disk as a port: the few operations on which everything durable stands. The real one is `nodeDisk()` of
 * `@halyard/core/node`;
 * `@halyard/testkit` has one that forgets what was not synced, tears the last write and fails on demand.
 *
 * What each call promises after a power cut is what POSIX promises: data after `sync()` of its file, a name after
 * `syncDirectory()` of its directory, and nothing else.
 */
export interface Disk {
  /** `create` makes a new file (EEXIST if there is one) with mode 0600. */
  open(path: string, how: 'read' | 'write' | 'create'): Promise<DiskFile>
  /** Names, unsorted. */
  readdir(path: string): Promise<string[]>
  /** Makes the directory and its parents with mode 0700, so that they last; nothing happens if it is there. */
  mkdir(path: string): Promise<void>
  /** A second name for a file; EEXIST if the name is taken: the one atomic test-and-set that every file system has. */
  link(from: string, to: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  /** Makes names that were created, renamed or removed in the directory last. */
  syncDirectory(path: string): Promise<void>
}

export interface DiskFile {
  /** Writes all of `bytes` at `position` or throws; a part may have been written then. */
  write(bytes: Uint8Array, position: number): Promise<void>
  /** Bytes read, fewer than asked for only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>
  /** `fdatasync`. After it has failed once nothing is known of what was written since the last one that did not. */
  sync(): Promise<void>
  truncate(length: number): Promise<void>
  size(): Promise<number>
  close(): Promise<void>
}

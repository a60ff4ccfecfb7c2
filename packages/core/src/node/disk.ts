/**
 * The disk as a port: the few operations on which everything durable stands. The real one is {@link nodeDisk};
 * `@halyard/testkit` has one that forgets what was not synced, tears the last write and fails on demand.
 *
 * What each call promises after a power cut is what POSIX promises: data after `sync()` of its file, a name after
 * `syncDirectory()` of its directory, and nothing else.
 */
import { close, fdatasync, ftruncate, open, read, write, fstat } from 'node:fs'
import { link, mkdir, open as openHandle, readdir, rename, unlink } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

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

/** The operating system's own. */
export function nodeDisk(): Disk {
  return {
    async open(path, how) {
      const flags = how === 'read' ? 'r' : how === 'write' ? 'r+' : 'wx+'
      return new NodeFile(await callback<number>((done) => open(path, flags, 0o600, done)))
    },
    readdir: (path) => readdir(path),
    async mkdir(path) {
      const first = await mkdir(path, { recursive: true, mode: 0o700 })
      if (first === undefined) return
      for (let made = resolve(path); made.length >= first.length; made = dirname(made))
        await syncDirectory(dirname(made))
    },
    link,
    rename,
    unlink,
    syncDirectory,
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await openHandle(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Callback functions of `node:fs`: a commit is two calls, and promises of file handles cost a third more each. */
class NodeFile implements DiskFile {
  readonly #fd: number

  constructor(fd: number) {
    this.#fd = fd
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    let done = 0
    do {
      done += await callback<number>((settle) =>
        write(this.#fd, bytes, done, bytes.length - done, position + done, settle),
      )
    } while (done < bytes.length)
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let done = 0
    while (done < into.length) {
      const count = await callback<number>((settle) =>
        read(this.#fd, into, done, into.length - done, position + done, settle),
      )
      if (count === 0) break
      done += count
    }
    return done
  }

  sync(): Promise<void> {
    return callback<void>((done) => fdatasync(this.#fd, done))
  }

  truncate(length: number): Promise<void> {
    return callback<void>((done) => ftruncate(this.#fd, length, done))
  }

  async size(): Promise<number> {
    return (await callback<{ size: number }>((done) => fstat(this.#fd, done))).size
  }

  close(): Promise<void> {
    return callback<void>((done) => close(this.#fd, done))
  }
}

function callback<T>(call: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => call((error, value) => (error ? reject(error) : resolve(value as T))))
}

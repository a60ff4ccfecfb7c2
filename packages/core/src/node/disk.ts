import { close, fdatasync, ftruncate, open, read, write, fstat } from 'node:fs'
import { link, mkdir, open as openHandle, readdir, rename, stat, unlink } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Disk, DiskFile } from '../disk.ts'
import { errnoOf } from './storage-error.ts'

/** The operating system's own. */
export function nodeDisk(): Disk {
  return {
    async open(path, how) {
      const flags = how === 'read' ? 'r' : how === 'write' ? 'r+' : 'wx+'
      return new NodeFile(await callback<number>((done) => open(path, flags, 0o600, done)))
    },
    readdir: (path) => readdir(path),
    mkdir: (path) => makeLasting(resolve(path)),
    link,
    rename,
    unlink,
    syncDirectory,
  }
}

/**
 * From the top down, each name synced before the next is made below it: whoever is killed in between leaves one name in
 * doubt at most, that of the last directory there is, and the next call syncs it.
 */
async function makeLasting(path: string, isParentThere: boolean = false): Promise<void> {
  const parent = dirname(path)
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    const code = errnoOf(error)
    // In /proc, for one, nothing can be made although the parent is there.
    if (code === 'ENOENT' && parent !== path && !isParentThere) {
      await makeLasting(parent)
      return makeLasting(path, true)
    }
    if (code !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error
    // It may belong to somebody who lets nobody look into it: then it was not made by this user just now.
    return syncDirectory(parent).catch((reason: unknown) => {
      if (errnoOf(reason) !== 'EACCES') throw reason
    })
  }
  await syncDirectory(parent)
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

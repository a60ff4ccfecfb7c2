/** One owner for a directory, whoever was killed, whoever is slow. */
import { describe, expect, it } from 'vitest'
import { FaultDisk } from '@halyard/testkit'
import { DirectoryLock, thisProcess } from '../../src/node/lock.ts'
import type { LockOwner } from '../../src/node/lock.ts'

const PATH = '/outbox'
const LOCKED = { name: 'StorageError', code: 'ERR_STORE_LOCKED' }

async function directory(): Promise<FaultDisk> {
  const disk = new FaultDisk()
  await disk.mkdir(PATH)
  return disk
}

const locks = (disk: FaultDisk): string[] => disk.files().map((name) => name.slice(PATH.length + 1))

describe('the lock of a directory', () => {
  it('is of one owner at a time, and free when it is released', async () => {
    const disk = await directory()
    const lock = await DirectoryLock.take(disk, PATH)
    await expect(DirectoryLock.take(disk, PATH)).rejects.toMatchObject({
      ...LOCKED,
      message: '/outbox is in use: this process has it open already; stop that one first or use another directory',
    })
    await lock.release()
    const next = await DirectoryLock.take(disk, PATH)
    await expect(DirectoryLock.take(disk, PATH)).rejects.toMatchObject(LOCKED)
    await next.release()
  })

  it('names the process that has it', async () => {
    const disk = await directory()
    const parent: LockOwner = { ...thisProcess(), pid: 1 }
    await DirectoryLock.take(disk, PATH, thisProcess())
    await expect(DirectoryLock.take(disk, PATH, parent)).rejects.toThrow(`process ${process.pid} has it open`)
  })

  it.each<[string, (self: LockOwner) => LockOwner]>([
    ['whose process is gone', (self) => ({ ...self, pid: 2 ** 22 + 1 })],
    ['whose number another process has now', (self) => ({ ...self, started: '1' })],
    ['of an earlier boot', (self) => ({ ...self, bootId: 'another' })],
  ])('is taken over from an owner %s', async (_, owner) => {
    const disk = await directory()
    await DirectoryLock.take(disk, PATH, owner(thisProcess()))
    await DirectoryLock.take(disk, PATH)
    expect(locks(disk)).toEqual(['lock.2'])
  })

  it.each(['', 'garbage', 'null', '{"pid":"1"}', '[]'])('is free if its file was torn: %j', async (content) => {
    const disk = await directory()
    disk.writeFile(`${PATH}/lock.7`, Buffer.from(content))
    await DirectoryLock.take(disk, PATH)
    expect(locks(disk)).toEqual(['lock.8'])
  })

  it('goes to one of many who want it in the same moment', async () => {
    const disk = await directory()
    await DirectoryLock.take(disk, PATH, { ...thisProcess(), bootId: 'another' })
    const takers = await Promise.allSettled(Array.from({ length: 20 }, () => DirectoryLock.take(disk, PATH)))
    expect(takers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const taker of takers) if (taker.status === 'rejected') expect(taker.reason).toMatchObject(LOCKED)
  })

  it('is not given to a taker that was slow: the highest number counts', async () => {
    const disk = await directory()
    let goOn: () => void = () => {}
    const held = new Promise<void>((resolve) => (goOn = resolve))
    const links: string[] = []
    disk.delay(({ kind, path }) => (kind === 'link' && links.push(path) === 1 ? held : undefined))
    // Has seen an empty directory, and stands still before it makes number 1.
    const slow = DirectoryLock.take(disk, PATH)
    slow.catch(() => {})
    while (links.length === 0) await new Promise((resolve) => setImmediate(resolve))
    await (await DirectoryLock.take(disk, PATH)).release()
    await DirectoryLock.take(disk, PATH)
    goOn()
    await expect(slow).rejects.toMatchObject(LOCKED)
    expect(locks(disk)).toEqual(['lock.2'])
  })

  it('is released on a full disk, and when its directory is gone', async () => {
    const disk = await directory()
    const lock = await DirectoryLock.take(disk, PATH)
    disk.capacity = disk.used
    await lock.release()
    disk.capacity = Infinity
    const next = await DirectoryLock.take(disk, PATH)
    for (const name of disk.files()) await disk.unlink(name)
    await next.release()
  })

  it('that cannot be made says why and leaves nothing behind', async () => {
    const disk = await directory()
    disk.failNext('write', 'ENOSPC')
    await expect(DirectoryLock.take(disk, PATH)).rejects.toMatchObject({
      code: 'ERR_STORE_FULL',
      message: 'cannot lock /outbox: the disk is full; free some space',
    })
    disk.failNext('open', 'EACCES')
    await expect(DirectoryLock.take(disk, PATH)).rejects.toMatchObject({ code: 'ERR_STORE_PERMISSION' })
    expect(locks(disk)).toEqual([])
  })
})

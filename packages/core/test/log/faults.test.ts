/** The segment log on a disk that fails. */
import { describe, expect, it } from 'vitest'
import { SegmentLog } from '@halyard/core/node'
import type { LogDamage, LogOptions } from '@halyard/core/node'
import { FaultDisk, keepUnsynced, loseUnsynced } from '@halyard/testkit'

const path = '/log'

async function open(disk: FaultDisk, options: Partial<LogOptions> = {}): Promise<{ log: SegmentLog; found: number[] }> {
  const found: number[] = []
  const log = await SegmentLog.open({ path, kind: 'TEST', disk, segmentBytes: 100, ...options }, ({ payload }) =>
    found.push(payload[0] ?? 0),
  )
  return { log, found }
}

const append = (log: SegmentLog, value: number): Promise<void> =>
  log.whenCommitted(log.append(new Uint8Array(30).fill(value)))

const segments = async (disk: FaultDisk): Promise<string[]> =>
  (await disk.readdir(path)).filter((name) => name.endsWith('.log')).sort()

/** As after a power cut: the owner is of an earlier boot. */
function restarted(disk: FaultDisk, fates = keepUnsynced): FaultDisk {
  const found = disk.powerCut(fates)
  for (const name of found.files()) if (name.includes('/lock.')) found.writeFile(name, Buffer.alloc(0))
  return found
}

describe('a segment log on a failing disk', () => {
  it('goes on dropping when a removal has failed once', async () => {
    const disk = new FaultDisk()
    const { log } = await open(disk)
    for (let value = 1; value <= 8; value++) await append(log, value)
    disk.failNext('unlink', 'EIO')
    await expect(log.dropBelow(5)).rejects.toMatchObject({ code: 'ERR_STORE_IO' })
    await log.dropBelow(5)
    await log.close()
    expect((await open(disk)).found[0]).toBe(5)
  })

  it('drops nothing more while it is not certain that a removal lasts', async () => {
    const disk = new FaultDisk()
    const { log } = await open(disk)
    for (let value = 1; value <= 8; value++) await append(log, value)
    disk.failNext('syncDirectory', 'EIO')
    await expect(log.dropBelow(3)).rejects.toMatchObject({ code: 'ERR_STORE_IO' })
    await expect(log.dropBelow(7)).rejects.toMatchObject({ code: 'ERR_STORE_IO' })
    // The removal is undone: what came behind it must be there still.
    const { found } = await open(restarted(disk, loseUnsynced))
    expect(found).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('never begins to count again, also when all is dropped while the next segment is being made', async () => {
    const disk = new FaultDisk()
    const { log } = await open(disk)
    await append(log, 1)
    await append(log, 2)
    let made = (): void => {}
    const stopDelay = disk.delay(({ kind }) =>
      kind === 'sync' ? new Promise<void>((resolve) => (made = resolve)) : undefined,
    )
    const third = append(log, 3)
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
    await log.dropBelow(3)
    const cut = restarted(disk, loseUnsynced)
    stopDelay()
    const { log: again } = await open(cut)
    expect(again.append(new Uint8Array(1))).toBe(3)
    await again.close()
    made()
    await third.catch(() => {})
  })

  it('does not fill the directory with segments in which nothing lasts', async () => {
    const disk = new FaultDisk()
    const { log } = await open(disk)
    await append(log, 1)
    const heal = disk.fail(({ kind }) => (kind === 'sync' ? 'EIO' : undefined))
    for (let value = 2; value < 30; value++) {
      await expect(append(log, value)).rejects.toMatchObject({ code: 'ERR_STORE_IO' })
    }
    expect((await segments(disk)).length).toBeLessThan(4)
    heal()
    await append(log, 30)
    await log.close()
    expect((await open(disk)).found).toEqual([1, 30])
  })

  it('believes no record that was given up, though the head of the segment behind it was never written', async () => {
    // With this seed a few bytes of the head are written.
    const disk = new FaultDisk({ seed: 2 })
    const { log } = await open(disk, { segmentBytes: 200 })
    await append(log, 1)
    // The sync fails, the cut too; then the head of the next segment cannot be written, nor its name removed.
    disk.failNext('sync', 'EIO')
    disk.failNext('truncate', 'EIO')
    const heal = disk.fail(({ kind, position }) =>
      (kind === 'write' && position === 0) || kind === 'unlink' ? 'EIO' : undefined,
    )
    await expect(append(log, 2)).rejects.toMatchObject({ code: 'ERR_STORE_IO' })
    heal()
    await append(log, 3)
    await log.close()
    const damages: LogDamage[] = []
    const { found } = await open(disk, { onDamage: (damage) => damages.push(damage) })
    expect(found).toEqual([1, 3])
    expect(damages.filter(({ lastMissing }) => lastMissing > 0)).toEqual([])
  })

  it('writes nothing behind what an earlier process failed to sync', async () => {
    const disk = new FaultDisk()
    const { log } = await open(disk)
    disk.failNext('sync', 'ENOSPC')
    await expect(append(log, 1)).rejects.toMatchObject({ code: 'ERR_STORE_FULL' })
    await log.close()
    // The head of the first segment is in doubt for good, though the next sync of it would succeed.
    const { log: again } = await open(disk)
    await append(again, 2)
    expect((await open(restarted(disk, loseUnsynced))).found).toEqual([2])
  })
})

import { describe, expect, it } from 'vitest'
import { SegmentLog } from '@halyard/core/node'
import { FaultDisk } from '@halyard/testkit'

const open = (disk: FaultDisk): Promise<SegmentLog> => SegmentLog.open({ path: '/log', kind: 'TEST', disk })

describe('the lock of a log', () => {
  it('is let go on a disk that is full, so that the same process can open it again', async () => {
    const disk = new FaultDisk()
    const log = await open(disk)
    disk.capacity = disk.used
    await log.close()
    disk.capacity = Infinity
    await (await open(disk)).close()
  })

  it('is let go when opening fails behind it, at whatever call', async () => {
    const whole = new FaultDisk()
    await (await open(whole)).close()
    for (let index = 0; index < whole.operations; index++) {
      const disk = new FaultDisk()
      const heal = disk.fail((operation) => (operation.index === index ? 'EIO' : undefined))
      await open(disk).then(
        (log) => log.close(),
        (error: unknown) => expect(error).toMatchObject({ name: 'StorageError', code: 'ERR_STORE_IO' }),
      )
      heal()
      await (await open(disk)).close()
    }
  })

  it('leaves nothing of takers that were killed', async () => {
    const disk = new FaultDisk()
    disk.writeFile('/log/.lock-0123456789ab', Buffer.from('half'))
    disk.writeFile('/log/lock.7', Buffer.from(JSON.stringify({ pid: 1, started: '1', bootId: 'an earlier boot' })))
    const log = await open(disk)
    expect((await disk.readdir('/log')).filter((name) => name.includes('lock'))).toEqual(['lock.8'])
    await log.close()
  })

  it('says so with a storage error when nothing helps', async () => {
    const disk = new FaultDisk()
    const log = await open(disk)
    disk.fail(() => 'EIO')
    await expect(log.close()).rejects.toThrow(
      expect.objectContaining({
        code: 'ERR_STORE_IO',
        message: expect.stringMatching(/^cannot unlock \/log: EIO/) as string,
      }),
    )
  })
})

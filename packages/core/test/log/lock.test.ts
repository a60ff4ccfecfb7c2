import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { SegmentLog, nodeClock } from '@halyard/core/node'
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

  const { bootId } = nodeClock()
  const stat = readFileSync('/proc/self/stat', 'latin1')
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  const { pid } = process

  it.each([
    ['a process that is gone', { pid: 2 ** 22 + 1, started: '1', bootId }],
    ['a process whose number another one has now', { pid, started: '1', bootId }],
    ['an earlier boot, though a process has its number and its time', { pid, started, bootId: 'earlier' }],
    ['nobody, torn by a power cut', '{"pid":12,"sta'],
    ['nobody, of zeros', '\0\0\0\0'],
    ['nobody: a value', 'null'],
  ])('is taken over from %s', async (_who, owner) => {
    const disk = new FaultDisk()
    disk.writeFile('/log/lock.3', Buffer.from(typeof owner === 'string' ? owner : JSON.stringify(owner)))
    const log = await open(disk)
    expect((await disk.readdir('/log')).filter((name) => name.includes('lock'))).toEqual(['lock.4'])
    await log.close()
  })

  it('is not taken from a process that lives, and the error names it', async () => {
    const disk = new FaultDisk()
    disk.writeFile('/log/lock.3', Buffer.from(JSON.stringify({ pid, started, bootId })))
    await expect(open(disk)).rejects.toThrow(
      '/log is in use: this process has it open already; stop that one first or use another directory',
    )
    expect(await disk.readdir('/log')).toEqual(['lock.3'])
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
        message: expect.stringMatching(/^cannot release \/log\/lock.1: EIO/) as string,
      }),
    )
  })
})

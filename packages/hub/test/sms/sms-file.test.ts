/** The file of lines: crashes, faults, and a program that takes it away. */
import { FaultDisk, crashMatrix, loseUnsynced } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import { openGateway, sms } from './support.ts'

const PATH = '/data/sms.jsonl'
const OLD = '/data/sms.1.jsonl'
const MIB = 1024 * 1024

async function newDisk(): Promise<FaultDisk> {
  const disk = new FaultDisk()
  await disk.mkdir('/data')
  return disk
}

const contentOf = (disk: FaultDisk, path = PATH): string => Buffer.from(disk.readFile(path)).toString()

/** The texts of the lines that are whole. */
function textsOf(disk: FaultDisk, path = PATH): string[] {
  const lines = contentOf(disk, path).split('\n').slice(0, -1)
  return lines.flatMap((line) => {
    try {
      return [(JSON.parse(line) as { text: string }).text]
    } catch {
      return []
    }
  })
}

describe('SMS in a file', () => {
  it('that arrive together share one sync, in their order', async () => {
    const disk = await newDisk()
    const { gateway } = await openGateway({ directory: '/data', disk })
    let syncs = 0
    disk.onOperation(({ kind }, when) => void (kind === 'sync' && when === 'after' && syncs++))
    const texts = Array.from({ length: 500 }, (_, index) => String(index))
    await Promise.all(texts.map((text) => gateway.take(sms(text))))
    expect(textsOf(disk)).toEqual(texts)
    expect(syncs).toBe(1)
    expect(textsOf(disk.powerCut(loseUnsynced))).toEqual(texts)
  })

  it('are those that were promised, wherever the power goes, and the next line is whole', async () => {
    const result = await crashMatrix<string>({
      async run({ disk, promise }) {
        await disk.mkdir('/data')
        for (let round = 0; round < 3; round++) {
          const { gateway } = await openGateway({ directory: '/data', disk, left: true })
          await Promise.all(
            ['a', 'b'].map(async (name) => {
              await gateway.take(sms(`${name}${round}`))
              promise(`${name}${round}`)
            }),
          )
        }
      },
      async check(disk, promises) {
        if (promises.length > 0) expect(textsOf(disk)).toEqual(expect.arrayContaining([...promises]))
        await disk.mkdir('/data')
        const { gateway } = await openGateway({ directory: '/data', disk, left: true })
        await gateway.take(sms('next'))
        expect(textsOf(disk).at(-1)).toBe('next')
        expect(textsOf(disk)).toEqual(expect.arrayContaining([...promises]))
      },
    })
    expect(result.disks).toBeGreaterThan(100)
  })

  it.each([
    ['a piece of a line is cut', '{"id":"1","text":"whole"}\n{"id":"2","te', '{"id":"1","text":"whole"}\n'],
    ['the first bytes of one are cut', '{"id":"1","text":"whole"}\n{"i', '{"id":"1","text":"whole"}\n'],
    ['zeros are cut', '{"id":"1","text":"whole"}\n\0\0\0\0', '{"id":"1","text":"whole"}\n'],
    ['a piece of the only line is cut', '{"id":"1', ''],
    ['a long piece is cut', `{"id":"1"}\n{"id":"${'x'.repeat(200_000)}`, '{"id":"1"}\n'],
    ['what somebody else wrote is kept and ended', 'my notes', 'my notes\n'],
  ])('after a crash: %s', async (_name, before, kept) => {
    const disk = await newDisk()
    disk.writeFile(PATH, Buffer.from(before))
    const { gateway } = await openGateway({ directory: '/data', disk })
    await gateway.take(sms('next'))
    expect(contentOf(disk).slice(0, kept.length)).toBe(kept)
    expect(contentOf(disk).slice(kept.length)).toMatch(/^\{"id":"id-\d+",.*"text":"next".*\}\n$/)
  })

  it('a write or sync that fails is told, and leaves nothing behind; the next is written by a new handle', async () => {
    const disk = await newDisk()
    const { gateway } = await openGateway({ directory: '/data', disk })
    await gateway.take(sms('a'))
    for (const kind of ['write', 'sync'] as const) {
      let opened = 0
      disk.failNext(kind, 'EIO', PATH)
      await expect(gateway.take(sms('lost'))).rejects.toMatchObject({ code: 'ERR_STORE_IO' })
      expect(textsOf(disk)).toEqual(kind === 'write' ? ['a'] : ['a', 'write'])
      const end = disk.onOperation(
        (operation, when) => void (operation.kind === 'open' && when === 'before' && opened++),
      )
      await gateway.take(sms(kind))
      expect(opened).toBeGreaterThan(0)
      end()
    }
    expect(textsOf(disk.powerCut(loseUnsynced))).toEqual(['a', 'write', 'sync'])
  })

  it('a directory whose new name cannot be synced is asked again before anything is taken', async () => {
    const disk = await newDisk()
    const { gateway } = await openGateway({ directory: '/data', disk })
    disk.failNext('syncDirectory', 'EIO', '/data')
    await expect(gateway.take(sms('a'))).rejects.toMatchObject({ code: 'ERR_STORE_IO' })
    let asked = 0
    disk.onOperation(({ kind }, when) => void (kind === 'syncDirectory' && when === 'after' && asked++))
    await gateway.take(sms('b'))
    await gateway.take(sms('c'))
    expect([asked, textsOf(disk)]).toEqual([1, ['b', 'c']])
  })

  it('a program renames the file away: the next line is in a new one, and none is lost', async () => {
    const disk = await newDisk()
    const { gateway } = await openGateway({ directory: '/data', disk })
    await gateway.take(sms('a'))
    await disk.rename(PATH, '/data/taken')
    await gateway.take(sms('b'))
    expect([textsOf(disk, '/data/taken'), textsOf(disk)]).toEqual([['a'], ['b']])
    await disk.unlink('/data/taken')
    expect(textsOf(disk.powerCut(loseUnsynced))).toEqual(['b'])
  })

  it('renamed in the very moment of a write: the lines are in the new file too', async () => {
    const disk = await newDisk()
    const { gateway } = await openGateway({ directory: '/data', disk })
    await gateway.take(sms('a'))
    let read: string[] | undefined
    const end = disk.delay((operation) => {
      if (operation.kind !== 'write') return undefined
      end()
      // Before the write has its effect the other program has taken all that it will.
      return (async () => {
        await disk.rename(PATH, '/data/taken')
        read = textsOf(disk, '/data/taken')
      })()
    })
    await gateway.take(sms('b'))
    expect([read, textsOf(disk)]).toEqual([['a'], ['b']])
  })

  it('taken away each time: told, not tried for ever', async () => {
    const disk = await newDisk()
    const { gateway } = await openGateway({ directory: '/data', disk })
    disk.delay(({ kind }) => (kind === 'sync' ? disk.rename(PATH, '/data/taken') : undefined))
    await expect(gateway.take(sms('a'))).rejects.toMatchObject({
      code: 'ERR_HUB_SMS_FILE',
      message: `${PATH} is taken away as fast as it is made; empty it less often`,
    })
  })

  it('at 16 MiB becomes sms.1.jsonl, of which there is one', async () => {
    const disk = await newDisk()
    const full = (mark: string): Buffer => Buffer.from(`${mark.repeat(16 * MIB - 1)}\n`)
    disk.writeFile(OLD, Buffer.from('oldest\n'))
    disk.writeFile(PATH, full('o'))
    const { gateway, log } = await openGateway({ directory: '/data', disk })
    await gateway.take(sms('a'))
    expect([textsOf(disk), disk.readFile(OLD).length]).toEqual([['a'], 16 * MIB])
    expect(log.lines.filter(({ level }) => level === 'warn')).toEqual([
      {
        level: 'warn',
        message: 'hologram: nobody empties the file of SMS: it was renamed, and the one renamed before is gone',
        object: { path: PATH, old: OLD },
      },
    ])
    const found = disk.powerCut(loseUnsynced)
    expect([textsOf(found), found.readFile(OLD).length]).toEqual([['a'], 16 * MIB])
  })

  it('that the disk does not write in time are told so, and do not fill the memory', async () => {
    const disk = await newDisk()
    const { gateway } = await openGateway({ directory: '/data', disk })
    let release = (): void => {}
    const gate = new Promise<void>((resolve) => (release = resolve))
    disk.delay(({ kind }) => (kind === 'sync' ? gate : undefined))
    const large = 'x'.repeat(MIB)
    const outcomes = Array.from({ length: 20 }, () =>
      gateway.take(sms(large)).then(
        () => 'taken',
        (error: { readonly code?: string }) => error.code,
      ),
    )
    expect(await outcomes[19]).toBe('ERR_HUB_SMS_FILE')
    release()
    const all = await Promise.all(outcomes)
    expect(new Set(all)).toEqual(new Set(['taken', 'ERR_HUB_SMS_FILE']))
    expect(textsOf(disk).length).toBe(all.filter((outcome) => outcome === 'taken').length)
  })

  it('close waits for what is being written, and nothing is taken after it', async () => {
    const disk = await newDisk()
    const { gateway } = await openGateway({ directory: '/data', disk })
    const taken = gateway.take(sms('last'))
    await gateway.close()
    await taken
    await expect(gateway.take(sms('late'))).rejects.toThrow('the hub is closed; start it again')
    expect(textsOf(disk)).toEqual(['last'])
  })
})

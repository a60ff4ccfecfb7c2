import { describe, expect, it } from 'vitest'
import { FaultDisk, keepUnsynced, loseUnsynced, seededRandom } from '@halyard/testkit'
import type { DiskOperationKind, Fate, PowerCutChoices, UnsyncedChange } from '@halyard/testkit'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (disk: FaultDisk, path: string): string => Buffer.from(disk.readFile(path)).toString()

/** One fate per kind of change, the others are lost. */
const fates =
  (wanted: Partial<Record<UnsyncedChange['kind'], Fate>>): PowerCutChoices =>
  (unsynced) =>
    unsynced.map(({ kind }) => wanted[kind] ?? 'lost')

async function fileOf(disk: FaultDisk, path: string, content: string): ReturnType<FaultDisk['open']> {
  const file = await disk.open(path, 'create')
  await file.write(bytes(content), 0)
  await file.sync()
  await disk.syncDirectory(path.slice(0, path.lastIndexOf('/')) || '/')
  return file
}

describe('a power cut', () => {
  it('keeps data behind a sync, and only that for certain', async () => {
    const disk = new FaultDisk()
    const file = await fileOf(disk, '/log', 'synced')
    await file.write(bytes(' later'), 6)
    expect(disk.unsynced()).toEqual([
      { operation: 4, kind: 'write', path: '/log', position: 6, length: 6, doubtful: false },
    ])
    expect(text(disk, '/log')).toBe('synced later')
    expect(text(disk.powerCut(loseUnsynced), '/log')).toBe('synced')
    expect(text(disk.powerCut(keepUnsynced), '/log')).toBe('synced later')
  })

  it('keeps no name without a sync of its directory, be the data synced or not', async () => {
    const disk = new FaultDisk()
    await disk.mkdir('/a/b')
    const file = await disk.open('/a/b/log', 'create')
    await file.write(bytes('data'), 0)
    await file.sync()
    expect(disk.powerCut(loseUnsynced).files()).toEqual([])
    await disk.powerCut(keepUnsynced).readdir('/a/b')
  })

  it('keeps the directories that mkdir made, as the port promises, and not what is in them', async () => {
    const disk = new FaultDisk()
    await disk.mkdir('/a/b')
    await disk.open('/a/b/log', 'create')
    const found = disk.powerCut(loseUnsynced)
    expect(await found.readdir('/a')).toEqual(['b'])
    expect(await found.readdir('/a/b')).toEqual([])
  })

  it('tears a write at any byte', async () => {
    const disk = new FaultDisk()
    const file = await fileOf(disk, '/log', '....')
    await file.write(bytes('abcdef'), 2)
    expect(text(disk.powerCut(fates({ write: { prefix: 3 } })), '/log')).toBe('..abc')
    expect(text(disk.powerCut(fates({ write: { prefix: 0 } })), '/log')).toBe('....')
  })

  it('tears a write by sectors, which lie as the file has them', async () => {
    const disk = new FaultDisk()
    const file = await fileOf(disk, '/log', 'x'.repeat(500))
    await file.write(bytes('y'.repeat(1000)), 500)
    const after = (grown: boolean, ...sectors: boolean[]): string =>
      text(disk.powerCut(fates({ write: { sectors, grown } })), '/log')
    expect(after(false, true, false, false)).toBe('x'.repeat(500) + 'y'.repeat(12))
    expect(after(false, false, true, false)).toBe('x'.repeat(500) + '\0'.repeat(12) + 'y'.repeat(512))
    expect(after(true, true, false, false)).toBe('x'.repeat(500) + 'y'.repeat(12) + '\0'.repeat(988))
    expect(after(true, false, false, false)).toBe('x'.repeat(500) + '\0'.repeat(1000))
  })

  it('undoes a truncate that was not synced', async () => {
    const disk = new FaultDisk()
    const file = await fileOf(disk, '/log', 'abcdef')
    await file.truncate(2)
    expect(text(disk.powerCut(loseUnsynced), '/log')).toBe('abcdef')
    expect(text(disk.powerCut(keepUnsynced), '/log')).toBe('ab')
  })

  it('may keep a later write and lose an earlier one', async () => {
    const disk = new FaultDisk()
    const file = await fileOf(disk, '/log', '')
    await file.write(bytes('ab'), 0)
    await file.write(bytes('cd'), 2)
    expect(
      text(
        disk.powerCut((unsynced) => unsynced.map((_, index) => (index === 1 ? 'kept' : 'lost'))),
        '/log',
      ),
    ).toBe('\0\0cd')
  })

  it('brings a removed file back, with its synced content', async () => {
    const disk = new FaultDisk()
    await fileOf(disk, '/old', 'content')
    await disk.unlink('/old')
    expect(text(disk.powerCut(loseUnsynced), '/old')).toBe('content')
    expect(disk.powerCut(keepUnsynced).files()).toEqual([])
  })

  it('renames within a directory wholly or not at all', async () => {
    const disk = new FaultDisk()
    await fileOf(disk, '/a', 'new')
    await fileOf(disk, '/b', 'old')
    await disk.rename('/a', '/b')
    const before = disk.powerCut(loseUnsynced)
    expect([before.files(), text(before, '/b')]).toEqual([['/a', '/b'], 'old'])
    const after = disk.powerCut(keepUnsynced)
    expect([after.files(), text(after, '/b')]).toEqual([['/b'], 'new'])
  })

  it('leaves a file renamed across directories with both names, or with none', async () => {
    const disk = new FaultDisk()
    await disk.mkdir('/d')
    await disk.syncDirectory('/')
    await fileOf(disk, '/a', 'moved')
    await disk.rename('/a', '/d/a')
    const found = new Set<string>()
    for (const first of ['kept', 'lost'] as const) {
      for (const second of ['kept', 'lost'] as const)
        found.add(
          disk
            .powerCut(() => [first, second])
            .files()
            .join(),
        )
    }
    expect(found).toEqual(new Set(['/a', '/d/a', '/a,/d/a', '']))
  })

  it('keeps two names of a file one file', async () => {
    const disk = new FaultDisk()
    await fileOf(disk, '/a', 'one')
    await disk.link('/a', '/b')
    const after = disk.powerCut(keepUnsynced)
    const file = await after.open('/a', 'write')
    await file.write(bytes('two'), 0)
    expect(text(after, '/b')).toBe('two')
    expect(after.used).toBe(3)
  })

  it('is the same again from the same seed, and another from another', async () => {
    const outcomes = new Set<string>()
    for (let seed = 0; seed < 200; seed++) {
      const disk = new FaultDisk()
      const file = await fileOf(disk, '/log', '')
      for (let index = 0; index < 3; index++) await file.write(bytes('abc'), index * 3)
      const once = text(disk.powerCut(seededRandom(seed)), '/log')
      expect(text(disk.powerCut(seededRandom(seed)), '/log')).toBe(once)
      outcomes.add(once)
    }
    for (const likely of ['', 'abc', 'abcabc', 'abcabcabc', 'abcab', '\0\0\0\0\0\0abc'])
      expect(outcomes).toContain(likely)
  })

  it('is the end of the disk it befell', async () => {
    const disk = new FaultDisk()
    const file = await fileOf(disk, '/log', 'data')
    const after = disk.powerCut(loseUnsynced)
    await expect(file.write(bytes('x'), 0)).rejects.toThrow('EIO: i/o error, write')
    await expect(disk.readdir('/')).rejects.toThrow("EIO: i/o error, scandir '/'")
    expect(await after.readdir('/')).toEqual(['log'])
  })
})

describe('a sync', () => {
  it('covers what was written before it began, not what it was not waited for', async () => {
    const disk = new FaultDisk()
    const file = await fileOf(disk, '/log', '')
    await Promise.all([file.write(bytes('late'), 0), file.sync()])
    expect(text(disk.powerCut(loseUnsynced), '/log')).toBe('')
  })

  it('that failed leaves its writes in doubt, whatever a later one says', async () => {
    const disk = new FaultDisk()
    const file = await fileOf(disk, '/log', '')
    await file.write(bytes('doubt'), 0)
    disk.failNext('sync', 'EIO')
    await expect(file.sync()).rejects.toMatchObject({
      code: 'EIO',
      syscall: 'fdatasync',
      message: 'EIO: i/o error, fdatasync',
    })
    await file.write(bytes('sure'), 5)
    await file.sync()
    expect(text(disk, '/log')).toBe('doubtsure')
    expect(disk.unsynced()).toMatchObject([{ kind: 'write', position: 0, doubtful: true }])
    expect(text(disk.powerCut(loseUnsynced), '/log')).toBe('\0\0\0\0\0sure')
    expect(text(disk.powerCut(keepUnsynced), '/log')).toBe('doubtsure')
  })

  it('of a directory that failed leaves its names in doubt', async () => {
    const disk = new FaultDisk()
    const file = await disk.open('/log', 'create')
    disk.failNext('syncDirectory', 'EIO', '/')
    await expect(disk.syncDirectory('/')).rejects.toThrow('EIO: i/o error, fsync')
    await disk.syncDirectory('/')
    await file.close()
    expect(disk.powerCut(loseUnsynced).files()).toEqual([])
  })
})

describe('failures', () => {
  it('come to every kind of call, once, as node:fs would say them', async () => {
    const disk = new FaultDisk()
    disk.writeFile('/d/a', bytes('abc'))
    const file = await disk.open('/d/a', 'write')
    const calls: Record<DiskOperationKind, () => Promise<unknown>> = {
      open: () => disk.open('/d/a', 'read'),
      write: () => file.write(bytes('x'), 0),
      read: () => file.read(new Uint8Array(1), 0),
      sync: () => file.sync(),
      truncate: () => file.truncate(3),
      size: () => file.size(),
      readdir: () => disk.readdir('/d'),
      mkdir: () => disk.mkdir('/e'),
      link: () => disk.link('/d/a', '/d/b'),
      rename: () => disk.rename('/d/a', '/d/a'),
      unlink: () => disk.unlink('/d/b'),
      syncDirectory: () => disk.syncDirectory('/d'),
      close: () => file.close(),
    }
    const messages: string[] = []
    for (const [kind, call] of Object.entries(calls)) {
      disk.failNext(kind as DiskOperationKind, 'EIO')
      const error = await call().catch((reason: NodeJS.ErrnoException) => reason)
      expect(error).toMatchObject({ code: 'EIO', errno: -5 })
      messages.push((error as Error).message)
      await call()
    }
    expect(messages).toEqual([
      "EIO: i/o error, open '/d/a'",
      'EIO: i/o error, write',
      'EIO: i/o error, read',
      'EIO: i/o error, fdatasync',
      'EIO: i/o error, ftruncate',
      'EIO: i/o error, fstat',
      "EIO: i/o error, scandir '/d'",
      "EIO: i/o error, mkdir '/e'",
      "EIO: i/o error, link '/d/a' -> '/d/b'",
      "EIO: i/o error, rename '/d/a' -> '/d/a'",
      "EIO: i/o error, unlink '/d/b'",
      'EIO: i/o error, fsync',
      'EIO: i/o error, close',
    ])
  })

  it('follow a rule until it ends', async () => {
    const disk = new FaultDisk()
    const end = disk.fail(({ kind, path }) => (kind === 'open' && path.startsWith('/full') ? 'ENOSPC' : undefined))
    await expect(disk.open('/full', 'create')).rejects.toThrow("ENOSPC: no space left on device, open '/full'")
    await disk.open('/other', 'create')
    end()
    await disk.open('/full', 'create')
  })

  it('of a write leave a part of it, the same part for the same seed', async () => {
    const part = async (seed: number): Promise<number> => {
      const disk = new FaultDisk({ seed })
      const file = await fileOf(disk, '/log', '')
      disk.failNext('write', 'ENOSPC')
      await expect(file.write(bytes('x'.repeat(1000)), 0)).rejects.toThrow('ENOSPC: no space left on device, write')
      return file.size()
    }
    expect(await part(1)).toBe(await part(1))
    expect(await part(1)).not.toBe(await part(2))
  })

  it('come by themselves when the disk is full, and end when there is room', async () => {
    const disk = new FaultDisk({ capacity: 10 })
    const file = await fileOf(disk, '/a', '123456')
    const other = await disk.open('/b', 'create')
    await expect(other.write(bytes('abcdef'), 0)).rejects.toThrow('ENOSPC: no space left on device, write')
    expect([text(disk, '/b'), disk.used]).toEqual(['abcd', 10])
    await file.write(bytes('654321'), 0)
    await disk.unlink('/a')
    await other.write(bytes('ef'), 4)
    expect(text(disk, '/b')).toBe('abcdef')
  })

  it('with a name that no system knows are refused', () => {
    const disk = new FaultDisk()
    disk.failNext('readdir', 'EWHATEVER')
    return expect(disk.readdir('/')).rejects.toThrow('no system error is called EWHATEVER; give one like EIO or ENOSPC')
  })
})

describe('a delay', () => {
  it('holds an operation until its promise is done', async () => {
    const disk = new FaultDisk()
    const file = await fileOf(disk, '/log', '')
    let release = (): void => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    const end = disk.delay(({ kind }) => (kind === 'sync' ? held : undefined))
    await file.write(bytes('before'), 0)
    const sync = file.sync()
    await file.write(bytes(' during'), 6)
    expect(disk.unsynced()).toHaveLength(2)
    release()
    await sync
    expect(disk.unsynced()).toMatchObject([{ position: 6 }])
    end()
  })
})

describe('corruption', () => {
  it('flips bits of one byte', () => {
    const disk = new FaultDisk()
    disk.writeFile('/a/b', bytes('abc'))
    disk.corrupt('/a/b', 1, 0x20)
    disk.corrupt('/a/b', -1, 0x20)
    expect(text(disk, '/a/b')).toBe('aBC')
    expect(() => disk.corrupt('/a/b', 3)).toThrow('no byte 3 in /a/b; it has 3 bytes')
    expect(() => disk.readFile('/none')).toThrow("ENOENT: no such file or directory, open '/none'")
  })

  it('is there after a power cut like everything that is on the medium', () => {
    const disk = new FaultDisk()
    disk.writeFile('/a', bytes('abc'))
    disk.corrupt('/a', 0, 0x20)
    expect(text(disk.powerCut(loseUnsynced), '/a')).toBe('Abc')
  })
})

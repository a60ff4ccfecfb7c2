import assert from 'node:assert/strict'
import type { Disk } from '@halyard/core/node'
import type { ContractCase } from '../contract.ts'

export interface DiskUnderTest {
  readonly disk: Disk
  /** A directory that exists and is empty; all cases stay below it. */
  readonly directory: string
  /** Called after each case. */
  readonly release?: () => Promise<void>
}

/**
 * What every `Disk` does while the power stays on, as cases for any test runner. Each case asks for a disk of its own.
 *
 * @example
 * ```ts
 * import { FaultDisk, diskContract } from '@halyard/testkit'
 *
 * const cases = diskContract(async () => ({ disk: new FaultDisk(), directory: '/' }))
 * for (const { run } of cases) await run()
 * console.log(cases[0]?.name) // create makes an empty file that can be written and read
 * ```
 */
export function diskContract(makeDisk: () => Promise<DiskUnderTest>): ContractCase[] {
  const cases: ContractCase[] = []
  const add = (name: string, body: (disk: Disk, at: (name: string) => string) => Promise<void>): void => {
    const run = async (): Promise<void> => {
      const { disk, directory, release } = await makeDisk()
      try {
        await body(disk, (file) => `${directory.replace(/\/$/, '')}/${file}`)
      } finally {
        await release?.()
      }
    }
    cases.push({ name, run })
  }

  add('create makes an empty file that can be written and read', async (disk, at) => {
    const file = await disk.open(at('a'), 'create')
    assert.equal(await file.size(), 0)
    await file.write(bytes('halyard'), 0)
    assert.equal(await text(file, 0, 7), 'halyard')
    await file.close()
  })
  add('create of a taken name is EEXIST and leaves the file', async (disk, at) => {
    await put(disk, at('a'), 'one')
    await rejects(disk.open(at('a'), 'create'), 'EEXIST', 'open', at('a'))
    assert.equal(await content(disk, at('a')), 'one')
  })
  add('open of a missing file is ENOENT, for reading and for writing', async (disk, at) => {
    await rejects(disk.open(at('none'), 'read'), 'ENOENT', 'open', at('none'))
    await rejects(disk.open(at('none'), 'write'), 'ENOENT', 'open', at('none'))
    await rejects(disk.open(at('none/a'), 'create'), 'ENOENT', 'open', at('none/a'))
  })
  add('a file in the place of a directory is ENOTDIR', async (disk, at) => {
    await put(disk, at('a'), '')
    await rejects(disk.open(at('a/b'), 'create'), 'ENOTDIR', 'open', at('a/b'))
    await rejects(disk.readdir(at('a')), 'ENOTDIR', 'scandir', at('a'))
    await rejects(disk.mkdir(at('a/b')), 'ENOTDIR', 'mkdir')
    await rejects(disk.mkdir(at('a')), 'EEXIST', 'mkdir', at('a'))
  })
  add('a directory cannot be opened for writing', async (disk, at) => {
    await disk.mkdir(at('d'))
    await rejects(disk.open(at('d'), 'write'), 'EISDIR', 'open', at('d'))
    await rejects(disk.open(at('d'), 'create'), 'EEXIST', 'open', at('d'))
  })
  add('open for writing keeps the content, and a read handle cannot write', async (disk, at) => {
    await put(disk, at('a'), 'abcdef')
    const writer = await disk.open(at('a'), 'write')
    await writer.write(bytes('XY'), 2)
    assert.equal(await text(writer, 0, 6), 'abXYef')
    await writer.close()
    const reader = await disk.open(at('a'), 'read')
    await rejects(reader.write(bytes('no'), 0), 'EBADF', 'write')
    await rejects(reader.truncate(0), 'EINVAL', 'ftruncate')
    assert.equal(await text(reader, 0, 6), 'abXYef')
    await reader.close()
  })
  add('two handles of a file see the same bytes', async (disk, at) => {
    const one = await disk.open(at('a'), 'create')
    const two = await disk.open(at('a'), 'read')
    await one.write(bytes('seen'), 0)
    assert.equal(await text(two, 0, 4), 'seen')
    await one.close()
    await two.close()
  })
  add('read stops at the end of the file and leaves the rest of the buffer', async (disk, at) => {
    await put(disk, at('a'), 'abcdef')
    const file = await disk.open(at('a'), 'read')
    const into = new Uint8Array(4).fill(0x2e)
    assert.equal(await file.read(into, 4), 2)
    assert.equal(Buffer.from(into).toString(), 'ef..')
    assert.equal(await file.read(into, 6), 0)
    assert.equal(await file.read(into, 600), 0)
    assert.equal(await file.read(new Uint8Array(), 0), 0)
    await file.close()
  })
  add('a write behind the end leaves zeros between, an empty one leaves nothing', async (disk, at) => {
    const file = await disk.open(at('a'), 'create')
    await file.write(new Uint8Array(), 100)
    assert.equal(await file.size(), 0)
    await file.write(bytes('z'), 3)
    assert.equal(await text(file, 0, 9), '\0\0\0z')
    await file.close()
  })
  add('truncate shortens, and lengthens with zeros', async (disk, at) => {
    const file = await disk.open(at('a'), 'create')
    await file.write(bytes('abcdef'), 0)
    await file.truncate(2)
    assert.equal(await file.size(), 2)
    await file.truncate(4)
    assert.equal(await text(file, 0, 9), 'ab\0\0')
    await file.sync()
    await file.close()
  })
  add('a large write is whole', async (disk, at) => {
    const large = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251)
    const file = await disk.open(at('a'), 'create')
    await file.write(large, 7)
    const into = new Uint8Array(300_000)
    assert.equal(await file.read(into, 7), 300_000)
    assert.deepEqual(into, large)
    await file.close()
  })
  add('bytes can be used again once the write is done', async (disk, at) => {
    const file = await disk.open(at('a'), 'create')
    const bytesAgain = bytes('first')
    await file.write(bytesAgain, 0)
    bytesAgain.fill(0)
    assert.equal(await text(file, 0, 5), 'first')
    await file.close()
  })
  add('readdir names files and directories, and nothing else', async (disk, at) => {
    await disk.mkdir(at('d/e'))
    await put(disk, at('d/a'), '')
    assert.deepEqual((await disk.readdir(at('d'))).toSorted(), ['a', 'e'])
    assert.deepEqual(await disk.readdir(at('d/e')), [])
    await rejects(disk.readdir(at('none')), 'ENOENT', 'scandir', at('none'))
  })
  add('mkdir makes parents and may be repeated', async (disk, at) => {
    await disk.mkdir(at('x/y/z'))
    await disk.mkdir(at('x/y/z'))
    assert.deepEqual(await disk.readdir(at('x/y')), ['z'])
  })
  add('link gives a second name to the same file, never to a taken one', async (disk, at) => {
    await put(disk, at('a'), 'one')
    await put(disk, at('taken'), 'two')
    await disk.link(at('a'), at('b'))
    const file = await disk.open(at('a'), 'write')
    await file.write(bytes('O'), 0)
    await file.close()
    assert.equal(await content(disk, at('b')), 'One')
    await rejects(disk.link(at('a'), at('taken')), 'EEXIST', 'link', at('a'))
    await rejects(disk.link(at('none'), at('c')), 'ENOENT', 'link', at('none'))
    assert.equal(await content(disk, at('taken')), 'two')
    await disk.unlink(at('a'))
    assert.equal(await content(disk, at('b')), 'One')
  })
  add('rename takes the place of the file with the new name', async (disk, at) => {
    await put(disk, at('new'), 'new')
    await put(disk, at('old'), 'old')
    await disk.rename(at('new'), at('old'))
    assert.equal(await content(disk, at('old')), 'new')
    await rejects(disk.open(at('new'), 'read'), 'ENOENT', 'open', at('new'))
    await rejects(disk.rename(at('none'), at('old')), 'ENOENT', 'rename', at('none'))
  })
  add('rename moves between directories, whole directories too', async (disk, at) => {
    await disk.mkdir(at('d'))
    await put(disk, at('a'), 'moved')
    await disk.rename(at('a'), at('d/b'))
    await disk.rename(at('d'), at('e'))
    assert.equal(await content(disk, at('e/b')), 'moved')
    await rejects(disk.rename(at('e'), at('e/f')), 'EINVAL', 'rename', at('e'))
    await rejects(disk.rename(at('e/b'), at('e')), 'ENOTEMPTY', 'rename', at('e/b'))
    await disk.mkdir(at('f'))
    await rejects(disk.rename(at('e/b'), at('f')), 'EISDIR', 'rename', at('e/b'))
    await rejects(disk.rename(at('f'), at('e/b')), 'ENOTDIR', 'rename', at('f'))
    await rejects(disk.rename(at('f'), at('e')), 'ENOTEMPTY', 'rename', at('f'))
  })
  add('rename between two names of one file leaves both', async (disk, at) => {
    await put(disk, at('a'), 'same')
    await disk.link(at('a'), at('b'))
    await disk.rename(at('a'), at('b'))
    assert.equal(await content(disk, at('a')), 'same')
    assert.equal(await content(disk, at('b')), 'same')
  })
  add('unlink takes the name, an open file stays usable', async (disk, at) => {
    await put(disk, at('a'), 'still')
    const file = await disk.open(at('a'), 'write')
    await disk.unlink(at('a'))
    await rejects(disk.unlink(at('a')), 'ENOENT', 'unlink', at('a'))
    await file.write(bytes('!'), 5)
    assert.equal(await text(file, 0, 9), 'still!')
    await file.sync()
    await file.close()
    assert.deepEqual(await disk.readdir(at('')), [])
  })
  add('syncDirectory of a missing directory is ENOENT', async (disk, at) => {
    await disk.mkdir(at('d'))
    await disk.syncDirectory(at('d'))
    await rejects(disk.syncDirectory(at('none')), 'ENOENT', 'open')
  })
  return cases
}

function bytes(string: string): Uint8Array {
  return new TextEncoder().encode(string)
}

async function put(disk: Disk, path: string, string: string): Promise<void> {
  const file = await disk.open(path, 'create')
  await file.write(bytes(string), 0)
  await file.close()
}

async function content(disk: Disk, path: string): Promise<string> {
  const file = await disk.open(path, 'read')
  const string = await text(file, 0, await file.size())
  await file.close()
  return string
}

async function text(
  file: { read(into: Uint8Array, position: number): Promise<number> },
  position: number,
  length: number,
): Promise<string> {
  const into = new Uint8Array(length)
  return Buffer.from(into.subarray(0, await file.read(into, position))).toString()
}

async function rejects(promise: Promise<unknown>, code: string, syscall: string, path?: string): Promise<void> {
  const error = await promise.then(
    () => assert.fail(`${syscall} succeeded; expected ${code}`),
    (reason: NodeJS.ErrnoException) => reason,
  )
  assert.deepEqual({ code: error.code, syscall: error.syscall }, { code, syscall }, error.message)
  if (path !== undefined) assert.equal(error.path, path)
  assert.ok(error.message.startsWith(`${code}: `) && error.message.includes(`, ${syscall}`), error.message)
}

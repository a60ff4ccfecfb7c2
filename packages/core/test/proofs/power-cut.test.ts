/** The tools of the power cut: what strace writes, and what a disk may keep of it. */
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seededRandom } from '@halyard/testkit'
import { DiskModel } from '../../../../proofs/power-cut/disk-model.ts'
import { bytesOf, nameOf, parseStrace, textOf } from '../../../../proofs/power-cut/strace.ts'

const hex = (text: string): string =>
  `"${[...Buffer.from(text)].map((byte) => String.raw`\x${byte.toString(16).padStart(2, '0')}`).join('')}"`

describe('parseStrace', () => {
  it('reads calls, strings in hex and descriptors with their paths', () => {
    const { calls } = parseStrace(`7  pwrite64(17<\\x2f\\x61>, ${hex('a, "b")')}, 7, 32) = 7\n`)
    expect(calls[1]).toMatchObject({ name: 'pwrite64', result: 7 })
    expect(calls[1]?.args.slice(2)).toEqual(['7', '32'])
    expect(textOf(calls[1]?.args[1])).toBe('a, "b")')
  })

  it('puts the halves of a call together, and keeps the order of entrances and exits', () => {
    const { calls, events } = parseStrace(
      [
        `7  fdatasync(17</a> <unfinished ...>`,
        `8  write(1<pipe:[5]>, ${hex('hello')}, 5) = 5`,
        `7  <... fdatasync resumed>)          = 0`,
        `8  fsync(18</b> <unfinished ...>`,
        `8  +++ killed by SIGKILL +++`,
      ].join('\n'),
    )
    expect(calls.slice(1).map(({ name, begin, end, result }) => [name, begin, end, result])).toEqual([
      ['fdatasync', 1, 4, 0],
      ['write', 2, 3, 5],
      ['fsync', 5, Infinity, -1],
    ])
    expect(events).toBe(6)
  })

  it('reads what writev gathers, and errors', () => {
    const { calls } = parseStrace(
      `7  writev(3, [{iov_base=${hex('a')}, iov_len=1}, {iov_base=${hex('b')}, iov_len=1}], 2) = 2\n` +
        `7  link(${hex('/x')}, ${hex('/y')}) = -1 EEXIST (File exists)\n`,
    )
    expect(bytesOf(calls[1]?.args[1]).toString()).toBe('ab')
    expect(calls[2]).toMatchObject({ name: 'link', result: -1 })
  })

  it('reads what stands behind a descriptor, in either way of writing it', () => {
    expect(['1<pipe:[5]>', String.raw`21<\x73\x6f\x63\x6b\x65\x74\x3a\x5b\x37\x5d>`, '3'].map(nameOf)).toEqual([
      'pipe:[5]',
      'socket:[7]',
      '',
    ])
  })

  it('passes over a call that a killed thread had not entered', () => {
    const { calls } = parseStrace(`7  ???()                             = ?\n7  +++ killed by SIGKILL +++\n`)
    expect(calls.slice(1)).toEqual([])
  })

  it('refuses a string that strace cut off, and a half that nothing began', () => {
    expect(() => bytesOf(`${hex('a')}...`)).toThrow('strace cut a string off')
    expect(() => parseStrace('7  <... write resumed>) = 5')).toThrow('never began')
  })
})

describe('DiskModel', () => {
  let target: string
  beforeEach(async () => {
    target = await mkdtemp(join(tmpdir(), 'halyard-model-'))
  })
  afterEach(() => rm(target, { recursive: true, force: true }))

  const CREATE = `1  openat(AT_FDCWD, ${hex('/r/f')}, O_RDWR|O_CREAT|O_EXCL, 0600) = 5`
  const OPEN_DIRECTORY = `1  openat(AT_FDCWD, ${hex('/r')}, O_RDONLY) = 6`

  /** Everything that is ever found, over many cuts behind the last line. */
  async function outcomes(...lines: string[]): Promise<Set<string>> {
    const trace = parseStrace(lines.join('\n'))
    const model = new DiskModel('/r', trace)
    const seen = new Set<string>()
    for (let seed = 0; seed < 150; seed++) {
      await model.materialise(trace.events, seededRandom(seed), target)
      const names = await readdir(target)
      const found = await Promise.all(
        names.map(async (name) => `${name}=${await readFile(join(target, name), 'utf8')}`),
      )
      seen.add(found.join())
    }
    return seen
  }

  it('keeps what was synced, name and data, and any part of what was not', async () => {
    const write = `1  pwrite64(5, ${hex('ab')}, 2, 0) = 2`
    expect(await outcomes(CREATE, write)).toEqual(new Set(['', 'f=', 'f=a', 'f=ab']))
    expect(await outcomes(CREATE, write, '1  fdatasync(5) = 0')).toEqual(new Set(['', 'f=ab']))
    const names = [OPEN_DIRECTORY, '1  fsync(6) = 0']
    expect(await outcomes(CREATE, write, '1  fdatasync(5) = 0', ...names)).toEqual(new Set(['f=ab']))
  })

  it('lets a sync cover only what was done when it began, and a failed one nothing', async () => {
    const during = [
      '1  fdatasync(5 <unfinished ...>',
      `2  pwrite64(5, ${hex('b')}, 1, 0) = 1`,
      '1  <... fdatasync resumed>) = 0',
    ]
    const named = [CREATE, OPEN_DIRECTORY, '1  fsync(6) = 0']
    expect(await outcomes(...named, `1  pwrite64(5, ${hex('a')}, 1, 0) = 1`, ...during)).toEqual(
      new Set(['f=a', 'f=b']),
    )
    const failed = [`1  pwrite64(5, ${hex('a')}, 1, 0) = 1`, '1  fdatasync(5) = -1 EIO (x)', '1  fdatasync(5) = 0']
    expect(await outcomes(...named, ...failed)).toEqual(new Set(['f=', 'f=a']))
  })

  it('refuses calls that it does not know', () => {
    expect(() => new DiskModel('/r', parseStrace(`1  truncate(${hex('/r/f')}, 3) = 0`))).toThrow(
      'does not know truncate',
    )
  })
})

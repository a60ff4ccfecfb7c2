import { appendFile, mkdtemp, open, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SegmentLog, nodeDisk, readLog } from '@halyard/core/node'
import type { Disk, LogDamage, LogRecord } from '@halyard/core/node'

let path: string
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'halyard-log-')), 'log')
})
afterEach(() => rm(join(path, '..'), { recursive: true, force: true }))

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (record: LogRecord): string => Buffer.from(record.payload).toString()

async function write(texts: readonly string[], segmentBytes?: number): Promise<void> {
  await using log = await SegmentLog.open({ path, kind: 'TEST', segmentBytes })
  for (const text of texts) await log.whenCommitted(log.append(bytes(text)))
}

async function read(options: { readOnly?: boolean; onDamage?: (damage: LogDamage) => void } = {}): Promise<string[]> {
  const found: string[] = []
  const log = await SegmentLog.open({ path, kind: 'TEST', ...options }, (record) => found.push(textOf(record)))
  await log.close()
  return found
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `record ${index + 1}`)

describe('SegmentLog', () => {
  it('gives back in order what was appended, in a later process too', async () => {
    await write(['one', 'two'])
    await write(['three'])
    expect(await read()).toEqual(['one', 'two', 'three'])
  })

  it('tells waiters in order, with numbers from 1 and the place of each record', async () => {
    await using log = await SegmentLog.open({ path, kind: 'TEST' })
    const told: number[] = []
    const places: { segment: number; offset: number }[] = []
    const failed = (): void => {}
    for (let index = 0; index < 3000; index++) {
      log.append(bytes(`record ${index}`), {
        committed: (lsn, segment, offset) => {
          told.push(lsn)
          places.push({ segment, offset })
        },
        failed,
      })
    }
    expect(log.pendingBytes).toBeGreaterThan(0)
    await log.whenCommitted(3000)
    expect(told).toEqual(Array.from({ length: 3000 }, (_, index) => index + 1))
    expect(log.pendingBytes).toBe(0)
    expect((await log.read(places[2500]!)).toString()).toBe('record 2500')
  })

  it('begins a new segment when one is full, and counts on across them', async () => {
    await write(numbered(100), 500)
    const segments = (await readdir(path)).filter((name) => name.endsWith('.log'))
    expect(segments.length).toBeGreaterThan(5)
    expect(await read()).toEqual(numbered(100))
  })

  it('takes a record larger than a segment, and refuses one larger than it could read back', async () => {
    await using log = await SegmentLog.open({ path, kind: 'TEST', segmentBytes: 1000 })
    await log.whenCommitted(log.append(bytes('x'.repeat(100_000))))
    expect(() => log.append(new Uint8Array(32 * 1024 * 1024 + 1))).toThrow(
      expect.objectContaining({ code: 'ERR_STORE_RECORD' }),
    )
  })

  it('drops whole segments from the front, and never the last', async () => {
    await write(numbered(100), 500)
    const log = await SegmentLog.open({ path, kind: 'TEST', segmentBytes: 500 })
    await log.dropBelow(51)
    await log.close()
    const left = await read()
    expect(left.at(-1)).toBe('record 100')
    expect(left).toContain('record 51')
    expect(left.length).toBeLessThan(75)
    const again = await SegmentLog.open({ path, kind: 'TEST', segmentBytes: 500 })
    await again.dropBelow(Number.MAX_SAFE_INTEGER)
    await again.close()
    await write(['next'], 500)
    const last: number[] = []
    await (await SegmentLog.open({ path, kind: 'TEST' }, ({ lsn }) => last.push(lsn))).close()
    expect(last.at(-1)).toBe(101)
  })

  it('cuts a torn tail at every length, keeps all before it, and goes on', async () => {
    await write(['one', 'two', 'three'])
    const [name] = (await readdir(path)).filter((entry) => entry.endsWith('.log'))
    const file = join(path, name!)
    const whole = await readFile(file)
    const record = 16 + 'three'.length
    for (let cut = whole.length - record; cut < whole.length; cut++) {
      await writeFile(file, whole)
      await truncate(file, cut)
      expect(await read()).toEqual(['one', 'two'])
      await write(['four'])
      expect(await read()).toEqual(['one', 'two', 'four'])
    }
    await writeFile(file, whole)
    await appendFile(file, Buffer.alloc(4096))
    expect(await read()).toEqual(['one', 'two', 'three'])
    expect((await stat(file)).size).toBe(whole.length)
  })

  it('sets damage with sound records behind it aside, reports it, and never cuts it', async () => {
    await write(numbered(5))
    const [name] = (await readdir(path)).filter((entry) => entry.endsWith('.log'))
    const whole = await readFile(join(path, name!))
    for (let at = 32; at < 32 + 3 * 24; at++) {
      const flipped = Buffer.from(whole)
      flipped[at]! ^= 0x10
      await writeFile(join(path, name!), flipped)
      const damages: LogDamage[] = []
      const found = await read({ onDamage: (damage) => damages.push(damage) })
      const lost = 1 + Math.floor((at - 32) / 24)
      expect(found).toEqual(numbered(5).filter((_, index) => index + 1 !== lost))
      expect(damages).toEqual([
        { segment: 1, offset: 32 + (lost - 1) * 24, length: 24, firstMissing: lost, lastMissing: lost },
      ])
      expect(await readdir(join(path, 'damaged'))).toContain(`${name}.${32 + (lost - 1) * 24}`)
      expect(await readFile(join(path, name!))).toEqual(flipped)
    }
  })

  it('reads on when the head of a segment is damaged', async () => {
    await write(numbered(60), 500)
    const [, second] = (await readdir(path)).filter((entry) => entry.endsWith('.log')).sort()
    const handle = await open(join(path, second!), 'r+')
    await handle.write(Buffer.from('????'), 0, 4, 3)
    await handle.close()
    const damages: LogDamage[] = []
    expect(await read({ onDamage: (damage) => damages.push(damage) })).toEqual(numbered(60))
    expect(damages).toMatchObject([{ segment: 2, offset: 0, length: 32 }])
  })

  it('does not read what another log left: the checksum begins with the number of the segment', async () => {
    await write(numbered(30), 300)
    const names = (await readdir(path)).filter((entry) => entry.endsWith('.log')).sort()
    await writeFile(join(path, names[1]!), await readFile(join(path, names[0]!)))
    const found = await read()
    expect(new Set(found).size).toBe(found.length)
    expect(found.at(-1)).toBe('record 30')
  })

  it('can be read beside its owner, who is not disturbed', async () => {
    await using log = await SegmentLog.open({ path, kind: 'TEST' })
    await log.whenCommitted(log.append(bytes('one')))
    expect(await read({ readOnly: true })).toEqual(['one'])
    await log.whenCommitted(log.append(bytes('two')))
    expect(await read({ readOnly: true })).toEqual(['one', 'two'])
  })

  it('lets a follower go on where it was, across segments', async () => {
    await using log = await SegmentLog.open({ path, kind: 'TEST', segmentBytes: 400 })
    const seen: string[] = []
    let last: LogRecord | undefined
    for (let round = 0; round < 5; round++) {
      for (let index = 0; index < 20; index++) await log.whenCommitted(log.append(bytes(`${round}.${index}`)))
      for await (const batch of readLog({ path, kind: 'TEST', after: last?.lsn, from: last })) {
        for (const record of batch) seen.push(textOf(record))
        last = batch.at(-1)
      }
      if (round === 2) await log.dropBelow(last!.lsn)
    }
    expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => `${Math.floor(index / 20)}.${index % 20}`))
  })
  it('lets a follower go on when a segment is dropped between its look and its read', async () => {
    await using log = await SegmentLog.open({ path, kind: 'TEST', segmentBytes: 400 })
    for (let number = 1; number <= 60; number++) await log.whenCommitted(log.append(bytes(String(number))))
    const disk = nodeDisk()
    let dropping: Promise<void> | undefined
    const late: Disk = {
      ...disk,
      open: async (file, how) => {
        await (dropping ??= log.dropBelow(40))
        return disk.open(file, how)
      },
    }
    const seen: string[] = []
    for await (const batch of readLog({ path, kind: 'TEST', after: 1, disk: late })) seen.push(...batch.map(textOf))
    expect(seen.at(-1)).toBe('60')
    expect(seen.slice(seen.indexOf('40'))).toHaveLength(21)
  })
})

describe('SegmentLog refuses', () => {
  const failure = async (task: Promise<unknown>): Promise<{ code: string; message: string }> =>
    task.then(
      () => ({ code: 'none', message: '' }),
      (error: { code: string; message: string }) => error,
    )

  it('a second owner, and tells who the first is', async () => {
    await using _log = await SegmentLog.open({ path, kind: 'TEST' })
    const { code, message } = await failure(SegmentLog.open({ path, kind: 'TEST' }))
    expect(code).toBe('ERR_STORE_LOCKED')
    expect(message).toBe(
      `${path} is in use: this process has it open already; stop that one first or use another directory`,
    )
  })

  it('a directory with other files', async () => {
    const parent = join(path, '..')
    await writeFile(join(parent, 'letter.txt'), 'dear')
    expect(await failure(SegmentLog.open({ path: parent, kind: 'TEST' }))).toMatchObject({
      code: 'ERR_STORE_FOREIGN',
      message: `${parent} holds other files (letter.txt); name an empty directory`,
    })
    expect(await readdir(parent)).toEqual(['letter.txt'])
  })

  it("another kind's log, a newer format, a file in the way, a missing directory", async () => {
    await write(['one'])
    expect(await failure(SegmentLog.open({ path, kind: 'ELSE' }))).toMatchObject({ code: 'ERR_STORE_FOREIGN' })
    await writeFile(join(path, '..', 'file'), '')
    expect(await failure(SegmentLog.open({ path: join(path, '..', 'file'), kind: 'TEST' }))).toMatchObject({
      code: 'ERR_STORE_PATH',
      message: expect.stringContaining('name a directory'),
    })
    expect(
      await failure(SegmentLog.open({ path: join(path, '..', 'nowhere'), kind: 'TEST', readOnly: true })),
    ).toMatchObject({ code: 'ERR_STORE_PATH', message: expect.stringContaining('no such directory') })
  })

  it('appending when it is closed', async () => {
    const log = await SegmentLog.open({ path, kind: 'TEST' })
    await log.close()
    await log.close()
    expect(() => log.append(bytes('late'))).toThrow(expect.objectContaining({ code: 'ERR_STORE_CLOSED' }))
  })
})

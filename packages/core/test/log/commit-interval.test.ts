import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { SegmentLog, logFiles, nodeDisk, readLog } from '../../src/node/index.ts'
import type { Disk, LogCommit } from '../../src/node/index.ts'

interface Opened {
  readonly path: string
  readonly log: SegmentLog
  readonly commits: LogCommit[]
}

async function open(options: { commitInterval?: number; segmentBytes?: number; disk?: Disk } = {}): Promise<Opened> {
  const path = await mkdtemp(join(tmpdir(), 'log-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  const commits: LogCommit[] = []
  const log = await SegmentLog.open({ path, kind: 'TEST', ...options, onCommit: (commit) => commits.push(commit) })
  onTestFinished(() => log.close())
  return { path, log, commits }
}

const DAY = 86_400_000

it('what arrives within the interval is one write and one sync', async () => {
  const { log, commits } = await open({ commitInterval: 50 })
  const began = performance.now()
  log.append(Buffer.from('one'))
  await new Promise(setImmediate)
  const last = log.append(Buffer.from('two'))
  await log.whenCommitted(last)
  expect(performance.now() - began).toBeGreaterThanOrEqual(49)
  expect(commits).toEqual([{ records: 2, bytes: 38, milliseconds: expect.any(Number) as number }])
})

it('who closes the log waits for nobody', async () => {
  const { log, commits } = await open({ commitInterval: DAY })
  log.append(Buffer.from('one'))
  await new Promise(setImmediate)
  await log.close()
  expect([log.committed, commits.length]).toEqual([1, 1])
})

it('a group that is full goes at once', async () => {
  const { log, commits } = await open({ commitInterval: DAY })
  const large = Buffer.alloc(200_000)
  const first = log.append(large)
  await new Promise(setImmediate)
  log.append(large)
  await log.whenCommitted(first)
  expect([log.committed, commits.length]).toEqual([1, 1])
})

it('numbers that are skipped are never given, and the log is sound', async () => {
  const { path, log } = await open()
  log.append(Buffer.from('one'))
  log.skip(2 ** 24 - 1)
  const lsn = log.append(Buffer.from('two'))
  expect(lsn).toBe(2 ** 24 + 1)
  await log.close()
  const damages: unknown[] = []
  const again = await SegmentLog.open({ path, kind: 'TEST', onDamage: (damage) => damages.push(damage) })
  expect([again.committed, damages]).toEqual([lsn, []])
  await again.close()
})

it('its files up to a record are a log that ends there', async () => {
  const { path, log } = await open({ segmentBytes: 100 })
  for (let count = 1; count <= 9; count++) await log.whenCommitted(log.append(Buffer.from(String(count))))
  const disk = nodeDisk()
  for (const upTo of [0, 1, 3, 4, 5, 9, 100, undefined]) {
    const target = await mkdtemp(join(tmpdir(), 'log-'))
    onTestFinished(() => rm(target, { recursive: true, force: true }))
    for (const { name, bytes } of await logFiles({ path, kind: 'TEST', ...(upTo !== undefined && { upTo }) })) {
      const buffer = Buffer.alloc(bytes)
      const from = await disk.open(join(path, name), 'read')
      await from.read(buffer, 0)
      await from.close()
      const to = await disk.open(join(target, name), 'create')
      await to.write(buffer, 0)
      await to.close()
    }
    const texts: string[] = []
    for await (const batch of readLog({ path: target, kind: 'TEST' })) {
      texts.push(...batch.map(({ payload }) => Buffer.from(payload).toString()))
    }
    const wanted = Array.from({ length: Math.min(9, upTo ?? 9) }, (_, index) => String(index + 1))
    expect([upTo, texts]).toEqual([upTo, wanted])
    const copy = await SegmentLog.open({ path: target, kind: 'TEST' })
    expect(copy.committed).toBe(wanted.length)
    await copy.close()
  }
})

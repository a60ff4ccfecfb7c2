import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { nodeDisk } from '@halyard/core/node'
import type { Disk } from '@halyard/core/node'
import { FaultDisk, seededRandom } from '@halyard/testkit'

const name = fc.constantFrom('a', 'b', 'd', 'd/a', 'd/b', 'd/e', 'd/e/a', 'none/a')
const step = fc.oneof(
  fc.record({ do: fc.constantFrom('create', 'read', 'unlink', 'mkdir', 'readdir', 'syncDirectory'), name }),
  fc.record({ do: fc.constantFrom('link', 'rename'), name, to: name }),
  fc.record({ do: fc.constant('write'), name, position: fc.nat(40), length: fc.nat(20) }),
  fc.record({ do: fc.constant('truncate'), name, length: fc.nat(40) }),
)
type Step = { do: string; name: string; to?: string; position?: number; length?: number }

/** What a caller sees of a step: a value, or the code and the call of the error. */
async function take(disk: Disk, directory: string, taken: Step, fill: number): Promise<unknown> {
  const path = join(directory, taken.name)
  const to = join(directory, taken.to ?? '')
  const within = async <T>(
    how: 'read' | 'write' | 'create',
    use: (file: Awaited<ReturnType<Disk['open']>>) => Promise<T>,
  ) => {
    const file = await disk.open(path, how)
    try {
      return await use(file)
    } finally {
      await file.close()
    }
  }
  const steps: Record<string, () => Promise<unknown>> = {
    create: () => within('create', (file) => file.sync()),
    write: () =>
      within('write', (file) => file.write(new Uint8Array(taken.length ?? 0).fill(fill), taken.position ?? 0)),
    truncate: () => within('write', (file) => file.truncate(taken.length ?? 0)),
    read: async () => {
      // A directory opens for reading on some systems; the port says nothing of it.
      if (
        await disk.readdir(path).then(
          () => true,
          () => false,
        )
      )
        return 'directory'
      return within('read', async (file) => {
        const into = new Uint8Array(64)
        return [await file.read(into, 3), await file.size(), Buffer.from(into).toString('hex')]
      })
    },
    readdir: async () => (await disk.readdir(path)).toSorted(),
    mkdir: () => disk.mkdir(path),
    link: () => disk.link(path, to),
    rename: () => disk.rename(path, to),
    unlink: () => disk.unlink(path),
    // Whether a file counts as a directory to sync is the system's business too.
    syncDirectory: () => disk.readdir(path).then(() => disk.syncDirectory(path)),
  }
  return steps[taken.do]!().catch(({ code, syscall }: NodeJS.ErrnoException) => `${code} ${syscall}`)
}

it('does what the real disk does, step by step', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const directory = await mkdtemp(join(tmpdir(), 'halyard-steps-'))
      const real = nodeDisk()
      const ours = new FaultDisk()
      try {
        for (const [index, taken] of steps.entries()) {
          expect(await take(ours, '/', taken, index + 1)).toEqual(await take(real, directory, taken, index + 1))
        }
      } finally {
        await rm(directory, { recursive: true })
      }
    }),
    { seed: 1, numRuns: 400 },
  )
})

it('after a power cut has every synced byte, and of the others only what was written', async () => {
  const plan = fc.array(
    fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 1500 }) }, fc.constant('sync' as const)),
    {
      maxLength: 20,
    },
  )
  await fc.assert(
    fc.asyncProperty(plan, fc.nat(), fc.boolean(), async (steps, seed, failing) => {
      const disk = new FaultDisk()
      const file = await disk.open('/log', 'create')
      await disk.syncDirectory('/')
      // A failed sync in the middle must not make what came before it look synced.
      let doubtful = 0
      let synced = 0
      let end = 0
      for (const [index, action] of steps.entries()) {
        if (action !== 'sync') {
          await file.write(new Uint8Array(action).fill(index + 1), end)
          end += action
        } else if (failing && doubtful === 0) {
          disk.failNext('sync', 'EIO')
          await file.sync().catch(() => {})
          doubtful = end
        } else {
          await file.sync()
          synced = end
        }
      }
      const whole = disk.readFile('/log')
      const found = disk.powerCut(seededRandom(seed)).readFile('/log')
      expect(found.length).toBeGreaterThanOrEqual(synced > doubtful ? synced : 0)
      expect(found.length).toBeLessThanOrEqual(end)
      for (const [at, byte] of found.entries()) {
        const certain = at >= doubtful && at < synced
        if (byte !== whole[at] && (certain || byte !== 0))
          expect.fail(`byte ${at} is ${byte}, written was ${whole[at]}`)
      }
    }),
    { seed: 1, numRuns: 300 },
  )
})

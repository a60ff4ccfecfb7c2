import { describe, expect, it } from 'vitest'
import { FaultDisk, crashMatrix } from '@halyard/testkit'
import type { CrashMatrixOptions, Scenario } from '@halyard/testkit'

/** Writes documents the way it is done right: a new file, synced, renamed into place, the directory synced. */
async function replace({ disk, promise }: Scenario<string>, mistakes: { sync?: false; directory?: false } = {}) {
  for (const content of ['first', 'second']) {
    const file = await disk.open('/new', 'create')
    await file.write(Buffer.from(content), 0)
    if (mistakes.sync !== false) await file.sync()
    await file.close()
    await disk.rename('/new', '/document')
    if (mistakes.directory !== false) await disk.syncDirectory('/')
    promise(content)
  }
}

const matrix: CrashMatrixOptions<string> = {
  run: (scenario) => replace(scenario),
  check(disk, promises) {
    const found = disk.files().includes('/document') ? Buffer.from(disk.readFile('/document')).toString() : undefined
    const promised = promises.at(-1)
    const acceptable =
      promised === 'second' ? ['second'] : promised === 'first' ? ['first', 'second'] : [undefined, 'first', 'second']
    if (!acceptable.includes(found)) throw new Error(`promised ${promised}, found ${found}`)
  },
}

describe('crashMatrix', () => {
  it('passes what is done right, at every cut', async () => {
    expect(await crashMatrix({ ...matrix, rounds: 10 })).toEqual({ operations: 12, cuts: 25, disks: 250 })
  })

  it('finds a sync that is missing', async () => {
    const run = (scenario: Scenario<string>): Promise<void> => replace(scenario, { sync: false })
    await expect(crashMatrix({ ...matrix, run })).rejects.toThrow(/promised \w+, found \w*/)
  })

  it('finds a directory sync that is missing, and the error repeats it', async () => {
    const run = (scenario: Scenario<string>): Promise<void> => replace(scenario, { directory: false })
    const error = await crashMatrix({ ...matrix, seed: 5, run }).catch((reason: Error) => reason)
    const text = (error as Error).message
    expect(text).toMatch(
      /^power cut (before|after) operation \d+ \(\w+ .*\), 1 promises made: promised first, found undefined\nrepeat/,
    )
    const only = /operation: (\d+), when: '(before|after)' }, round: (\d)/.exec(text)
    const cut = { operation: Number(only?.[1]), when: only?.[2] as 'before' }
    const again = crashMatrix({ ...matrix, seed: 5, run, only: { cut, round: Number(only?.[3]) } })
    await expect(again).rejects.toThrow(text)
  })

  it('reaches what was done but not told: a synced change of which nobody heard', async () => {
    const seen = new Set<string>()
    await crashMatrix<string>({
      ...matrix,
      check(disk, promises, cut) {
        if (cut.when === 'after' && cut.operation === 5) seen.add(`${promises.length} ${disk.files().join()}`)
      },
    })
    expect(seen).toEqual(new Set(['0 /document']))
  })

  it('starts from the disk it is given and draws some cuts', async () => {
    const result = await crashMatrix({
      disk: () => {
        const disk = new FaultDisk()
        disk.writeFile('/document', Buffer.from('first'))
        return disk
      },
      run: (scenario: Scenario<string>) => replace(scenario),
      check: (disk) => expect(disk.files()).toContain('/document'),
      cuts: 7,
      rounds: 2,
    })
    expect(result).toEqual({ operations: 12, cuts: 7, disks: 14 })
  })

  it('tells the scenario that the power went', async () => {
    let aborted = 0
    await crashMatrix({
      async run({ disk, signal }) {
        signal.addEventListener('abort', () => (aborted += 1))
        await disk.mkdir('/a')
      },
      check: () => {},
    })
    expect(aborted).toBe(4)
  })

  it('reports a scenario that fails before its cut', async () => {
    const run = ({ disk }: Scenario<string>): Promise<unknown> => disk.open('/none', 'read')
    await expect(crashMatrix({ run: async (scenario) => void (await run(scenario)), check: () => {} })).rejects.toThrow(
      "ENOENT: no such file or directory, open '/none'",
    )
  })
})

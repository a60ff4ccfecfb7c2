import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { nodeDisk } from '@halyard/core/node'
import { FaultDisk, diskContract } from '@halyard/testkit'

describe('nodeDisk', () => {
  const cases = diskContract(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'halyard-disk-'))
    return { disk: nodeDisk(), directory, release: () => rm(directory, { recursive: true }) }
  })
  for (const { name, run } of cases) it(name, run)

  it.runIf(process.platform === 'linux')(
    'mkdir fails where nothing can be made, and does not try for ever',
    async () => {
      await expect(nodeDisk().mkdir('/proc/halyard/data')).rejects.toThrow('ENOENT')
    },
  )
})

describe('FaultDisk', () => {
  for (const { name, run } of diskContract(async () => ({ disk: new FaultDisk(), directory: '/' }))) it(name, run)
})

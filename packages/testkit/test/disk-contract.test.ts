import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { nodeDisk } from '@halyard/core/node'
import { FaultDisk, diskContract } from '@halyard/testkit'

describe('nodeDisk', () => {
  const cases = diskContract(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'halyard-disk-'))
    return { disk: nodeDisk(), directory, release: () => rm(directory, { recursive: true }) }
  })
  for (const { name, run } of cases) it(name, run)
})

describe('FaultDisk', () => {
  for (const { name, run } of diskContract(async () => ({ disk: new FaultDisk(), directory: '/' }))) it(name, run)
})

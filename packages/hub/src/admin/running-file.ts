/** `running.json`: how the owner of the data directory reaches the hub that has it open. */
import { join } from 'node:path'
import type { Disk } from '@halyard/core/node'
import { readJsonFile, writeFileAtomically } from '../files.ts'

export interface RunningHubAddress {
  /** of the front door */
  readonly url: string
  /** Made at each start, known to this hub alone, good until it stops. */
  readonly token: string
}

const NAME = 'running.json'

export async function writeRunningFile(disk: Disk, directory: string, address: RunningHubAddress): Promise<void> {
  await writeFileAtomically(disk, join(directory, NAME), `${JSON.stringify(address)}\n`)
}

/** One that a killed hub has left behind does no harm: whoever finds the directory free does not look at it. */
export async function removeRunningFile(disk: Disk, directory: string): Promise<void> {
  await disk.unlink(join(directory, NAME)).catch(() => {})
}

/** @throws {StorageError} `ERR_HUB_FILE` */
export function readRunningFile(disk: Disk, directory: string): Promise<RunningHubAddress | undefined> {
  return readJsonFile(disk, join(directory, NAME), (value) => {
    const { url, token } = value as Readonly<Record<string, unknown>>
    return typeof url === 'string' && typeof token === 'string' ? { url, token } : undefined
  })
}

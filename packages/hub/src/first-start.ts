/** The sample accounts that a hub makes once, and shows at every start for as long as they are there. */
import { join } from 'node:path'
import type { Disk } from '@halyard/core/node'
import type { HologramAccounts } from './domain/accounts.ts'
import type { Registry } from './domain/ports.ts'
import { readJsonFile, writeFileAtomically } from './files.ts'
import type { HubAccounts } from './ready.ts'
import { randomWord } from './secrets.ts'
import type { KeyHasher } from './secrets.ts'

const ACCOUNTS_FILE = 'accounts.json'
/** The document that says that the samples were made: who removes one does not want it back. */
const SETUP = { collection: 'hub', id: 'setup' } as const

interface Parts {
  readonly accounts: HologramAccounts
  readonly registry: Registry
  readonly hasher: KeyHasher
}

/**
 * First start: makes the samples, writes them to `accounts.json`, then enters them, in this order, so that a crash in
 * between ends with the same accounts. Later: reads the file and gives what still holds.
 */
export async function sampleAccounts(
  parts: Parts,
  where?: { readonly disk: Disk; readonly directory: string },
): Promise<HubAccounts> {
  const { accounts, registry, hasher } = parts
  const isSetUp = (await registry.get(SETUP.collection, SETUP.id)) !== undefined
  const path = where && join(where.directory, ACCOUNTS_FILE)
  const written = where && path !== undefined ? await readJsonFile(where.disk, path, parseAccounts) : undefined
  if (isSetUp) return written ? stillValid(written, parts) : {}

  const samples = written ?? { hologram: { cloud_id: randomWord(4), cloud_key: randomWord(4) } }
  if (where && path !== undefined && !written) {
    await writeFileAtomically(where.disk, path, `${JSON.stringify(samples, null, 2)}\n`)
  }
  const { hologram } = samples
  if (hologram) {
    const { cloud_id: cloudId, cloud_key: cloudKey } = hologram
    await accounts.create({ cloudId, keyHash: hasher.hash(cloudId, cloudKey) })
  }
  await registry.put(SETUP.collection, SETUP.id, { version: 1 }, 0)
  return samples
}

/** A sample that was removed, or has another key now, is not shown: it would not work. */
async function stillValid(samples: HubAccounts, { accounts, hasher }: Parts): Promise<HubAccounts> {
  const { hologram } = samples
  if (!hologram) return {}
  const account = await accounts.find(hologram.cloud_id)
  return hasher.matches(account?.keyHash, hologram.cloud_id, hologram.cloud_key) ? { hologram } : {}
}

function parseAccounts(value: unknown): HubAccounts | undefined {
  const { hologram } = value as { readonly hologram?: Readonly<Record<string, unknown>> }
  if (hologram === undefined) return {}
  const { cloud_id, cloud_key } = hologram
  return isFourCharacters(cloud_id) && isFourCharacters(cloud_key) ? { hologram: { cloud_id, cloud_key } } : undefined
}

function isFourCharacters(value: unknown): value is string {
  return typeof value === 'string' && /^[!-~]{4}$/.test(value)
}

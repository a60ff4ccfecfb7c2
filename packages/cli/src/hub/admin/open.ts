import type { HubAdmin, Removed } from '@halyard/hub'
import type { Context } from '../../context.ts'
import { hubLogger } from '../log.ts'
import { readHubPlace } from '../options.ts'
import type { AdminFlags } from './flags.ts'

export async function openHubAdmin(flags: AdminFlags, { terminal, load }: Context): Promise<HubAdmin> {
  const place = await readHubPlace(flags, terminal.environment)
  const { openAdmin } = await load.hub()
  return openAdmin({ ...place, logger: hubLogger((line) => terminal.error(line), terminal.environment) })
}

/** All that are named, or none if one of them is not there. */
export async function removeEach(
  ids: readonly string[],
  known: AsyncIterable<string>,
  remove: (id: string) => Promise<Removed>,
  removed: (id: string, result: Removed) => void,
): Promise<void> {
  const doomed = new Set(ids)
  const missing = new Set(doomed)
  // One is looked for when it is removed; thousands are not listed for it.
  if (doomed.size > 1) for await (const id of known) missing.delete(id)
  // One that is not there goes first: its refusal is the end of it.
  for (const id of missing) removed(id, await remove(id))
  for (const id of doomed) if (!missing.has(id)) removed(id, await remove(id))
}

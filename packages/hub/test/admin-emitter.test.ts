import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openAdmin } from '../src/admin.ts'
import type { HubAdmin } from '../src/admin/api.ts'
import { startHub, temporaryDirectory } from './support.ts'

const LICENSE = 'PfA8IPA43P8Jm4LfESjJYjzPIUG71uFkvKriYQjI4ZO2ABfHEBE36u13MmpHU5AumxGZKXG5gpKJAdDWmIABAQ:3'
/** V36 of the vectors: rwslp on a/b/c/, never expires. */
const FOREIGN = 'EjS03Fqu19zM2UtauInu5exlZXZqK_Jm'

const idsOf = async (admin: HubAdmin): Promise<string[]> => {
  const ids: string[] = []
  for await (const { id } of admin.emitter.keys.list()) ids.push(id)
  return ids
}

it.each(['directory', 'hub'] as const)('keys are made, described and revoked by the %s', async (via) => {
  const data = await temporaryDirectory()
  const { hub } = await startHub({ data })
  const { channel_key: channelKey = '', master_key: masterKey = '' } = hub.accounts.emitter ?? {}
  if (via === 'directory') await hub.close()
  await using admin = await openAdmin({ data })
  expect(admin.via).toBe(via)
  const { keys } = admin.emitter
  expect(await keys.license()).toMatchObject({ version: 3, license: hub.accounts.emitter?.license })

  const made = await keys.add({ channel: 'pumps/+/', type: 'rp', ttl: 3600 })
  expect(await keys.describe(made.key)).toMatchObject({ id: made.id, channel: 'pumps/+/', type: 'rp' })
  const entry = await keys.describe(made.id.slice(0, 10))
  expect(entry.expires?.getTime()).toBeGreaterThan(Date.now())
  expect(entry.createdAt?.getTime()).toBeLessThanOrEqual(Date.now())
  expect(await idsOf(admin)).toContain(made.id)
  expect(await keys.revoke(made.key)).toMatchObject({ state: 'revoked', sample: false })
  expect(await keys.describe(made.id)).toMatchObject({ state: 'revoked' })

  // What is in accounts.json stays there for as long as it opens anything.
  expect(await keys.revoke(channelKey)).toMatchObject({ channel: 'demo/#/', sample: false })
  expect(await readFile(join(data, 'accounts.json'), 'utf8')).toContain(masterKey)
  expect(await keys.revoke(masterKey)).toMatchObject({ type: 'm', sample: true })
  expect(await readFile(join(data, 'accounts.json'), 'utf8')).not.toContain(masterKey)
  await expect(keys.revoke('nothing')).rejects.toMatchObject({ code: 'ERR_HUB_EMITTER_KEY_UNKNOWN' })
  await expect(keys.import(FOREIGN)).rejects.toMatchObject({ code: 'ERR_HUB_EMITTER_KEY' })
  await expect(keys.add({ channel: '' })).rejects.toMatchObject({ code: 'ERR_USAGE' })
})

it('a key of the licence that was made elsewhere opens when it was imported', async () => {
  const data = await temporaryDirectory()
  const { hub } = await startHub({ data, emitterLicense: LICENSE })
  await using admin = await openAdmin({ data })
  const { keys } = admin.emitter
  const before = await keys.describe(FOREIGN)
  expect(before).toEqual({ id: before.id, channel: '', type: 'rwslp', origin: 'unknown', state: 'unknown' })
  await expect(keys.revoke(FOREIGN)).rejects.toMatchObject({ code: 'ERR_HUB_EMITTER_KEY_UNKNOWN' })
  expect(await keys.import(FOREIGN)).toMatchObject({ type: 'rwslp', origin: 'imported', state: 'valid' })
  expect(await keys.import(FOREIGN)).toMatchObject({ origin: 'imported' })
  await keys.revoke(FOREIGN)
  expect(await keys.import(FOREIGN)).toMatchObject({ state: 'revoked' })
  expect(hub.accounts.emitter?.license).toBe(LICENSE)
})

/** The owner of the directory and the hub that runs on it, with nothing in between but the HTTP API. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openAdmin } from '../src/admin.ts'
import { send, startHub, temporaryDirectory } from './support.ts'

const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

it('accounts and tokens of a hub change while it runs', async () => {
  const data = join(await temporaryDirectory(), 'data')
  const { hub, port, id, key } = await startHub({ data })
  const url = `http://127.0.0.1:${hub.ports.front}`
  await using admin = await openAdmin({ data })
  expect(admin.via).toBe('hub')
  const { accounts } = admin.hologram

  const pump = await accounts.add({ cloudId: '..%/' })
  expect(await send(port, `{"s": "..%/", "c": "${pump.cloud_key}", "d": "x"}\r\r`)).toBe('[0,0]')
  await expect(accounts.add({ cloudId: '..%/' })).rejects.toMatchObject({ code: 'ERR_HUB_ACCOUNT_EXISTS' })
  expect(await all(accounts.list())).toEqual([pump.cloud_id, id].toSorted().map((name) => ({ cloud_id: name })))

  // One that was let in before is known to the hub's memory: it must go from there too.
  expect(await send(port, `{"s": "${id}", "c": "${key}", "d": "x"}\r\r`)).toBe('[0,0]')
  expect(await accounts.remove(id)).toEqual({ sample: true })
  expect(await send(port, `{"s": "${id}", "c": "${key}", "d": "x"}\r\r`)).toBe('[3,0]')
  expect(JSON.parse(await readFile(join(data, 'accounts.json'), 'utf8'))).not.toHaveProperty('hologram')
  await expect(accounts.remove(id)).rejects.toMatchObject({ code: 'ERR_HUB_DEVICE_UNKNOWN' })

  const { id: tokenId, token } = await admin.tokens.add('ci')
  const asked = (): Promise<Response> =>
    fetch(`${url}/api/hologram/accounts`, { headers: { authorization: `Bearer ${token}` } })
  expect((await asked()).status).toBe(200)
  expect(await all(admin.tokens.list())).toContainEqual({
    id: tokenId,
    name: 'ci',
    createdAt: expect.any(Date) as Date,
  })
  expect(await admin.tokens.remove(tokenId)).toEqual({ sample: false })
  expect((await asked()).status).toBe(401)
  await expect(admin.tokens.remove(tokenId)).rejects.toMatchObject({ code: 'ERR_HUB_TOKEN_UNKNOWN' })
})

it('a hub that has stopped is told from one that never was', async () => {
  const data = join(await temporaryDirectory(), 'data')
  const { hub } = await startHub({ data })
  await using admin = await openAdmin({ data })
  await all(admin.hologram.accounts.list())
  await hub.close()
  await expect(all(admin.hologram.accounts.list())).rejects.toMatchObject({ code: 'ERR_HUB_ADMIN' })
  await using direct = await openAdmin({ data })
  expect(direct.via).toBe('directory')
})

import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { nodeDisk } from '@halyard/core/node'
import { describe, expect, it } from 'vitest'
import { openAdmin } from '../src/admin.ts'
import type { HubAdmin } from '../src/admin/api.ts'
import { writeRunningFile } from '../src/admin/running-file.ts'
import { SampleFile } from '../src/sample-file.ts'
import { apiServer } from './api-server.ts'
import type { ApiServer } from './api-server.ts'
import { RecordingLogger, send, startHub, temporaryDirectory } from './support.ts'
import type { TestHub } from './support.ts'

/** A directory in which a hub has been. */
async function stoppedHub(): Promise<{ readonly data: string; readonly first: TestHub }> {
  const data = join(await temporaryDirectory(), 'data')
  const first = await startHub({ data })
  await first.hub.close()
  return { data, first }
}

const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

const failure = async (work: Promise<unknown>): Promise<{ name: string; code: string; message: string }> => {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(Error)
  return error as Error & { code: string }
}

/** A running hub's lock, held by this process, and its address. */
async function running(): Promise<{ readonly data: string; readonly server: ApiServer; readonly admin: HubAdmin }> {
  const data = join(await temporaryDirectory(), 'data')
  await startHub({ data })
  const server = await apiServer('local-token')
  await writeRunningFile(nodeDisk(), data, { url: server.url, token: 'local-token' })
  return { data, server, admin: await openAdmin({ data }) }
}

describe('a hub that is stopped', () => {
  it('gets an account, whose device the next start lets in', async () => {
    const { data } = await stoppedHub()
    const admin = await openAdmin({ data })
    expect(admin.via).toBe('directory')
    expect(await admin.hologram.accounts.add({ cloudId: 'pump', cloudKey: 'k"/%' })).toEqual({
      cloud_id: 'pump',
      cloud_key: 'k"/%',
    })
    const made = await admin.hologram.accounts.add()
    expect(made).toEqual({
      cloud_id: expect.stringMatching(/^[2-9a-z]{4}$/) as string,
      cloud_key: expect.stringMatching(/^[2-9a-z]{4}$/) as string,
    })
    await admin.close()
    await admin.close()
    const { port } = await startHub({ data })
    expect(await send(port, `{"s": "pump", "c": "k\\"/%", "d": "x"}\r\r`)).toBe('[0,0]')
    expect(await send(port, `{"s": "${made.cloud_id}", "c": "${made.cloud_key}", "d": "x"}\r\r`)).toBe('[0,0]')
    expect(await send(port, `{"s": "pump", "c": "else", "d": "x"}\r\r`)).toBe('[3,0]')
  })

  it('keeps no key in clear', async () => {
    const { data } = await stoppedHub()
    await using admin = await openAdmin({ data })
    await admin.hologram.accounts.add({ cloudId: 'pump', cloudKey: '#K#y' })
    const { token } = await admin.tokens.add('dashboard')
    await admin.close()
    for (const name of await readdir(data)) {
      if (name === 'journal' || name === 'push') continue
      const content = await readFile(join(data, name), 'latin1')
      expect([name, content.includes('#K#y'), content.includes(token)]).toEqual([name, false, false])
    }
  })

  it('lists thousands, each once, in order', async () => {
    const { data, first } = await stoppedHub()
    await using admin = await openAdmin({ data })
    const ids = Array.from({ length: 2100 }, (_, index) => index.toString(36).padStart(4, '.'))
    for (const cloudId of ids) await admin.hologram.accounts.add({ cloudId, cloudKey: 'same' })
    const listed = (await all(admin.hologram.accounts.list())).map(({ cloud_id }) => cloud_id)
    expect(listed).toEqual([...ids, first.id].toSorted())
  }, 30_000)

  it('refuses an account that is there, one that cannot be, and to remove one that is not', async () => {
    const { data, first } = await stoppedHub()
    await using admin = await openAdmin({ data })
    const { accounts } = admin.hologram
    expect(await failure(accounts.add({ cloudId: first.id }))).toMatchObject({
      name: 'UsageError',
      code: 'ERR_HUB_ACCOUNT_EXISTS',
      message: `there is an account ${first.id} already; choose another cloud id, or remove that one first`,
    })
    for (const account of [{ cloudId: 'long1' }, { cloudId: 'a b ' }, { cloudKey: 'käse' }, { cloudKey: '' }]) {
      expect((await failure(accounts.add(account))).message).toMatch(
        /^cloud_(id|key) must be four printable ASCII characters without spaces; without it one is made$/,
      )
    }
    for (const id of ['none', '\u001B[2J', 'x'.repeat(100)]) {
      const { code, message } = await failure(accounts.remove(id))
      expect([code, message.length < 120, /\p{Cc}/u.test(message)]).toEqual(['ERR_HUB_DEVICE_UNKNOWN', true, false])
    }
  })

  it('forgets the sample account, in accounts.json too', async () => {
    const { data, first } = await stoppedHub()
    await using admin = await openAdmin({ data })
    await admin.hologram.accounts.add({ cloudId: 'pump' })
    expect(await admin.hologram.accounts.remove('pump')).toEqual({ sample: false })
    expect(await admin.hologram.accounts.remove(first.id)).toEqual({ sample: true })
    expect(Object.keys(JSON.parse(await readFile(join(data, 'accounts.json'), 'utf8')) as object)).toEqual([
      'console',
      'mqtt',
      'emitter',
    ])
    await admin.close()
    const again = await startHub({ data })
    expect(again.hub.ready).not.toHaveProperty('hologram')
    expect(await send(again.port, `{"s": "${first.id}", "c": "${first.key}", "d": "x"}\r\r`)).toBe('[3,0]')
    expect(await all((await reopened(again, data)).hologram.accounts.list())).toEqual([])
  })

  it('has tokens: the one just made is shown once, its id opens nothing', async () => {
    const { data } = await stoppedHub()
    await using admin = await openAdmin({ data })
    const made = await admin.tokens.add('dashboard')
    expect(made.token).toMatch(/^[\w-]{27}$/)
    const listed = await all(admin.tokens.list())
    expect(listed.map(({ name }) => name).toSorted()).toEqual(['dashboard', 'sample'])
    expect(JSON.stringify(listed)).not.toContain(made.token)
    expect(await admin.tokens.remove(made.id)).toEqual({ sample: false })
    expect((await failure(admin.tokens.remove(made.id))).code).toBe('ERR_HUB_TOKEN_UNKNOWN')
    expect((await failure(admin.tokens.remove('../x'))).code).toBe('ERR_HUB_TOKEN_UNKNOWN')
    const [sample] = await all(admin.tokens.list())
    expect(await admin.tokens.remove(sample?.id ?? '')).toEqual({ sample: true })
    expect(JSON.parse(await readFile(join(data, 'accounts.json'), 'utf8'))).not.toHaveProperty('console')
    for (const name of ['', '  ', 'x'.repeat(101), 'a\nb']) {
      expect((await failure(admin.tokens.add(name))).code).toBe('ERR_USAGE')
    }
  })

  it('is locked meanwhile, and free afterwards', async () => {
    const { data } = await stoppedHub()
    const admin = await openAdmin({ data })
    await expect(startHub({ data })).rejects.toThrow('is in use')
    const { code, message } = await failure(openAdmin({ data }))
    expect(code).toBe('ERR_HUB_ADMIN')
    expect(message).toBe(
      `${join(data, 'journal')} is in use: this process has it open already, and no hub has left its address (running.json) in ${data}: one that is starting or stopping, or another halyard hub account; try again`,
    )
    await admin.close()
    await startHub({ data })
  })

  it('is named by the configuration file', async () => {
    const { data } = await stoppedHub()
    const config = join(data, '..', 'hub.hjson')
    await writeFile(config, `{ data: ${JSON.stringify(data)} }`)
    await using admin = await openAdmin({ config })
    expect(await all(admin.hologram.accounts.list())).toHaveLength(1)
  })
})

async function reopened({ hub }: TestHub, data: string): Promise<HubAdmin> {
  await hub.close()
  return openAdmin({ data })
}

describe('a directory without a hub', () => {
  it('does not become one', async () => {
    const parent = await temporaryDirectory()
    const missing = join(parent, 'hallyard-data')
    expect(await failure(openAdmin({ data: missing }))).toMatchObject({
      name: 'StorageError',
      code: 'ERR_HUB_NO_DATA',
      message: `there is no hub in ${missing}; name the directory of one with --data, or start halyard hub there first, which makes one`,
    })
    await mkdir(join(parent, 'photos'))
    await writeFile(join(parent, 'file'), '')
    for (const name of ['photos', 'file']) {
      expect((await failure(openAdmin({ data: join(parent, name) }))).code).toBe('ERR_HUB_NO_DATA')
    }
    expect((await readdir(parent)).toSorted()).toEqual(['file', 'photos'])
    expect(await readdir(join(parent, 'photos'))).toEqual([])
    expect((await failure(openAdmin({ data: ':memory:' }))).message).toContain('a hub in memory has no directory')
    expect((await failure(openAdmin({ dir: 'x' } as never))).message).toBe(
      `openAdmin() has no option 'dir'; it has data, config, emitterLicense, logger`,
    )
  })

  it('or one that has lost its accounts', async () => {
    const { data } = await stoppedHub()
    await rm(join(data, 'hub.sqlite'))
    expect((await failure(openAdmin({ data }))).message).toBe(
      `hub.sqlite is gone from ${data}, and with it all accounts; restore it from a backup, or start halyard hub there to begin anew`,
    )
    expect(await readdir(data)).not.toContain('hub.sqlite')
  })
})

describe('a hub that runs', () => {
  it('is asked over HTTP', async () => {
    const { server, admin } = await running()
    expect(admin.via).toBe('hub')
    const { accounts } = admin.hologram
    expect(await accounts.add()).toEqual({ cloud_id: 'made', cloud_key: 'key1' })
    expect(await accounts.add({ cloudId: '../%', cloudKey: 'abcd' })).toEqual({ cloud_id: '../%', cloud_key: 'abcd' })
    expect(await all(accounts.list())).toEqual([{ cloud_id: '../%' }, { cloud_id: 'made' }])
    expect(await accounts.remove('../%')).toEqual({ sample: false })
    expect([...server.accounts]).toEqual([['made', 'key1']])
    expect(await failure(accounts.add({ cloudId: 'made' }))).toMatchObject({
      name: 'UsageError',
      code: 'ERR_HUB_ACCOUNT_EXISTS',
      message: 'there is an account made already; choose another cloud id, or remove that one first',
    })
    server.answer = (_request, response) =>
      response.writeHead(409).end('{"error": "ERR_HUB_ACCOUNT_EXISTS", "message": "all are\\ntaken\\u001b[2J"}') !==
      undefined
    expect((await failure(accounts.add())).message).toBe('all are taken [2J')
    server.answer = undefined
    expect((await failure(accounts.remove('none'))).code).toBe('ERR_HUB_DEVICE_UNKNOWN')
    const createdAt = new Date('2026-11-20T12:00:00Z')
    expect(await admin.tokens.add('ci')).toEqual({ id: 'abc0', name: 'ci', createdAt, token: 'the-token' })
    expect(await all(admin.tokens.list())).toEqual([{ id: 'abc0', name: 'ci', createdAt }])
    expect(await admin.tokens.remove('abc0')).toEqual({ sample: false })
    expect((await failure(admin.tokens.remove('abc0'))).code).toBe('ERR_HUB_TOKEN_UNKNOWN')
    await admin.close()
  })

  it('lists in pages, and is not asked for the same page for ever', async () => {
    const { server, admin } = await running()
    for (let index = 0; index < 2500; index++) server.accounts.set(index.toString(36).padStart(4, '+'), 'same')
    expect(await all(admin.hologram.accounts.list())).toHaveLength(2500)
    expect(server.asked).toHaveLength(3)
    server.answer = (_request, response) => response.end('{"accounts": [], "next": "aaaa"}') !== undefined
    expect((await failure(all(admin.hologram.accounts.list()))).code).toBe('ERR_HUB_ADMIN')
    await admin.close()
  })

  it('says when the sample left accounts.json', async () => {
    const { data, server, admin } = await running()
    const samples = new SampleFile(nodeDisk(), data)
    const id = (await samples.read())?.hologram?.cloud_id ?? ''
    server.accounts.set(id, 'key1')
    server.onRemove = async (removed) => void (await samples.forget('hologram', ({ cloud_id }) => cloud_id === removed))
    expect(await admin.hologram.accounts.remove(id)).toEqual({ sample: true })
    await admin.close()
  })

  it.each([
    ['no JSON', (url: string) => url, 'gave an answer that this version does not understand'],
    ['[]', (url: string) => url, 'gave an answer that this version does not understand'],
    ['{"accounts": [{}]}', (url: string) => url, 'gave an answer that this version does not understand'],
    ['x'.repeat(5_000_000), (url: string) => url, 'does not answer: its answer is larger than any of a hub'],
    ['', () => 'https://example.org', 'has left an address in running.json that is none'],
    ['', () => 'nowhere', 'has left an address in running.json that is none'],
  ])('that says %.20s is not believed', async (text, address, what) => {
    const { data, server } = await running()
    server.answer = (_request, response) => response.end(text) !== undefined
    await writeRunningFile(nodeDisk(), data, { url: address(server.url), token: 'local-token' })
    const asked = async (): Promise<void> => {
      await using admin = await openAdmin({ data })
      await all(admin.hologram.accounts.list())
    }
    const { name, code, message } = await failure(asked())
    expect([name, code]).toEqual(['ConnectionError', 'ERR_HUB_ADMIN'])
    expect(message).toContain(`the hub that has ${data} open`)
    expect(message).toContain(
      `${what}; if it is just starting or stopping try again, else stop it: its directory can be changed then`,
    )
    expect(message).not.toContain('local-token')
  })

  it.each([
    [401, '{"error": "ERR_HUB_API_TOKEN", "message": "no"}', 'does not know the token of running.json'],
    [404, '{"error": "not found"}', `answered with status 404, which is not this version's API`],
    [500, '<html>', `answered with status 500, which is not this version's API`],
  ])('and a refusal %i that is not of its API is told as such', async (status, text, what) => {
    const { server, admin } = await running()
    server.answer = (_request, response) => response.writeHead(status).end(text) !== undefined
    expect((await failure(admin.tokens.add('ci'))).message).toContain(what)
    await admin.close()
  })

  it('has left an address at which nobody listens', async () => {
    const { data } = await running()
    const closed = createServer()
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve))
    const { port } = closed.address() as AddressInfo
    await new Promise((resolve) => closed.close(resolve))
    await writeRunningFile(nodeDisk(), data, { url: `http://127.0.0.1:${port}`, token: 'local-token' })
    await using admin = await openAdmin({ data })
    const { code, message } = await failure(admin.tokens.add('ci'))
    expect([code, message]).toEqual([
      'ERR_HUB_ADMIN',
      `the hub that has ${data} open (http://127.0.0.1:${port}) does not answer: connect ECONNREFUSED 127.0.0.1:${port}; if it is just starting or stopping try again, else stop it: its directory can be changed then`,
    ])
  })
})

it('no token is logged', async () => {
  const { data } = await stoppedHub()
  const logger = new RecordingLogger()
  await using admin = await openAdmin({ data, logger })
  const { token } = await admin.tokens.add('ci')
  expect(JSON.stringify(logger.lines)).not.toContain(token)
})

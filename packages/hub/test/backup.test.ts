import { chmod, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openAdmin } from '../src/admin.ts'
import { backupHub, restoreHub } from '../src/backup.ts'
import { createHub } from '../src/hub.ts'
import { IndexDatabase } from '../src/store/sqlite/index-database.ts'
import { drain } from './history-support.ts'
import { send, startHub, temporaryDirectory, until } from './support.ts'
import type { TestHub } from './support.ts'

interface Places {
  readonly data: string
  readonly target: string
  readonly restored: string
}

async function places(): Promise<Places> {
  const directory = await temporaryDirectory()
  return { data: join(directory, 'data'), target: join(directory, 'backup'), restored: join(directory, 'restored') }
}

const message = ({ id, key }: TestHub, text: string): string => `{"s": "${id}", "c": "${key}", "d": "${text}"}\r\r`

/** All messages, after a hub has been on the directory and has brought its history up to its journal. */
async function history(data: string): Promise<{ readonly id: string; readonly text: string }[]> {
  await (await createHub({ data, ports: 'ephemeral' })).close()
  using database = await IndexDatabase.open(join(data, 'hub.sqlite'), 'testtest')
  const texts: { readonly id: string; readonly text: string }[] = []
  let cursor: string | undefined
  do {
    const page = drain(database.history.query({ limit: 1000, cursor }, new Date()))
    texts.push(...page.messages.map(({ id, payload }) => ({ id, text: new TextDecoder().decode(payload) })))
    cursor = page.cursor
  } while (cursor !== undefined)
  return texts
}

describe('a backup of a hub that runs', () => {
  it('holds what was acknowledged before, as of one moment, and starts as a hub', async () => {
    const { data, target, restored } = await places()
    const running = await startHub({ data })
    const acknowledged: string[] = []
    const over = new AbortController()
    const load = Array.from({ length: 8 }, async (_, lane) => {
      for (let round = 0; !over.signal.aborted; round++) {
        const text = `${lane}-${round}`
        if ((await send(running.port, message(running, text))) === '[0,0]') acknowledged.push(text)
      }
    })
    await until('there is some load', () => acknowledged.length > 100)
    await using admin = await openAdmin({ data })
    await admin.hologram.accounts.add({ cloudId: 'pump' })

    const before = [...acknowledged]
    const progress: number[][] = []
    const report = await backupHub({ data, target, onProgress: (...count) => progress.push(count) })
    const during = acknowledged.length
    await until('the load goes on', () => acknowledged.length > during + 10)
    over.abort()
    await Promise.all(load)
    expect(report).toMatchObject({ target, via: 'hub' })
    expect(report.committed).toBeGreaterThanOrEqual(before.length)
    expect(progress.at(-1)).toEqual([report.bytes, report.bytes])
    for (const name of ['hub.sqlite', 'journal', 'journal/0000000001.log', 'backup.json', 'secrets.json', '.'])
      expect([name, (await stat(join(target, name))).mode & 0o077]).toEqual([name, 0])
    expect((await readdir(join(target, '..'))).toSorted()).toEqual(['backup', 'data'])

    const found = await restoreHub({ source: target, data: restored })
    expect(found).toMatchObject({ data: restored, committed: report.committed, moved: undefined })
    const kept = await history(restored)
    expect(kept.length).toBe(found.messages)
    // In the order of acceptance, none twice, none missing from the front: a moment, not a mixture.
    expect(new Set(kept.map(({ text }) => text)).size).toBe(kept.length)
    expect(kept.map(({ id }) => id)).toEqual(kept.map(({ id }) => id).toSorted())
    expect(before.filter((text) => !kept.some((one) => one.text === text))).toEqual([])
    expect(report.committed).toBe(kept.length)

    // The hub that was copied has lost nothing, and takes its log over again.
    await running.hub.close()
    const all = (await history(data)).map(({ text }) => text)
    expect(acknowledged.filter((text) => !all.includes(text))).toEqual([])

    // What the restored hub accepts never has an id that the first one gave.
    const again = await startHub({ data: restored })
    expect(await send(again.port, message(running, 'later'))).toBe('[0,0]')
    await again.hub.close()
    const later = (await history(restored)).at(-1)
    expect(later?.text).toBe('later')
    expect(parseInt(later?.id.split('-')[0] ?? '', 36)).toBeGreaterThan(report.committed + 2 ** 31)
  })

  it('is made one at a time, and a copier that is heard of no more is forgotten', async () => {
    const { data, target } = await places()
    const { hub } = await startHub({ data })
    const { token } = JSON.parse(await readFile(join(data, 'running.json'), 'utf8')) as { token: string }
    const call = (method: string, path: string, bearer: string = token): Promise<Response> =>
      fetch(`http://127.0.0.1:${hub.ports.front}/api/backups${path}`, {
        method,
        headers: { authorization: `Bearer ${bearer}` },
      })
    const begun = (await (await call('POST', '')).json()) as { id: string; committed: number }
    await expect(backupHub({ data, target })).rejects.toMatchObject({
      code: 'ERR_HUB_BACKUP_RUNS',
      message: 'another backup of this hub is being made; wait for it, or 15 seconds if it was killed',
    })
    expect(await (await call('POST', `/${begun.id}`)).json()).toEqual({ held: true })
    expect(await (await call('POST', '/1')).json()).toEqual({ held: false })
    // A token of the API opens messages and accounts, not the directory.
    expect((await call('POST', '', hub.accounts.console?.token)).status).toBe(404)
    expect(await (await call('DELETE', `/${begun.id}`)).json()).toEqual({ held: true })
    expect(await (await call('DELETE', `/${begun.id}`)).json()).toEqual({ held: false })
    expect((await backupHub({ data, target })).via).toBe('hub')
  })
})

describe('a backup of a hub that is stopped', () => {
  it('is the same, and so is a backup of the backup', async () => {
    const { data, target, restored } = await places()
    const running = await startHub({ data })
    for (const text of ['one', 'two', 'three']) await send(running.port, message(running, text))
    await send(running.port, `S${running.id}${running.key}+1234 hello\r\r`)
    await running.hub.close()
    const first = await backupHub({ data, target })
    expect(first).toMatchObject({ via: 'directory', committed: 4 })
    await mkdir(`${target}2`)
    const second = await backupHub({ data: target, target: `${target}2` })
    expect([second.committed, second.files]).toEqual([first.committed, first.files])
    const found = await restoreHub({ source: `${target}2`, data: restored })
    expect([found.committed, found.messages]).toEqual([4, 4])
    expect((await history(restored)).map(({ text }) => text)).toEqual(['one', 'two', 'three', 'hello'])
    expect(await readFile(join(restored, 'sms.jsonl'), 'utf8')).toBe(await readFile(join(data, 'sms.jsonl'), 'utf8'))
    expect(await readdir(restored)).not.toContain('backup.json')
  })

  it('holds the messages that wait for devices', async () => {
    const { data, target, restored } = await places()
    const running = await startHub({ data })
    const options = { host: '127.0.0.1', port: 9, timeout: 0 }
    await expect(running.hub.hologram.sendToDevice(running.id, 'wait', options)).rejects.toMatchObject({
      code: 'ERR_HUB_DEVICE_UNREACHABLE',
    })
    await backupHub({ data, target })
    await restoreHub({ source: target, data: restored })
    const { hub } = await startHub({ data: restored })
    const { token } = JSON.parse(await readFile(join(restored, 'running.json'), 'utf8')) as { token: string }
    const url = `http://127.0.0.1:${hub.ports.front}/api/hologram/devices/${running.id}/outbox`
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
    expect(JSON.stringify(await answer.json())).toContain('"state":"queued"')
  })

  it('refuses what is there already, and says what it wants', async () => {
    const { data, target, restored } = await places()
    await expect(backupHub({ data, target })).rejects.toMatchObject({ code: 'ERR_HUB_NO_DATA' })
    await (await createHub({ data, ports: 'ephemeral' })).close()
    await mkdir(target)
    await writeFile(join(target, 'mine'), '')
    await expect(backupHub({ data, target })).rejects.toMatchObject({
      code: 'ERR_HUB_TARGET',
      message: `${target} exists and is not empty; name one that does not, as a date for instance`,
    })
    const inside = join(data, 'backup')
    await expect(backupHub({ data, target: inside })).rejects.toMatchObject({
      code: 'ERR_USAGE',
      message: `${inside} and the data directory ${data} lie in one another; name another one`,
    })
    await expect(backupHub({ data, target: join(target, 'mine') })).rejects.toMatchObject({ code: 'ERR_HUB_TARGET' })
    await expect(restoreHub({ source: data, data: restored })).rejects.toMatchObject({
      code: 'ERR_HUB_BACKUP',
      message: `${data} is no backup: it has no backup.json, which halyard hub backup writes last; name the directory of a whole one`,
    })
    await backupHub({ data, target: `${target}2` })
    await expect(restoreHub({ source: `${target}2`, data })).rejects.toMatchObject({
      code: 'ERR_HUB_TARGET',
      message: `${data} exists and is not empty; --force (force: true) moves it aside`,
    })
    const aborted = backupHub({ data, target: `${target}3`, signal: AbortSignal.abort() })
    await expect(aborted).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    expect((await readdir(join(data, '..'))).toSorted()).toEqual(['backup', 'backup2', 'data'])
  })
})

describe('a restore', () => {
  it('moves what was there aside, if told to and nobody has it open', async () => {
    const { data, target } = await places()
    const { hub } = await startHub({ data })
    await backupHub({ data, target })
    const restore = (): ReturnType<typeof restoreHub> => restoreHub({ source: target, data, force: true })
    await expect(restore()).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' })
    await hub.close()
    await writeFile(join(data, 'mine'), 'kept')
    const { moved = '' } = await restore()
    expect(moved).toMatch(/data[.]before-2\d{3}-[\dTZ-]+$/)
    expect(await readFile(join(moved, 'mine'), 'utf8')).toBe('kept')
    expect(await readdir(data)).not.toContain('mine')
  })

  it.each(['hub.sqlite', 'secrets.json', 'journal/0000000001.log'])('tells a byte that changed in %s', async (name) => {
    const { data, target, restored } = await places()
    const running = await startHub({ data })
    await send(running.port, message(running, 'x'))
    await backupHub({ data, target })
    const path = join(target, name)
    const bytes = await readFile(path)
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    await chmod(path, 0o600)
    await writeFile(path, bytes)
    await expect(restoreHub({ source: target, data: restored })).rejects.toMatchObject({
      code: 'ERR_HUB_BACKUP_CHANGED',
      message: expect.stringContaining(`${path} is not what the backup wrote there`) as string,
    })
    expect((await readdir(join(data, '..'))).toSorted()).toEqual(['backup', 'data'])
  })
})

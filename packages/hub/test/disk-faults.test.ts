import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { IndexDatabase } from '../src/store/sqlite/index-database.ts'
import { FailingDisk } from './failing-disk.ts'
import type { Fault } from './failing-disk.ts'
import { send, startHub, temporaryDirectory, until } from './support.ts'
import { drain } from './history-support.ts'

/** Neither written to nor a new file made: what a file system is when the kernel has seen it fail. */
const READ_ONLY: Fault = { call: 'write', code: 'EROFS' }

describe('when the journal cannot be written', () => {
  it.each([
    [{ call: 'write', code: 'ENOSPC' }, 'the disk is full; free some space'],
    [{ call: 'write', code: 'EIO' }, 'EIO: injected'],
    [{ call: 'sync', code: 'EIO' }, 'EIO: injected'],
    [READ_ONLY, 'the file system is read-only'],
  ] satisfies [NonNullable<Fault>, string][])(
    '%o leaves a message with its device and is code 6 for an SMS; and it goes on when the disk does',
    async (fault, reason) => {
      const data = await temporaryDirectory()
      const failing = new FailingDisk()
      const { hub, port, log, id, key } = await startHub({ data }, { disk: failing.disk })
      const live = hub.messages()
      const message = (text: string): Promise<string> => send(port, `{"s": "${id}", "c": "${key}", "d": "${text}"}\r\r`)
      expect(await message('before')).toBe('[0,0]')

      failing.fault = fault
      expect(await message('not kept')).toBe('')
      expect(await send(port, `S${id}${key}+1 not kept\r\r`)).toBe('60')
      expect((await fetch(`http://127.0.0.1:${hub.ports.front}/health`)).status).toBe(200)
      expect(log.texts('warn').join('\n')).toContain(
        `hologram: a message was not kept: cannot write to ${join(data, 'journal')}`,
      )
      expect(log.texts('warn').join('\n')).toContain(reason)

      failing.fault = undefined
      expect(await message('after')).toBe('[0,0]')
      await hub.close()

      const seen: string[] = []
      for await (const { payload } of live) seen.push(new TextDecoder().decode(payload))
      expect(seen).toEqual(['before', 'after'])
      expect(await history(data)).toEqual(['before', 'after'])
    },
  )
})

describe('the acknowledgement', () => {
  it('leaves after the sync that covers it, not before', async () => {
    const failing = new FailingDisk()
    const { hub, port, id, key } = await startHub({ data: await temporaryDirectory() }, { disk: failing.disk })
    const live = hub.messages()
    let release = (): void => {}
    failing.gate = new Promise((resolve) => (release = resolve))
    const before = failing.syncs
    let answer: string | undefined
    const sent = send(port, `{"s": "${id}", "c": "${key}", "d": "x"}\r\r`).then((text) => (answer = text))
    await until('the journal syncs', () => failing.syncs > before)
    let seen = false
    const first = live.next().then(() => (seen = true))
    // The front door answers while the disk does not: nothing waits that need not.
    for (let count = 0; count < 20; count++) await fetch(`http://127.0.0.1:${hub.ports.front}/health`)
    expect([answer, seen]).toEqual([undefined, false])
    release()
    expect(await sent).toBe('[0,0]')
    await first
  })

  it('a disk that does not keep up leaves messages with their devices', async () => {
    const failing = new FailingDisk()
    const config = '{ hologram: { limits: { bufferedBytes: 65536 } } }'
    const { hub, port, id, key, log } = await startHub(
      { data: await temporaryDirectory(), config },
      { disk: failing.disk },
    )
    let release = (): void => {}
    failing.gate = new Promise((resolve) => (release = resolve))
    const large = `{"s": "${id}", "c": "${key}", "d": "${'x'.repeat(40_000)}"}\r\r`
    const waiting = [send(port, large), send(port, large)]
    const health = async (): Promise<number> => {
      const response = await fetch(`http://127.0.0.1:${hub.ports.front}/health`)
      return ((await response.json()) as { journal: { pendingBytes: number } }).journal.pendingBytes
    }
    await until('both wait for the disk', async () => (await health()) > 80_000)
    expect(await send(port, large)).toBe('')
    expect(log.texts('warn')).toEqual(['hologram: the disk is too slow; messages are left with their devices'])
    release()
    expect(await Promise.all(waiting)).toEqual(['[0,0]', '[0,0]'])
  })
})

interface Health {
  readonly status: string
  readonly journal: { readonly failing?: string; readonly committed: number }
  readonly disk: { readonly used: number; readonly limit: number; readonly free: number; readonly full: boolean }
}

async function healthOf(port: number): Promise<Health> {
  return (await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as Health
}

describe('who looks at a hub whose disk fails', () => {
  it.each([
    [{ call: 'write', code: 'ENOSPC' }, 'ERR_STORE_FULL', 'the disk is full; free some space'],
    [READ_ONLY, 'ERR_STORE_PERMISSION', 'the file system is read-only'],
    [{ call: 'sync', code: 'EIO' }, 'ERR_STORE_IO', 'EIO: injected'],
  ] satisfies [Fault, string, string][])('sees %o in /health, and one line in the log', async (fault, code, reason) => {
    const data = await temporaryDirectory()
    const failing = new FailingDisk()
    const { hub, port, log, id, key } = await startHub({ data }, { disk: failing.disk })
    const message = (): Promise<string> => send(port, `{"s": "${id}", "c": "${key}", "d": "x"}\r\r`)
    expect(await message()).toBe('[0,0]')
    const sound = await healthOf(hub.ports.front)
    expect(sound).toMatchObject({ status: 'ok', disk: { full: false } })
    expect(sound.journal).not.toHaveProperty('failing')

    failing.fault = fault
    for (let round = 0; round < 20; round++) expect(await message()).toBe('')
    expect(await healthOf(hub.ports.front)).toMatchObject({
      status: 'failing',
      journal: { failing: code, committed: 1 },
    })
    const said = log.texts('error').filter((text) => text.startsWith('the journal cannot be written'))
    expect(said).toEqual([expect.stringContaining(reason)])
    expect(said[0]).toMatch(/; nothing new is acknowledged$/)
    expect(log.texts('warn').filter((text) => text.includes('a message was not kept')).length).toBe(1)

    failing.fault = undefined
    expect(await message()).toBe('[0,0]')
    expect(await healthOf(hub.ports.front)).toMatchObject({ status: 'ok', journal: {} })
    expect(log.texts('info')).toContain('the journal can be written again')
    // At the edge of a full disk it comes and goes.
    for (let round = 0; round < 10; round++) {
      failing.fault = fault
      expect(await message()).toBe('')
      failing.fault = undefined
      expect(await message()).toBe('[0,0]')
    }
    expect(log.texts('error').filter((text) => text.startsWith('the journal cannot be written')).length).toBe(1)
    expect(new Set(log.texts('error')).size).toBe(log.texts('error').length)
    expect(log.texts('info').filter((text) => text === 'the journal can be written again').length).toBe(1)
    // Of hours on a disk that fails there would be thousands.
    expect((await readdir(join(data, 'journal'))).filter((name) => name.endsWith('.log')).length).toBeLessThan(20)
  })
})

it.each([5, 30])('a disk whose syncs take %d ms longer is shared by all who wait for it', async (delay) => {
  const failing = new FailingDisk()
  const { hub, port, id, key, log } = await startHub({ data: await temporaryDirectory() }, { disk: failing.disk })
  failing.delay = delay
  const before = failing.syncs
  const message = (text: number): Promise<string> => send(port, `{"s": "${id}", "c": "${key}", "d": "${text}"}\r\r`)
  // The first looks the account up; the others find it known.
  expect(await message(0)).toBe('[0,0]')
  const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => message(index)))
  expect(new Set(answers)).toEqual(new Set(['[0,0]']))
  expect(failing.syncs - before).toBeLessThan(60)
  expect(await healthOf(hub.ports.front)).toMatchObject({ status: 'ok', journal: { committed: 101 } })
  expect([...log.texts('warn'), ...log.texts('error')]).toEqual([])
})

it('a commit interval has messages wait for company, and be acknowledged together', async () => {
  const failing = new FailingDisk()
  const config = '{ journal: { commitInterval: 0.2 } }'
  const options = { data: await temporaryDirectory(), config }
  const { hub, port, id, key } = await startHub(options, { disk: failing.disk })
  const message = (): Promise<string> => send(port, `{"s": "${id}", "c": "${key}", "d": "x"}\r\r`)
  expect(await message()).toBe('[0,0]')
  const before = failing.syncs
  const began = performance.now()
  expect(await Promise.all([message(), message(), message()])).toEqual(['[0,0]', '[0,0]', '[0,0]'])
  expect(performance.now() - began).toBeGreaterThanOrEqual(199)
  expect(failing.syncs - before).toBe(1)
  expect((await healthOf(hub.ports.front)).journal.committed).toBe(4)
})

async function history(data: string): Promise<string[]> {
  const database = await IndexDatabase.open(join(data, 'hub.sqlite'), 'testtest')
  onTestFinished(() => database.close())
  const { messages } = drain(database.history.query({ space: 'hologram' }, new Date()))
  return messages.map(({ payload }) => new TextDecoder().decode(payload))
}

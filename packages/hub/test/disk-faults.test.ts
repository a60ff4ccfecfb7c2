import { join } from 'node:path'
import { nodeDisk } from '@halyard/core/node'
import type { Disk, DiskFile } from '@halyard/core/node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { IndexDatabase } from '../src/store/sqlite/index-database.ts'
import { send, startHub, temporaryDirectory, until } from './support.ts'
import { drain } from './history-support.ts'

type Fault = { readonly call: 'write' | 'sync'; readonly code: string } | undefined

/** The real disk (the index worker reads the same files), whose journal fails as long as it is told to. */
class FailingDisk {
  fault: Fault
  /** Holds every sync until it is settled. */
  gate: Promise<void> | undefined
  syncs = 0

  get disk(): Disk {
    const disk = nodeDisk()
    return {
      ...disk,
      open: async (path, how) => {
        const file = await disk.open(path, how)
        return path.endsWith('.log') ? this.#wrap(file) : file
      },
    }
  }

  #wrap(file: DiskFile): DiskFile {
    return {
      write: (bytes, position) => this.#fails('write') ?? file.write(bytes, position),
      sync: async () => {
        this.syncs++
        await this.gate
        await (this.#fails('sync') ?? file.sync())
      },
      read: (into, position) => file.read(into, position),
      truncate: (length) => file.truncate(length),
      size: () => file.size(),
      close: () => file.close(),
    }
  }

  #fails(call: 'write' | 'sync'): Promise<never> | undefined {
    if (this.fault?.call !== call) return undefined
    return Promise.reject(Object.assign(new Error(`${this.fault.code}: injected`), { code: this.fault.code }))
  }
}

describe('when the journal cannot be written', () => {
  it.each([
    [{ call: 'write', code: 'ENOSPC' }, 'the disk is full; free some space'],
    [{ call: 'write', code: 'EIO' }, 'EIO: injected'],
    [{ call: 'sync', code: 'EIO' }, 'EIO: injected'],
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

async function history(data: string): Promise<string[]> {
  const database = await IndexDatabase.open(join(data, 'hub.sqlite'), 'testtest')
  onTestFinished(() => database.close())
  const { messages } = drain(database.history.query({ space: 'hologram' }, new Date()))
  return messages.map(({ payload }) => new TextDecoder().decode(payload))
}

import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { Server, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { nodeClock, nodeDisk } from '@halyard/core/node'
import type { Disk } from '@halyard/core/node'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Hub } from '../src/api.ts'
import { createHub } from '../src/hub.ts'
import type { HubOptions } from '../src/options.ts'
import { closeStore, openDiskStore } from '../src/store/open-store.ts'
import { open, send, startHub, temporaryDirectory } from './support.ts'

const mode = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8)

/** The accounts without the address, which has another port at each start. */
const secretsOf = ({ accounts: { hologram, mqtt, emitter, console: api } }: Hub): object => ({
  hologram,
  mqtt,
  emitter,
  console: { token: api?.token },
})

describe('the first start', () => {
  it('makes its directory, secrets and one account, readable by their owner alone', async () => {
    const data = join(await temporaryDirectory(), 'deep', 'halyard-data')
    const { hub, port, id, key } = await startHub({ data })
    expect(hub.ready).toEqual({
      event: 'ready',
      data,
      ports: { front: expect.any(Number), mqtt: expect.any(Number), hologram: port },
      mqtt: { username: 'sample', password: expect.stringMatching(/^[\w-]{27}$/) },
      hologram: { cloud_id: id, cloud_key: key },
      emitter: {
        license: expect.stringMatching(/^[\w-]{80,}:3$/),
        master_key: expect.stringMatching(/^[\w-]{32}$/),
        channel_key: expect.stringMatching(/^[\w-]{32}$/),
      },
      console: { url: `http://127.0.0.1:${hub.ports.front}/console/`, token: expect.stringMatching(/^[\w-]{27}$/) },
    })
    expect(id).toMatch(/^[2-9a-z]{4}$/)
    expect(key).toMatch(/^[2-9a-z]{4}$/)
    expect(JSON.parse(await readFile(join(data, 'accounts.json'), 'utf8'))).toEqual(secretsOf(hub))
    expect(await mode(data)).toBe('700')
    expect(await mode(join(data, 'accounts.json'))).toBe('600')
    expect(await mode(join(data, 'secrets.json'))).toBe('600')
    expect(await mode(join(data, 'hub.sqlite'))).toBe('600')
  })

  it('keeps no key in clear but in accounts.json', async () => {
    const data = await temporaryDirectory()
    const { hub, id, key } = await startHub({ data })
    await hub.close()
    for (const name of ['secrets.json', 'hub.sqlite']) {
      const content = await readFile(join(data, name), 'latin1')
      expect(content.includes(`${id}${key}`) || content.includes(`"${key}"`)).toBe(false)
    }
  })

  it('has accounts.json complete and synced before anyone can connect', async () => {
    const parent = await temporaryDirectory()
    const data = join(parent, 'data')
    const steps: string[] = []
    const disk = nodeDisk()
    const watched: Disk = {
      ...disk,
      rename: async (from, to) => {
        await disk.rename(from, to)
        steps.push(`rename ${to.slice(data.length)}`)
      },
      syncDirectory: async (path) => {
        await disk.syncDirectory(path)
        if (path === data || path === parent) steps.push(`sync ${path.slice(parent.length)}`)
      },
    }
    const { hub } = await startHub({ data }, { disk: watched })
    expect(steps).toEqual([
      ...['sync ', 'sync /data', 'rename /secrets.json', 'sync /data'],
      ...['rename /accounts.json', 'sync /data'],
      // After the ports are open: where they are.
      ...['rename /running.json', 'sync /data'],
    ])
    expect((await readdir(data)).filter((name) => name.endsWith('.tmp'))).toEqual([])
    await hub.close()
  })

  it('that was cut short goes on with the same account', async () => {
    const data = await temporaryDirectory()
    const first = await startHub({ data })
    await first.hub.close()
    // As if the power had gone after accounts.json: the registry is there and knows nothing.
    await rm(join(data, 'hub.sqlite'))
    await closeStore(await openDiskStore(data, { disk: nodeDisk(), clock: nodeClock(), logger: first.log }))
    const second = await startHub({ data })
    expect(second.log.texts('warn')).toEqual([])
    expect(secretsOf(second.hub)).toEqual(secretsOf(first.hub))
    expect(await send(second.port, `{"s": "${first.id}", "c": "${first.key}", "d": "x"}\r\r`)).toBe('[0,0]')
  })
})

describe('a later start', () => {
  it('has the same accounts', async () => {
    const data = await temporaryDirectory()
    const first = await startHub({ data })
    await first.hub.close()
    const second = await startHub({ data })
    expect(secretsOf(second.hub)).toEqual(secretsOf(first.hub))
    expect(await send(second.port, `{"s": "${first.id}", "c": "${first.key}", "d": "x"}\r\r`)).toBe('[0,0]')
  })

  it('shows no sample that was taken away, and lets its device in', async () => {
    const data = await temporaryDirectory()
    const first = await startHub({ data })
    await first.hub.close()
    await rm(join(data, 'accounts.json'))
    const second = await startHub({ data })
    expect(second.hub.ready).not.toHaveProperty('hologram')
    expect(await send(second.port, `{"s": "${first.id}", "c": "${first.key}", "d": "x"}\r\r`)).toBe('[0,0]')
  })

  it('names messages on from where it was', async () => {
    const data = await temporaryDirectory()
    const ids: string[] = []
    for (let start = 0; start < 2; start++) {
      const { hub, port, id, key } = await startHub({ data })
      const live = hub.messages()
      for (const text of ['a', 'b']) await send(port, `{"s": "${id}", "c": "${key}", "d": "${text}"}\r\r`)
      for (let count = 0; count < 2; count++) ids.push((await live.next()).value?.id ?? '')
      await hub.close()
    }
    expect(new Set(ids).size).toBe(4)
    expect(ids.toSorted()).toEqual(ids)
  })
})

it('secrets that are gone are told: no key is good any more', async () => {
  const data = await temporaryDirectory()
  const first = await startHub({ data })
  await first.hub.close()
  await rm(join(data, 'secrets.json'))
  const second = await startHub({ data })
  expect(second.log.texts('warn')).toEqual([
    `secrets.json is gone: a new one is made, with which no Hologram key and no key of the hub's own Emitter licence is good any more; to have them back stop the hub and restore secrets.json from a backup`,
  ])
  expect(await send(second.port, `{"s": "${first.id}", "c": "${first.key}", "d": "x"}\r\r`)).toBe('[3,0]')
  await second.hub.close()
  expect((await startHub({ data })).log.texts('warn')).toEqual([])
})

describe('a SQLite file that is gone', () => {
  const LOSS =
    'hub.sqlite is gone: all accounts and tokens but the samples are lost, and the messages that the journal does not hold any more; to have them back stop the hub and restore hub.sqlite from a backup'

  const lose = async (data: string): Promise<void> => {
    for (const name of await readdir(data)) if (name.startsWith('hub.sqlite')) await rm(join(data, name))
  }

  it('is told once, and the samples are there again', async () => {
    const data = await temporaryDirectory()
    const first = await startHub({ data })
    await first.hub.close()
    await lose(data)
    const second = await startHub({ data })
    expect(second.log.texts('warn')).toEqual([LOSS])
    expect(secretsOf(second.hub)).toEqual(secretsOf(first.hub))
    await second.hub.close()
    expect((await startHub({ data })).log.texts('warn')).toEqual([])
  })

  it('is told also by the journal alone, and if the start after it was cut short', async () => {
    const data = await temporaryDirectory()
    const first = await startHub({ data })
    await send(first.port, `{"s": "${first.id}", "c": "${first.key}", "d": "x"}\r\r`)
    await first.hub.close()
    await lose(data)
    for (const name of ['accounts.json', 'push']) await rm(join(data, name), { recursive: true, force: true })
    await closeStore(await openDiskStore(data, { disk: nodeDisk(), clock: nodeClock(), logger: first.log }))
    expect((await startHub({ data })).log.texts('warn')).toEqual([LOSS])
  })
})

describe('what keeps a hub from starting is said', () => {
  const failing = async (options: HubOptions): Promise<{ code: string; message: string }> => {
    const outcome = await createHub({ data: ':memory:', ports: 'ephemeral', ...options }).catch(
      (error: unknown) => error,
    )
    if (!(outcome instanceof Error)) await (outcome as { close(): Promise<void> }).close()
    expect(outcome).toBeInstanceOf(Error)
    return outcome as Error & { code: string }
  }

  it('a port in use', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as AddressInfo
    const error = await failing({ ports: { front: 0, hologram: port } })
    expect(error.code).toBe('ERR_HUB_PORT_IN_USE')
    expect(error.message).toBe(
      `port ${port} (hologram) on 127.0.0.1 is in use by another program; stop that, or choose another port with --port-hologram (0: a free one) or --ephemeral`,
    )
    expect((await failing({ ports: { front: port, hologram: 0 } })).message).toContain(`port ${port} (front)`)
  })

  it('and leaves nothing open behind it', async () => {
    const data = await temporaryDirectory()
    const { hub } = await startHub()
    await failing({ data, ports: { front: hub.ports.front, hologram: 0 } })
    const again = await startHub({ data })
    expect(again.id).toHaveLength(4)
  })

  it('another hub on the directory', async () => {
    const data = await temporaryDirectory()
    await startHub({ data })
    const error = await failing({ data })
    expect(error.code).toBe('ERR_STORE_LOCKED')
    expect(error.message).toContain(join(data, 'journal'))
  })

  it('a file where the directory should be', async () => {
    const data = join(await temporaryDirectory(), 'file')
    await writeFile(data, 'x')
    const error = await failing({ data })
    expect(error.code).toBe('ERR_STORE_PATH')
    expect(error.message).toBe(`cannot make the data directory ${data}: there is a file in the way; name a directory`)
  })

  it('no permission', async () => {
    const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })
    const disk: Disk = { ...nodeDisk(), mkdir: () => Promise.reject(denied) }
    await expect(startHub({ data: '/srv/halyard' }, { disk })).rejects.toThrow(
      'cannot make the data directory /srv/halyard: no permission; give this user the right to read and write there',
    )
  })

  it('a port that this user may not have', async () => {
    // Refused here and not by the kernel: to root, and in many containers, it gives every port.
    const listen = vi.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server) {
      const denied = Object.assign(new Error('listen EACCES: permission denied 127.0.0.1:80'), { code: 'EACCES' })
      process.nextTick(() => this.emit('error', denied))
      return this
    })
    onTestFinished(() => {
      listen.mockRestore()
    })
    const error = await failing({ ports: { front: 80, hologram: 80 } })
    expect(error.code).toBe('ERR_HUB_PORT_PERMISSION')
    expect(error.message).toMatch(
      /^no permission to listen on port 80 \((front|hologram)\) of 127\.0\.0\.1; choose a port above 1023 with --port-\1/,
    )
  })

  it('an address that is not of this machine', async () => {
    const error = await failing({ host: '192.0.2.1' })
    expect(error.code).toBe('ERR_HUB_HOST')
    expect(error.message).toContain('192.0.2.1 is not an address of this machine')
  })

  it('accounts.json that is not ours, without showing what is in it', async () => {
    const data = await temporaryDirectory()
    await (await startHub({ data })).hub.close()
    await writeFile(join(data, 'accounts.json'), '{"hologram": {"cloud_key": "ge!m"')
    const error = await failing({ data })
    expect(error.code).toBe('ERR_HUB_FILE')
    expect(error.message).toContain('accounts.json does not hold what the hub wrote there')
    expect(error.message).not.toContain('ge!m')
  })

  it('a journal that is gone from under its index', async () => {
    const data = await temporaryDirectory()
    const { hub, port, id, key } = await startHub({ data })
    for (let count = 0; count < 3; count++) await send(port, `{"s": "${id}", "c": "${key}", "d": "x"}\r\r`)
    await hub.close()
    await rm(join(data, 'journal'), { recursive: true })
    // Three records are few: their numbers are used up, and the hub goes on.
    const second = await startHub({ data })
    expect(second.log.texts('warn')).toEqual([
      'the last 3 records of the journal are lost: the history has their messages, but sessions and retained messages of MQTT are as they were before; to have those back stop the hub and restore a backup',
    ])
    const live = second.hub.messages()
    await send(second.port, `{"s": "${id}", "c": "${key}", "d": "x"}\r\r`)
    expect((await live.next()).value?.id.startsWith('00000000004-')).toBe(true)
  })

  it.each([
    [
      { mqttAnonymous: true, host: '0.0.0.0' },
      'ERR_HUB_MQTT_ANONYMOUS',
      'mqttAnonymous (--mqtt-anonymous) would let the network of 0.0.0.0 in without a password; leave it out, or listen on 127.0.0.1',
    ],
    [{ ports: { front: 70_000 } }, 'ERR_USAGE_PORT', 'ports.front must be from 0 to 65535 (0: a free port), not 70000'],
    [
      { ports: { web: 1 } as never },
      'ERR_USAGE',
      `there is no port 'web'; there are front, mqtt, hologram, exp, expGateway`,
    ],
    [
      { ports: 'free' as never },
      'ERR_USAGE',
      `ports must be 'ephemeral' or an object such as { front: 8080, hologram: 0 }`,
    ],
    [{ data: '' }, 'ERR_USAGE', 'data must be a text that is not empty'],
    [
      { dir: 'x' } as never,
      'ERR_USAGE',
      `createHub() has no option 'dir'; it has data, host, ports, mqttAnonymous, emitterLicense, acceptForeignKeys, emitterMatcher, config, logger`,
    ],
  ] satisfies [HubOptions, string, string][])('%o', async (options, code, message) => {
    expect(await failing(options)).toMatchObject({ code, message })
  })
})

it('a port for a service that is not there yet is not opened, and that is said', async () => {
  const { hub, log } = await startHub({ ports: { front: 0, hologram: 0, mqtt: 0, exp: 0 } })
  expect(Object.keys(hub.ports).toSorted()).toEqual(['front', 'hologram', 'mqtt'])
  expect(log.texts('warn')).toEqual(['ports.exp: this version has no such service; not opened'])
})

describe('the end', () => {
  it('close() twice is one, and await using closes', async () => {
    const { hub } = await startHub()
    const first = hub.close()
    expect(hub.close()).toBe(first)
    await first
    await hub[Symbol.asyncDispose]()
    await expect(fetch(`http://127.0.0.1:${hub.ports.front}/health`)).rejects.toThrow('fetch failed')
  })

  it('waits for a message that is under way, takes no new one', async () => {
    const data = await temporaryDirectory()
    const { hub, port, id, key } = await startHub({ data })
    const live = hub.messages()
    const { socket, answer } = await open(port)
    const silent = await open(port)
    socket.write(`{"s": "${id}", "c": "${key}", `)
    await send(port, `{"s": "${id}", "c": "${key}", "d": "before"}\r\r`)
    const closed = hub.close()
    expect(await silent.answer).toBe('')
    const late = await open(port)
    expect(await late.answer).toBe('')
    socket.write('"d": "last"}\r\r')
    expect(await answer).toBe('[0,0]')
    await closed
    const texts: string[] = []
    for await (const { payload } of live) texts.push(new TextDecoder().decode(payload))
    expect(texts).toEqual(['before', 'last'])
  })
})

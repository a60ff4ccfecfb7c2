import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { HubReady } from '@halyard/hub'
import { describe, expect, test } from 'vitest'
import { temporaryDirectory } from '../context.ts'
import { Command, run } from './spawn.ts'

const readyOf = async (command: Command): Promise<HubReady> =>
  JSON.parse((await command.says(/^(\{.*\})\n/))[1] ?? '') as HubReady

describe('halyard hub --json', () => {
  test('ready, a message, stopped; the same account at the next start', async () => {
    await using directory = await temporaryDirectory()
    const data = join(directory.path, 'data')
    await using hub = new Command(['hub', '--data', data, '--ephemeral', '--json'])
    const ready = await readyOf(hub)
    expect(ready).toMatchObject({
      event: 'ready',
      data,
      hologram: { cloud_id: expect.stringMatching(/^.{4}$/) as string },
    })
    const { cloud_id = '', cloud_key = '' } = ready.hologram ?? {}
    const sent = await run(['send', 'hello', '--host', '127.0.0.1', '-p', String(ready.ports.hologram)], {
      env: { HALYARD_CLOUD_ID: cloud_id, HALYARD_CLOUD_KEY: cloud_key },
    })
    expect(sent).toEqual({ code: 0, signal: null, out: 'DATA RECEIVED: 0\n', errors: '' })
    hub.child.kill('SIGTERM')
    const { code, out } = await hub.finished
    expect([code, out.trim().split('\n').slice(1)]).toEqual([0, ['{"event":"stopped"}']])

    await using again = new Command(['hub', '--data', data, '--ephemeral', '--json'])
    expect((await readyOf(again)).hologram).toEqual(ready.hologram)
    again.child.kill('SIGINT')
    expect((await again.finished).code).toBe(0)
  })

  test('the printed line is one that works', async () => {
    await using directory = await temporaryDirectory()
    await using hub = new Command(['hub', '--ephemeral'], { cwd: directory.path })
    const [, words = ''] = await hub.says(/ send "hello" (--host .*--cloud_key \S+)\n/)
    expect(await run(['send', 'hello', ...words.split(' ')])).toMatchObject({ code: 0, out: 'DATA RECEIVED: 0\n' })
    hub.child.kill('SIGINT')
    expect((await hub.finished).out).toMatch(/The hub has stopped\.\n$/)
  })
})

test('a second Ctrl-C does not wait for what is in flight', async () => {
  await using hub = new Command(['hub', '--data', ':memory:', '--ephemeral'])
  const [, port] = await hub.says(/ -p (\d+) /)
  const slow = connect(Number(port), '127.0.0.1').on('error', () => {})
  await once(slow, 'connect')
  slow.write('{"s":')
  const [, health = ''] = await hub.says(/(http:\S+\/health)/)
  // Whoever is counted has been read from, too, before the signal is looked at: its bytes came first.
  while ((await connections(health)) === 0);
  hub.child.kill('SIGINT')
  while (!hub.errors.includes('Ctrl-C again')) await once(hub.child.stderr, 'data')
  hub.child.kill('SIGINT')
  expect((await hub.finished).code).toBe(130)
})

async function connections(health: string): Promise<number> {
  const { services } = (await (await fetch(health)).json()) as { services: { hologram: { connections: number } } }
  return services.hologram.connections
}

describe('what keeps a hub from starting is one line, and 1', () => {
  const failure = async (
    words: readonly string[],
    options: ConstructorParameters<typeof Command>[1] = {},
  ): Promise<string> => {
    const { code, out, errors } = await run(['hub', ...words], options)
    expect([code, out]).toEqual([1, ''])
    expect(errors).toMatch(/^halyard: .*\n$/)
    return errors
  }

  test('a port in use', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const text = await failure(['--data', ':memory:', '--ephemeral', '--port-hologram', String(port)])
    server.close()
    expect(text).toBe(
      `halyard: port ${port} (hologram) on 127.0.0.1 is in use by another program; stop that, or choose another port with --port-hologram (0: a free one) or --ephemeral (ERR_HUB_PORT_IN_USE)\n`,
    )
  })

  test('another hub on the directory: its process is named', async () => {
    await using directory = await temporaryDirectory()
    await using owner = new Command(['hub', '--data', directory.path, '--ephemeral', '--json'])
    await readyOf(owner)
    const text = await failure(['--data', directory.path, '--ephemeral'])
    expect(text).toContain(`process ${owner.child.pid} has it open; stop that one first`)
    expect(text).toContain('(ERR_STORE_LOCKED)')
  })

  test('no permission', async () => {
    await using directory = await temporaryDirectory()
    const data = join(directory.path, 'data')
    await mkdir(data, { mode: 0 })
    const text = await failure(['--data', data, '--ephemeral'], { isOrdinary: true })
    expect(text).toMatch(/^halyard: .*: no permission; give this user the right .*\(ERR_STORE_PERMISSION\)\n$/)
  })

  test('a file that is not HJSON: the line is told', async () => {
    await using directory = await temporaryDirectory()
    const file = join(directory.path, 'hub.hjson')
    await writeFile(file, '{\n  history: {\n    maxAge: 5\n  ]\n}\n')
    expect(await failure(['--data', ':memory:', '--config', file])).toMatch(
      /is not HJSON: .* at line 4, .*\(ERR_CONFIG_FILE\)/,
    )
  })
})

describe('halyard hub --demo', () => {
  test('killed and started again, it delivers what was queued', async () => {
    await using directory = await temporaryDirectory()
    const words = ['hub', '--demo', '--ephemeral', '--data', directory.path]
    await using first = new Command(words)
    await first.says(/event {2}the link is cut/)
    // The sensor goes on measuring: its next reading is queued, and lies on the disk when `ls` shows it.
    const queued = async (): Promise<number> =>
      (
        await run(['outbox', 'ls', '--outbox', join(directory.path, 'demo-outbox'), '--state', 'queued', '--json'])
      ).out.split('\n').length - 1
    while ((await queued()) < 2);
    first.child.kill('SIGKILL')
    await first.finished
    const left = await queued()

    await using second = new Command(words)
    await second.says(new RegExp(`event {2}${left} messages of an earlier run found on disk: sending now`))
    await second.says(new RegExp(`event {2}the ${left} messages of the earlier run arrived`))
    await second.says(/disk {3}\d\d\.\d °C {2}\(waited/)
    second.child.kill('SIGINT')
    expect((await second.finished).code).toBe(0)
  })
})

import { join } from 'node:path'
import type { HubReady } from '@halyard/hub'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../context.ts'
import { Command, run } from './spawn.ts'

const readyOf = async (command: Command): Promise<HubReady> =>
  JSON.parse((await command.says(/^(\{.*\})\n/))[1] ?? '') as HubReady

const send = async (ready: HubReady, id: string, key: string): Promise<string> => {
  const env = { HALYARD_CLOUD_ID: id, HALYARD_CLOUD_KEY: key }
  return (await run(['send', 'x', '--host', '127.0.0.1', '-p', String(ready.ports.hologram)], { env })).out
}

interface Account {
  readonly cloud_id: string
  readonly cloud_key: string
}

test('accounts of a hub that is stopped, and then started', async () => {
  await using directory = await temporaryDirectory()
  const data = join(directory.path, 'data')
  await using first = new Command(['hub', '--data', data, '--ephemeral', '--json'])
  const { hologram: sample } = await readyOf(first)
  first.child.kill('SIGTERM')
  await first.finished

  const env = { HALYARD_HUB_DATA: data }
  const added = await run(['hub', 'account', 'add', '--cloud_id', 'pump', '--cloud_key', '-', '--json'], {
    env,
    input: 'p"%1\n',
  })
  expect(added).toMatchObject({ code: 0, errors: '' })
  expect(JSON.parse(added.out)).toEqual({ service: 'hologram', cloud_id: 'pump', cloud_key: 'p"%1' })
  expect(await run(['hub', 'account', 'rm', sample?.cloud_id ?? ''], { env })).toMatchObject({
    code: 0,
    out: `account ${sample?.cloud_id} removed (the sample: from accounts.json too)\n`,
  })

  await using second = new Command(['hub', '--data', data, '--ephemeral', '--json'])
  const ready = await readyOf(second)
  expect(ready).not.toHaveProperty('hologram')
  expect(await send(ready, 'pump', 'p"%1')).toBe('DATA RECEIVED: 0\n')
  expect(await send(ready, sample?.cloud_id ?? '', sample?.cloud_key ?? '')).toBe('DATA RECEIVED: 3\n')
})

test('accounts and tokens of a hub that runs beside', async () => {
  await using directory = await temporaryDirectory()
  const data = join(directory.path, 'data')
  await using hub = new Command(['hub', '--data', data, '--ephemeral', '--json'])
  const ready = await readyOf(hub)

  const env = { HALYARD_HUB_DATA: data }
  const { cloud_id, cloud_key } = JSON.parse((await run(['hub', 'account', 'add', '--json'], { env })).out) as Account
  expect(await send(ready, cloud_id, cloud_key)).toBe('DATA RECEIVED: 0\n')
  expect((await run(['hub', 'account', 'list'], { env })).out).toMatch(/\n3 accounts\n$/)
  expect(await run(['hub', 'account', 'rm', cloud_id], { env })).toMatchObject({ code: 0, errors: '' })
  expect(await send(ready, cloud_id, cloud_key)).toBe('DATA RECEIVED: 3\n')
  expect(await run(['hub', 'account', 'rm', cloud_id], { env })).toMatchObject({ code: 1, out: '' })

  const set = ['hub', 'account', 'set', 'sample', '--password', '-', '--access', 'read #']
  expect(await run(set, { env, input: 'chosen\n' })).toMatchObject({
    code: 0,
    out: 'account sample changed (read #)\n',
    errors: '',
  })

  const { out } = await run(['hub', 'token', 'add', 'ci'], { env })
  const messages = await fetch(`http://127.0.0.1:${ready.ports.front}/api/messages?last=1`, {
    headers: { authorization: `Bearer ${out.trim()}` },
  })
  expect(messages.status).toBe(200)
  hub.child.kill('SIGTERM')
  expect((await hub.finished).errors).toBe('')
})

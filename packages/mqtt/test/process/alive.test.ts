/** What keeps a process alive, and what does not: docs/guide/mqtt-client.md §Ends. */
import { execFile } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { hub, until } from '../support/clients.ts'

const dist = pathToFileURL(join(import.meta.dirname, '../../dist/index.js')).href

async function runs(code: string): Promise<string> {
  const program = `import { MqttClient, connect, publishOnce } from '${dist}'\n${code}`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program])
  return stdout.trim()
}

it('ends while it tries again, with messages queued in memory', async () => {
  const code = `
    const client = new MqttClient('mqtt://127.0.0.1:1')
    client.on('error', ({ code }) => console.log(code))
    console.log((await client.publish('a', '')).state)
    await client.connected().catch(() => {})`
  expect((await runs(code)).split('\n')).toContain('queued')
})

it('a pending promise keeps it: connected, a request, a loop', async () => {
  const server = await hub()
  server.subscribe('ready', () => server.publish('a', 'x'))
  const code = `
    const client = await connect('${server.url}')
    const loop = await client.subscribe('a')
    void client.publish('ready', '')
    for await (const message of loop) { console.log(message.text()); break }
    await client.close()
    console.log('closed')`
  expect(await runs(code)).toBe('x\nclosed')
})

it('an open connection keeps it until it is closed', async () => {
  const server = await hub()
  const running = runs(
    `const client = await connect('${server.url}'); client.on('message', () => client.close()); await client.subscribe('go')`,
  )
  await until('it is there', () => server.connections === 1)
  const timer = setInterval(() => server.publish('go', ''), 5)
  await running
  clearInterval(timer)
})

it('publishOnce leaves nothing behind', async () => {
  const server = await hub()
  expect(await runs(`console.log((await publishOnce('${server.url}', 'a', 'x')).state)`)).toBe('delivered')
})

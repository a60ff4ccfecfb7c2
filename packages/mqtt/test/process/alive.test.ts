/** What keeps a process alive, and what does not: docs/guide/mqtt-client.md §Ends. */
import { execFile } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { hub, until } from '../support/clients.ts'
import { ScriptedServer } from '../support/scripted-server.ts'

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

it.each([
  ['with a handler', `await client.subscribe('a', { onMessage: (message) => end(message) })`],
  ['with the event', `client.on('message', (message) => end(message)); await client.subscribe('a')`],
  ['with a loop', `for await (const message of await client.subscribe('a')) await end(message)`],
])('a subscription %s keeps it also while there is no connection', async (_, subscribe) => {
  const server = await ScriptedServer.open()
  const code = `
    const client = new MqttClient('${server.url}', { version: 4, reconnect: { base: 0.4, cap: 0.4 } })
    const end = async (message) => { console.log(message.text()); await client.close() }
    ${subscribe}`
  const running = runs(code)
  const first = await server.accepts()
  await first.grant()
  first.drop()
  const second = await server.accepts()
  await second.grant()
  second.publish('a', 'back')
  expect(await running).toBe('back')
})

it('a question keeps it until its time is up, with the connection lost and nothing to come', async () => {
  const server = await ScriptedServer.open()
  const code = `
    const client = await connect('${server.url}', { version: 5, reconnect: { base: 1, cap: 60 } })
    await client.request('a', '', { timeout: 0.3 }).catch(({ code }) => console.log(code))
    console.log('and ends')`
  const running = runs(code)
  const caller = await server.accepts()
  await caller.grant()
  const { packetId } = await caller.expect('publish')
  caller.send({ type: 'puback', packetId: packetId!, reasonCode: 0 })
  caller.drop()
  expect(await running).toBe('ERR_MQTT_NO_ANSWER\nand ends')
})

it('publishOnce leaves nothing behind', async () => {
  const server = await hub()
  expect(await runs(`console.log((await publishOnce('${server.url}', 'a', 'x')).state)`)).toBe('delivered')
})

/** What keeps a process alive, what an import costs it, and what a killed one leaves: programs of their own, on what is built. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { RecordedServer } from '@halyard/testkit'
import { describe, expect, it, onTestFinished } from 'vitest'
import { HELLO, KEY, answers, asks, client, granted, sends, subscribes } from '../support.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const ARGUMENTS = ['--input-type=module', '--eval']

async function run(code: string): Promise<string> {
  return (await promisify(execFile)(process.execPath, [...ARGUMENTS, code], { cwd: root, timeout: 20_000 })).stdout
}

function make(port: number, options = ''): string {
  return `import { connect } from '@halyard/emitter'
    const emitter = connect({ host: '127.0.0.1', port: ${port}, secure: false, ${options} });`
}

describe('the process', () => {
  it('is not kept alive by what is queued, nor by the wait for the next try', async () => {
    const code = `${make(1)} console.log((await emitter.publish({ key: 'k', channel: 'a', message: 'x' })).state)`
    expect(await run(code)).toBe('queued\n')
  })

  it('lives while a request waits, and while there is a connection, until disconnect()', async () => {
    await using server = await RecordedServer.open([
      [...HELLO, asks('me', ''), ...answers('me', '{"status":200,"id":"A"}'), { client: 'e0 00' }, { end: 'fin' }],
    ])
    const code = `${make(server.port)} console.log((await emitter.me()).id); await emitter.disconnect()`
    expect(await run(code)).toBe('A\n')
    await server.played()
  })

  it('lives while something is subscribed, also without a connection', async () => {
    const subscribed = [...HELLO, subscribes(`${KEY}/a/?last=0`), granted()]
    await using server = await RecordedServer.open([
      [...subscribed, { end: 'reset' }],
      [...subscribed, sends('a/', 'back'), { client: 'e0 00' }, { end: 'fin' }],
    ])
    const code = `${make(server.port)}
      emitter.on('message', (message) => { console.log(message.asString()); void emitter.disconnect() })
      await emitter.subscribe({ key: '${KEY}', channel: 'a', last: 0 })`
    expect(await run(code)).toBe('back\n')
    await server.played()
  })

  it('loads neither engine nor codec for an import', async () => {
    const code = `import '@halyard/emitter'
      console.log(process.moduleLoadList.filter((name) => /NativeModule (net|tls|http|internal\\/crypto\\/tls)$/.test(name)).join())`
    expect(await run(code)).toBe('\n')
  })

  it('killed with messages in its outbox leaves them to the next one', async () => {
    const path = mkdtempSync(join(tmpdir(), 'emitter-'))
    onTestFinished(() => rmSync(path, { recursive: true }))
    const code = `${make(1, `outbox: { path: ${JSON.stringify(path)} }`)}
      for (const id of ['1', '2']) await emitter.publish({ key: '${KEY}', channel: 'a', message: id }, { id })
      console.log('queued')
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, [...ARGUMENTS, code], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'exit')
    await using server = await RecordedServer.open([
      [
        ...HELLO,
        ...[{ client: `32 [ ('${KEY}/a/') <one:2> '1' ]` }, { client: `32 [ ('${KEY}/a/') <two:2> '2' ]` }],
        ...[{ server: '40 02 <one>' }, { server: '40 02 <two>' }],
      ],
    ])
    await using emitter = client(server.port, { outbox: { path } })
    await (await emitter.outbox).idle()
    await server.played()
  })
})

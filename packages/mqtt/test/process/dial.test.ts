import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'

const dist = new URL('../../dist/node/dial.js', import.meta.url)

/** What the code prints, with `dial` and an address of each scheme at hand. */
async function runCode(code: string, port = 1): Promise<string> {
  const before = `
    const { dial } = await import('${dist.href}')
    const at = (scheme) => ({ scheme, host: '127.0.0.1', port: ${port}, path: '/' })
    const options = { tls: undefined, protocols: ['mqtt'] }
    const print = (what) => () => console.log(what)
    const events = { opened: print('opened'), received() {}, drained() {}, closed: print('closed') }\n`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', before + code], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
  })
  return stdout
}

it('loads TLS, HTTP and ws only for an address that needs them', async () => {
  const code = `
    const loaded = () => process.moduleLoadList.filter((name) => /^NativeModule (tls|https?|zlib)$/.test(name)).length
    dial(at('mqtt'), options, events).destroy()
    console.log(loaded())
    dial(at('wss'), options, { ...events, closed: () => console.log(loaded() > 0) })`
  expect(await runCode(code)).toBe('0\ntrue\n')
})

it('keeps the process alive while it is open, and no longer', async () => {
  // The connection is ended a little after it was made: until then nothing else keeps the process.
  const server = createServer((socket) => void setTimeout(() => socket.end(), 50))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  expect(await runCode(`dial(at('mqtt'), options, events)`, port)).toBe('opened\nclosed\n')
})

it('ends at once when all is destroyed before its modules were there', async () => {
  const code = `for (const scheme of ['mqtt', 'mqtts', 'ws', 'wss']) dial(at(scheme), options, events).destroy()`
  expect(await runCode(code)).toBe('')
})

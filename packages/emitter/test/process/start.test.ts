/** What a program loads until it is connected, which is most of the time that its start takes: docs/decisions/021. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { RecordedServer } from '@halyard/testkit'
import { expect, it } from 'vitest'
import { HELLO } from '../support.ts'

const packages = new URL('../../../', import.meta.url)

/** Writes the address of every module that is loaded. */
const hook = asModule(`import { writeSync } from 'node:fs'
  export async function load(url, context, next) {
    writeSync(1, 'LOADED ' + url + '\\n')
    return next(url, context)
  }`)
const trace = asModule(`import { register } from 'node:module'; register(${JSON.stringify(hook)})`)

function asModule(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`
}

async function run(code: string): Promise<{ readonly files: readonly string[]; readonly output: string }> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [`--import=${trace}`, '--input-type=module', '--eval', code],
    { cwd: fileURLToPath(new URL('emitter/', packages)), timeout: 20_000 },
  )
  const isLoad = (line: string): boolean => line.startsWith('LOADED ')
  const lines = stdout.split('\n')
  const files = lines.filter(isLoad).map((line) => line.slice('LOADED '.length).replace(packages.href, ''))
  return { files: files.toSorted(), output: lines.filter((line) => !isLoad(line)).join('\n') }
}

const IMPORTED = ['core/dist/chunks/shared.js', 'core/dist/index.js', 'wire/dist/index.js', 'wire/dist/mqtt/topic.js']

it('connects over TCP with a dozen files of ours and node:net: no TLS, no HTTP, no cipher, no disk', async () => {
  await using server = await RecordedServer.open([[...HELLO, { client: 'e0 00' }, { end: 'fin' }]])
  const { files, output } = await run(`
    const { connect } = await import('@halyard/emitter')
    const emitter = connect({ host: '127.0.0.1', port: ${server.port}, secure: false })
    await new Promise((resolve) => emitter.on('connect', resolve))
    await emitter.outbox
    console.log(process.moduleLoadList.filter((name) => /^NativeModule (tls|https?|zlib|fs.promises|.*crypto.*)$/.test(name)).join())
    await emitter.disconnect()`)
  expect(files).toEqual(
    [
      ...IMPORTED,
      'core/dist/chunks/engine.js',
      'emitter/dist/chunks/client.js',
      'emitter/dist/index.js',
      'mqtt/dist/chunks/shared.js',
      'mqtt/dist/engine.js',
      'mqtt/dist/node/dial.js',
      'node:net',
      'wire/dist/emitter/index.js',
      'wire/dist/mqtt/index.js',
    ].toSorted(),
  )
  expect(output).toBe('\n')
  await server.played()
  // Characters beyond ASCII would double what V8 reads.
  for (const file of files.filter((name) => name !== 'node:net')) {
    expect(readFileSync(new URL(file, packages)).every((byte) => byte < 0x80)).toBe(true)
  }
})

it('is imported with five files, and with one more of the MQTT client', async () => {
  expect((await run(`import '@halyard/emitter'`)).files).toEqual([...IMPORTED, 'emitter/dist/index.js'].toSorted())
  const mqtt = ['mqtt/dist/chunks/shared.js', 'mqtt/dist/index.js']
  expect((await run(`import '@halyard/mqtt'`)).files).toEqual([...IMPORTED, ...mqtt].toSorted())
})

import { execFile, execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../context.ts'
import { peer, say } from '../peers.ts'
import { Command, MAIN, run } from './spawn.ts'

const bin = (name: string): string => fileURLToPath(new URL(`../../bin/${name}.js`, import.meta.url))
const CREDENTIALS = '{\n  // Hologram cloud id (4 characters long)\n  "cloud_id": "wxyz",\n  "cloud_key": "9876"\n}'

test('TV 37: hologram-send, raw', async () => {
  await using server = await peer((_said, socket) => socket.end('pong'))
  const ran = await run(['hello', '--host', '127.0.0.1', '-p', server.port], { file: bin('hologram-send') })
  expect(ran).toMatchObject({ code: 0, out: 'DATA RECEIVED: pong\n', errors: '' })
  expect(server.said).toEqual(['hello'])
})

test('TV 38: hologram-send with the file and a topic', async () => {
  await using directory = await temporaryDirectory()
  await using cloud = await peer((said, socket) => void (said.endsWith('\r\r') && socket.end('[0,0]')))
  const file = join(directory.path, 'credentials.json')
  await writeFile(file, CREDENTIALS)
  const words = ['message', '--file', file, '--topic', 'topic-example', '--host', '127.0.0.1', '-p', cloud.port]
  const ran = await run(words, { file: bin('hologram-send') })
  expect(ran).toMatchObject({ code: 0, out: 'DATA RECEIVED: 0\n', errors: '' })
  expect(cloud.said).toEqual(['{"d": "message", "s": "wxyz", "c": "9876", "t": ["topic-example"]}\r\r'])
})

test('TV 39: hologram-sms', async () => {
  await using directory = await temporaryDirectory()
  await using cloud = await peer((said, socket) => void (said.endsWith('\r\r') && socket.end('00')))
  const file = join(directory.path, 'credentials.json')
  await writeFile(file, CREDENTIALS)
  const words = ['-f', file, '--destination', '+11234567890', 'hey there!', '--host', '127.0.0.1', '-p', cloud.port]
  const ran = await run(words, { file: bin('hologram-sms') })
  expect(ran).toMatchObject({ code: 0, out: 'DATA RECEIVED: 0\n', errors: '' })
  expect(cloud.said).toEqual(['Swxyz9876+11234567890 hey there!\r\r'])
})

/** Where it listens: told on standard error for a free port. */
async function portOf(command: Command): Promise<string> {
  await command.says(/Receive buffer: /)
  for (;;) {
    const port = /listening on 127\.0\.0\.1:(\d+)\n/.exec(command.errors)?.[1]
    if (port !== undefined) return port
    await new Promise((resolve) => command.child.stderr.once('data', resolve))
  }
}

test('TV 40: hologram-receive', async () => {
  await using command = new Command(['--host', '127.0.0.1', '--port', '0', '--timeout', '2'], {
    file: bin('hologram-receive'),
  })
  const port = await portOf(command)
  await say(port, 'one')
  await say(port, 'two')
  const { code, out } = await command.finished
  expect([code, out]).toEqual([0, 'waiting for 2 seconds...\nReceive buffer: onetwo\n'])
})

test('Ctrl-C ends hologram-receive with 130 and what came so far', async () => {
  await using command = new Command(['--host', '127.0.0.1', '-p', '0', '-t', '-1'], { file: bin('hologram-receive') })
  await say(await portOf(command), 'so far')
  await command.says(/so far/)
  command.child.kill('SIGINT')
  const { code, out } = await command.finished
  expect([code, out]).toEqual([130, 'waiting until Ctrl-C...\nReceive buffer: so far\n'])
})

test('Ctrl-C ends halyard send --lines, whose input is still open', async () => {
  await using directory = await temporaryDirectory()
  await using cloud = await peer((said, socket) => void (said.endsWith('\r\r') && socket.end('[0,0]')))
  const words = [
    'send',
    '--lines',
    '--cloud_id',
    'wxyz',
    '--cloud_key',
    '9876',
    '--host',
    '127.0.0.1',
    '-p',
    cloud.port,
  ]
  await using command = new Command([...words, '--outbox', join(directory.path, 'outbox')], { input: null })
  command.child.stdin.write('first\n')
  await command.says(/DATA RECEIVED: 0\n/)
  command.child.kill('SIGINT')
  const { code, out, errors } = await command.finished
  expect([code, out]).toEqual([130, 'DATA RECEIVED: 0\n'])
  expect(errors).toMatch(/^halyard: 1 message sent in .*\nhalyard: interrupted: nothing is left to send\n$/)
})

/** Runs the command line on a terminal of its own (pty), types nothing, and prints what it shows. */
const ON_TERMINAL = `
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))`

const hasPython = ((): boolean => {
  try {
    execFileSync('python3', ['-c', 'import pty, os; os.waitstatus_to_exitcode'])
    return true
  } catch {
    return false
  }
})()

test.skipIf(!hasPython)(
  'a silent server: a terminal shows how long it takes, without colours under NO_COLOR',
  async () => {
    await using silent = await peer(() => {})
    const words = ['send', 'hello', '--host', '127.0.0.1', '-p', silent.port, '--timeout', '2']
    const { stdout: out } = await promisify(execFile)(
      'python3',
      ['-c', ON_TERMINAL, process.execPath, MAIN, ...words],
      { env: { PATH: process.env['PATH'], NO_COLOR: '1', TERM: 'xterm' } },
    )
    expect(out).toContain('\r\u001B[Ksending 1 message (5 B) · 1 s')
    expect(out.endsWith('\r\u001B[KDATA RECEIVED: \r\n')).toBe(true)
    expect(out).not.toContain('\u001B[2m')
  },
)

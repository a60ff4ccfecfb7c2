import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { halyard, temporaryDirectory } from './context.ts'
import type { Ran } from './context.ts'
import { FakeTerminal } from './fake-terminal.ts'
import { say } from './peers.ts'

const FREE = ['--host', '127.0.0.1', '--port', '0']

/** Runs the command on a free port; `act` knows it. Ends with an interrupt unless the time is over before. */
async function receiving(
  words: readonly string[],
  act: (port: string, terminal: FakeTerminal) => Promise<void>,
  terminal: FakeTerminal = new FakeTerminal(),
): Promise<Ran & { readonly written: string }> {
  const port = new Promise<string>((resolve) => {
    terminal.error = (line) => {
      terminal.errors.push(line)
      const found = /listening on 127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (found !== undefined) resolve(found)
    }
  })
  const running = halyard(['receive', ...FREE, ...words], terminal)
  await act(await port, terminal)
  const ran = await running
  return { ...ran, errors: ran.errors.slice(1), written: terminal.written.join('') }
}

describe('what comes', () => {
  test('TV 40: the documented output, behind each other', async () => {
    const { code, out, errors, written } = await receiving(['--timeout', '1'], async (port) => {
      await say(port, 'one')
      await say(port, 'two')
    })
    expect([code, out, errors]).toEqual([0, ['waiting for 1 seconds...'], []])
    expect(written).toBe('Receive buffer: onetwo\n')
  })

  test('bytes are kept on a pipe', async () => {
    const { written } = await receiving(['-t', '-1'], async (port, terminal) => {
      await say(port, new Uint8Array([0xff, 0x00, 0x1b, 0x0a]))
      terminal.interrupt()
    })
    expect(written).toBe('Receive buffer: \u00FF\u0000\u001B\n\n')
  })

  test('a terminal is not handed control characters of strangers', async () => {
    const terminal = new FakeTerminal()
    terminal.isTerminal = true
    const act = async (port: string): Promise<void> => {
      await say(port, 'a\u001B]0;owned\u0007\r\nb\rc')
      terminal.interrupt()
    }
    const { written } = await receiving([], act, terminal)
    expect(Buffer.from(written, 'utf8').toString()).toBe('Receive buffer: a\uFFFD]0;owned\uFFFD\nb\uFFFDc\n')
  })

  test('--json prints one object for each when it comes, binary as base64', async () => {
    const { code, out, written } = await receiving(['--json', '--timeout', '-1'], async (port, terminal) => {
      await say(port, 'hey there!')
      await say(port, new Uint8Array([255, 0]))
      await say(port, '')
      terminal.interrupt('SIGTERM')
    })
    const received_at = expect.stringMatching(/^\d{4}-.*Z$/) as string
    expect([code, written]).toEqual([143, ''])
    expect(out.map((line) => JSON.parse(line) as unknown)).toEqual([
      { remote_address: '127.0.0.1', received_at, text: 'hey there!', size: 10 },
      { remote_address: '127.0.0.1', received_at, base64: '/wA=', size: 2 },
      { remote_address: '127.0.0.1', received_at, text: '', size: 0 },
    ])
  })

  test('what has begun when the time is over is completed, by senders who wait for an answer too', async () => {
    const { code, written } = await receiving(['--timeout', '0.2'], async (port) => {
      const socket = connect(Number(port), '127.0.0.1').resume()
      await once(socket, 'connect')
      socket.write('kept ')
      // It listens no more: the time is over, and the connection is still there.
      for (let over = false; !over;) {
        const late = connect(Number(port), '127.0.0.1')
        over = await new Promise<boolean>((resolve) => {
          late.once('connect', () => resolve(false)).once('error', () => resolve(true))
        })
        late.destroy()
      }
      const closed = once(socket, 'close')
      socket.end('open')
      await closed
    })
    expect([code, written]).toEqual([0, 'Receive buffer: kept open\n'])
  })
})

describe('interrupted', () => {
  test('it ends with 130, prints what came so far, and says what was not complete', async () => {
    const { code, errors, written } = await receiving(['--timeout', '-1'], async (port, terminal) => {
      await say(port, 'complete')
      const socket = connect(Number(port), '127.0.0.1').on('error', () => {})
      await once(socket, 'connect')
      socket.write('not comp')
      // Connections are taken in order: the one before this is known when it is answered.
      await say(port, '!')
      terminal.interrupt()
    })
    expect(code).toBe(130)
    expect(written).toBe('Receive buffer: complete!\n')
    expect(errors).toEqual(['halyard: 1 message had begun and is not among them'])
  })
})

describe('limits', () => {
  test('a message that is too long is dropped, and told at the end', async () => {
    const { errors, written } = await receiving(['--timeout', '-1'], async (port, terminal) => {
      const socket = connect(Number(port), '127.0.0.1').on('error', () => {})
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.write(new Uint8Array(2 ** 20 + 1))
      await closed
      await say(port, 'fine')
      terminal.interrupt()
    })
    expect(written).toBe('Receive buffer: fine\n')
    expect(errors).toEqual(['halyard: an inbound message was dropped: it is longer than 1048576 bytes'])
  })
})

describe('options', () => {
  test('credentials, an outbox and a file are taken as by the other scripts, and checked', async () => {
    await using directory = await temporaryDirectory()
    const file = join(directory.path, 'credentials.hjson')
    await writeFile(file, '{ "cloud_id": "wxyz", "cloud_key": "9876", "host": "example.com" }')
    const words = ['-f', file, '--outbox', join(directory.path, 'outbox'), '--timeout', '0']
    expect(await receiving(words, () => Promise.resolve())).toMatchObject({ code: 0, errors: [] })
    const { code, errors } = await halyard(['receive', ...FREE, '--cloud_id', 'wxyz', '--timeout', '0'])
    expect([code, errors]).toEqual([2, [expect.stringContaining('cloud_key is missing') as string]])
    const wrong = await halyard(['receive', ...FREE, '--cloud_id', 'wxyz', '--cloud-key', 'toolong'])
    expect([wrong.code, wrong.errors]).toEqual([2, [expect.stringContaining('cloud_key must be 4 characters long')]])
  })

  test('the environment', async () => {
    const terminal = new FakeTerminal()
    Object.assign(terminal.environment, {
      HALYARD_RECEIVE_HOST: '127.0.0.1',
      HALYARD_RECEIVE_PORT: '0',
      HALYARD_RECEIVE_TIMEOUT: '0',
    })
    const { code, out } = await halyard(['receive'], terminal)
    expect([code, out]).toEqual([0, ['waiting for 0 seconds...']])
  })

  test('a port that is taken, and an address that is none of this machine, end with 1', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const taken = await halyard(['receive', '--host', '127.0.0.1', '-p', String(port)])
    server.close()
    expect(taken).toEqual({
      code: 1,
      out: [],
      errors: [
        `halyard: port ${port} on 127.0.0.1 is taken by another program; stop that, or set another --port (ERR_INBOUND_PORT)`,
      ],
    })
    const nowhere = await halyard(['receive', '--host', '192.0.2.1', '-p', '0'])
    expect(nowhere).toMatchObject({ code: 1, out: [] })
    expect(nowhere.errors[0]).toContain('192.0.2.1 is no address of this machine; set --host to 0.0.0.0')
  })

  test.each([
    [['--timeout', '1e9'], 'timeout is in seconds, from 0 to 86400, not 1000000000 (ERR_USAGE_SECONDS)'],
    [['--timeout', '-2'], 'timeout is in seconds, from 0 to 86400, not -2 (ERR_USAGE_SECONDS)'],
    [['--timeout', 'ten'], 'timeout must be seconds, from 0 to 86400, not ten (in the options) (ERR_CONFIG_VALUE)'],
    [['--port', '70000'], 'port must be a port from 0 to 65535, not 70000 (in the options) (ERR_CONFIG_VALUE)'],
    [
      ['message'],
      "too many arguments for 'receive'. Expected 0 arguments but got 1; halyard receive --help shows what there is",
    ],
  ])('%j', async (words, text) => {
    const { code, errors } = await halyard(['receive', ...words])
    expect([code, errors]).toEqual([2, [expect.stringContaining(`halyard: ${text}`)]])
  })
})

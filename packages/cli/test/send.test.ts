import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import { createHub } from '@halyard/hub'
import type { Hub } from '@halyard/hub'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closedPort, halyard, temporaryDirectory } from './context.ts'
import { FakeTerminal } from './fake-terminal.ts'

let hub: Hub
let account: { readonly cloud_id: string; readonly cloud_key: string }
let where: string[]
let credentials: string[]

beforeAll(async () => {
  hub = await createHub({ data: ':memory:', ports: 'ephemeral' })
  account = hub.accounts.hologram ?? { cloud_id: '', cloud_key: '' }
  where = ['--host', '127.0.0.1', '--port', String(hub.ports.hologram)]
  credentials = ['--cloud_id', account.cloud_id, '--cloud_key', account.cloud_key]
})
afterAll(() => hub.close())

/** Runs the command and gives the messages that reached the hub, as many as are expected. */
async function arrivals(words: readonly string[], expected: number, terminal?: FakeTerminal) {
  const live = hub.messages()
  const ran = await halyard(['send', ...words], terminal)
  const messages: { text: string; channel: string }[] = []
  while (messages.length < expected) {
    const { value } = await live.next()
    if (value) messages.push({ text: new TextDecoder().decode(value.payload), channel: value.channel })
  }
  await live.return?.()
  return { ...ran, messages }
}

describe('to a hub', () => {
  test('several messages, in order, with topics', async () => {
    const { code, out, errors, messages } = await arrivals(['one', 'two', '-t', 'A', 'B', ...where, ...credentials], 2)
    expect(messages).toEqual([
      { text: 'one', channel: 'A,B' },
      { text: 'two', channel: 'A,B' },
    ])
    expect([code, out, errors]).toEqual([0, ['DATA RECEIVED: 0', 'DATA RECEIVED: 0'], []])
  })

  test('topics before the message, with -- between them, and options with dashes', async () => {
    const words = ['--cloud-id', account.cloud_id, '--cloud-key', account.cloud_key, ...where, '-t', 'A', '--', '-5 C']
    const { code, messages } = await arrivals(words, 1)
    expect([code, messages]).toEqual([0, [{ text: '-5 C', channel: 'A' }]])
  })

  test('standard input, without the line end of echo', async () => {
    const terminal = new FakeTerminal()
    terminal.inputBytes = 'line one\nline two\r\n'
    const { messages } = await arrivals([...where, ...credentials], 1, terminal)
    expect(messages[0]?.text).toBe('line one\nline two')
  })

  test('credentials from a file, from the environment, and which of them wins', async () => {
    await using directory = await temporaryDirectory()
    const file = join(directory.path, 'credentials.hjson')
    await writeFile(
      file,
      `{\n  // Hologram cloud id (4 characters long)\n  "cloud_id": "${account.cloud_id}",\n  "cloud_key": "xxxx"\n}`,
    )
    const terminal = new FakeTerminal()
    const wrong = await halyard(['send', 'x', '-f', file, ...where])
    expect([wrong.code, wrong.out]).toEqual([1, ['DATA RECEIVED: 3']])
    terminal.environment['HALYARD_CLOUD_KEY'] = account.cloud_key
    terminal.environment['HALYARD_SEND_PORT'] = String(hub.ports.hologram)
    terminal.environment['HALYARD_SEND_HOST'] = '127.0.0.1'
    const { code, messages } = await arrivals(['from everywhere', '-f', file], 1, terminal)
    expect([code, messages[0]?.text]).toEqual([0, 'from everywhere'])
  })

  test('a refusal says what to check', async () => {
    const ran = await halyard(['send', 'x', 'y', ...where, '--cloud_id', account.cloud_id, '--cloud_key', 'nope'])
    expect(ran).toEqual({
      code: 1,
      out: ['DATA RECEIVED: 3', 'DATA RECEIVED: 3'],
      errors: [
        'halyard: 2 messages were refused: ERR_AUTHINVALID: Auth section of the message was invalid; check cloud_id and cloud_key',
      ],
    })
  })

  test('a message that is longer than the hub takes', async () => {
    const { code, out, errors } = await halyard(['send', 'x'.repeat(2 ** 21), ...where, ...credentials])
    expect([code, out]).toEqual([1, ['DATA RECEIVED: 2']])
    expect(errors).toEqual([
      'halyard: the message was refused: ERR_MSGINVALID: Failed to parse the message; the service could not read it, or it is too long (a hub takes 1 MiB); check the length, and that host and port are those of a Hologram service',
    ])
  })

  test('JSON lines for programs', async () => {
    const { out } = await halyard(['send', 'x', '--json', ...where, ...credentials])
    expect(JSON.parse(out[0] ?? '')).toEqual({
      id: expect.any(String) as string,
      code: 0,
      name: 'ERR_OK',
      description: 'The message has been sent successfully.',
      ok: true,
      buffered: false,
    })
  })
})

describe('to nobody', () => {
  test('without an outbox it failed, and says how to keep messages', async () => {
    const port = await closedPort()
    const ran = await halyard(['send', 'x', '--host', '127.0.0.1', '-p', String(port), ...credentials])
    expect(ran).toEqual({
      code: 1,
      out: ['DATA RECEIVED: -2'],
      errors: [
        `halyard: 1 message not sent: connect ECONNREFUSED 127.0.0.1:${port}; check --host and --port, or keep what cannot go out with --outbox DIR`,
      ],
    })
  })

  test('with an outbox it is kept, and the next send delivers the older ones first', async () => {
    await using directory = await temporaryDirectory()
    const outbox = join(directory.path, 'outbox')
    const port = String(await closedPort())
    const kept = await halyard([
      'send',
      '1',
      '2',
      '--host',
      '127.0.0.1',
      '-p',
      port,
      ...credentials,
      '--outbox',
      outbox,
    ])
    expect(kept).toEqual({
      code: 0,
      out: ['DATA RECEIVED: -2', 'DATA RECEIVED: -2'],
      errors: [
        `halyard: 2 messages kept in ${outbox}: connect ECONNREFUSED 127.0.0.1:${port}; they go out with the next send that names this outbox and account`,
      ],
    })
    const { code, out, errors, messages } = await arrivals(['3', ...where, ...credentials, '--outbox', outbox], 3)
    expect(messages.map(({ text }) => text)).toEqual(['1', '2', '3'])
    expect([code, out]).toEqual([0, ['DATA RECEIVED: 0']])
    expect(errors).toEqual(['halyard: 2 older messages from the outbox delivered as well'])
  })
})

describe('interrupted', () => {
  let silent: Server
  let port: string
  beforeAll(async () => {
    silent = createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    port = String((silent.address() as AddressInfo).port)
  })
  afterAll(() => silent.close())

  test('it ends, and says what is still queued', async () => {
    await using directory = await temporaryDirectory()
    const outbox = join(directory.path, 'outbox')
    const terminal = new FakeTerminal()
    const connected = once(silent, 'connection')
    const running = halyard(
      ['send', 'x', '--host', '127.0.0.1', '-p', port, ...credentials, '--outbox', outbox, '--timeout', '1'],
      terminal,
    )
    await connected
    terminal.interrupt()
    const { code, errors } = await running
    expect([code, errors]).toEqual([
      130,
      [`halyard: interrupted: 1 message still queued in ${outbox}; halyard outbox ls --outbox ${outbox} shows what`],
    ])
  })
})

describe('raw, to a server of one’s own', () => {
  test('the answer is shown', async () => {
    const server = createServer((socket) =>
      socket.once('data', (bytes) => socket.end(`got ${bytes.toString()}`)),
    ).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const ran = await halyard(['send', 'hello', '--host', '127.0.0.1', '--port', String(port)])
    server.close()
    expect(ran).toEqual({ code: 0, out: ['DATA RECEIVED: got hello'], errors: [] })
  })
})

describe('what stands in the way ends with 1 and says what to do', () => {
  test('an outbox directory that is none, and a file that is not HJSON: nothing is sent', async () => {
    await using directory = await temporaryDirectory()
    const file = join(directory.path, 'credentials.hjson')
    await writeFile(file, '{ cloud_id: abcd')
    expect(await halyard(['send', 'x', ...where, ...credentials, '--outbox', directory.path])).toEqual({
      code: 1,
      out: [],
      errors: [
        `halyard: ${directory.path} holds other files (credentials.hjson); name an empty directory (ERR_STORE_FOREIGN)`,
      ],
    })
    const { code, errors } = await halyard(['send', 'x', ...where, '--file', file])
    expect([code, errors]).toEqual([
      1,
      [expect.stringMatching(/^halyard: .*credentials\.hjson is not HJSON: .* at line 1, .*\(ERR_CONFIG_FILE\)$/)],
    ])
  })
})

describe('bad usage ends with 2 and says what to do', () => {
  const reason = async (...words: string[]): Promise<string> => {
    const { code, errors } = await halyard(['send', ...words])
    expect([code, errors]).toEqual([2, [expect.any(String)]])
    return errors[0] ?? ''
  }

  test.each([
    [['-t', 'a', 'msg'], "there is no message: -t took 'a', 'msg' as topics; put the message before -t, or -- between"],
    [[], 'there is no message; give one as an argument or on standard input'],
    [['x'], 'no credentials: give --file FILE'],
    [['x', '--cloud_id', 'abcd'], 'cloud_key is missing; give both by --file FILE'],
    [['x', '--cloud_id', 'abc', '--cloud_key', 'abcd'], 'cloud_id must be 4 characters long'],
    [['x', '--devicekey', 'abc'], 'devicekey must be 8 characters long'],
    [['x', '--port', '70000'], 'port must be a port from 1 to 65535, not 70000 (in the options)'],
    [
      ['x', '--host', 'h', '--port', '1', '--timeout', '90000'],
      'timeout is in seconds, from 0 to 86400, not 90000 (ERR_USAGE_SECONDS)',
    ],
    [['x', '--host', 'h', '--port', '1', '--timeout', '1e9'], 'timeout is in seconds, from 0 to 86400, not 1000000000'],
    [['x', '--host', 'h', '--port', '1', '--timeout', '-1'], 'timeout is in seconds, from 0 to 86400, not -1'],
    [['x', '--host', 'h', '--port', '1', '--timeout', 'soon'], 'timeout must be seconds, from 0 to 86400, not soon'],
    [['x', '--host', 'h', '--port', '1', '-t', 'topic', '--'], 'CustomCloud sends bytes as they are and has no topics'],
    [['x', '--cloud_id', 'abcd', '--cloud_key', 'abcd', '--host', 'h:9999'], 'sendHost must be a bare host name or'],
    [
      ['x', '--cloud_id', 'abcd', '--cloud_key', 'abcd', '--host', ''],
      'host must be a text that is not empty; put it in quotes, not an empty one (in the options)',
    ],
    [['x', '--colour'], "unknown option '--colour'; halyard send --help shows what there is"],
  ])('%j', async (words, text) => {
    expect(await reason(...words)).toContain(`halyard: ${text}`)
  })

  test('a secret that is wrong is not repeated', async () => {
    expect(await reason('x', '--cloud_id', 'abcd', '--cloud_key', 's3cr3t')).not.toContain('s3cr3t')
  })
})

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createHub } from '@halyard/hub'
import { describe, expect, test } from 'vitest'
import { closedPort, halyard, temporaryDirectory } from './context.ts'
import { FakeTerminal } from './fake-terminal.ts'
import { peer, say } from './peers.ts'

const NUMBER = ['--destination', '+11234567890']
const KEYS = ['--cloud_id', 'wxyz', '--cloud_key', '9876']
const at = (port: string): string[] => ['--host', '127.0.0.1', '-p', port]
const takesAll = (said: string, socket: { end(text: string): void }): void => {
  if (said.endsWith('\r\r')) socket.end('00')
}

describe('on the wire', () => {
  test('TV 39: the documented call, with credentials from a file', async () => {
    await using directory = await temporaryDirectory()
    await using cloud = await peer(takesAll)
    const file = join(directory.path, 'credentials.json')
    await writeFile(file, '{\n  // Hologram cloud id\n  "cloud_id": "wxyz",\n  "cloud_key": "9876"\n}')
    const ran = await halyard(['sms', '-f', file, ...NUMBER, 'hey there!', ...at(cloud.port)])
    expect(ran).toEqual({ code: 0, out: ['DATA RECEIVED: 0'], errors: [] })
    expect(cloud.said).toEqual(['Swxyz9876+11234567890 hey there!\r\r'])
  })

  test('several in one call, each on a connection of its own, in order; options with dashes', async () => {
    await using cloud = await peer(takesAll)
    const words = ['--cloud-id', 'wxyz', '--cloud-key', '9876', ...NUMBER, ...at(cloud.port), 'one', 'two']
    expect(await halyard(['sms', ...words])).toEqual({
      code: 0,
      out: ['DATA RECEIVED: 0', 'DATA RECEIVED: 0'],
      errors: [],
    })
    expect(cloud.said).toEqual(['Swxyz9876+11234567890 one\r\r', 'Swxyz9876+11234567890 two\r\r'])
  })

  test('standard input, a device key, and 160 characters that are more bytes', async () => {
    await using cloud = await peer(takesAll)
    const terminal = new FakeTerminal()
    terminal.inputBytes = `${'é'.repeat(160)}\n`
    const ran = await halyard(['sms', '--devicekey', '12345678', ...NUMBER, ...at(cloud.port)], terminal)
    expect(ran).toEqual({ code: 0, out: ['DATA RECEIVED: 0'], errors: [] })
    expect(Buffer.from(cloud.said[0] ?? '', 'latin1').toString()).toBe(`S12345678+11234567890 ${'é'.repeat(160)}\r\r`)
  })

  test('a hub takes it, and refuses keys that are not its own', async () => {
    await using hub = await createHub({ data: ':memory:', ports: 'ephemeral' })
    const { cloud_id = '', cloud_key = '' } = hub.accounts.hologram ?? {}
    const words = ['sms', 'hi', ...NUMBER, ...at(String(hub.ports.hologram)), '--cloud_id', cloud_id, '--cloud_key']
    expect(await halyard([...words, cloud_key])).toEqual({ code: 0, out: ['DATA RECEIVED: 0'], errors: [] })
    expect(await halyard([...words, 'nope'])).toEqual({
      code: 1,
      out: ['DATA RECEIVED: 3'],
      errors: [
        'halyard: the SMS was refused: ERR_AUTHINVALID: Auth section of the message was invalid; check cloud_id and cloud_key',
      ],
    })
  })

  test('JSON lines for programs', async () => {
    await using cloud = await peer((said, socket) => void (said.endsWith('\r\r') && socket.end('70')))
    const { code, out } = await halyard(['sms', 'x', '--json', ...KEYS, ...NUMBER, ...at(cloud.port)])
    expect(code).toBe(1)
    expect(JSON.parse(out[0] ?? '')).toMatchObject({ code: 7, name: 'ERR_METADATA', ok: false, buffered: false })
  })
})

describe('written whole it is never sent again', () => {
  test('without an answer its code is -1, and the sentence says that it may have arrived', async () => {
    await using directory = await temporaryDirectory()
    const outbox = join(directory.path, 'outbox')
    await using silent = await peer((said, socket) => void (said.endsWith('\r\r') && socket.end()))
    const words = ['sms', 'a', 'b', ...KEYS, ...NUMBER, '--outbox', outbox]
    expect(await halyard([...words, ...at(silent.port)])).toEqual({
      code: 1,
      out: ['DATA RECEIVED: -1', 'DATA RECEIVED: -1'],
      errors: [
        'halyard: 2 SMS: The SMS may have been sent and is not sent again: the peer closed the connection; it may have arrived: ask before you send it anew',
      ],
    })
    await using cloud = await peer(takesAll)
    const next = await halyard(['sms', 'c', ...KEYS, ...NUMBER, '--outbox', outbox, ...at(cloud.port)])
    expect(next).toEqual({ code: 0, out: ['DATA RECEIVED: 0'], errors: [] })
    expect(cloud.said).toEqual(['Swxyz9876+11234567890 c\r\r'])
  })

  test('interrupted while it waits for the answer: told as what it is', async () => {
    await using directory = await temporaryDirectory()
    const outbox = join(directory.path, 'outbox')
    const terminal = new FakeTerminal()
    await using silent = await peer((said) => void (said.endsWith('\r\r') && terminal.interrupt()))
    const words = ['sms', 'a', 'b', ...KEYS, ...NUMBER, ...at(silent.port), '--timeout', '1', '--outbox', outbox]
    expect(await halyard(words, terminal)).toEqual({
      code: 130,
      out: ['DATA RECEIVED: -1', 'DATA RECEIVED: -2'],
      errors: [
        'halyard: The SMS may have been sent and is not sent again: no answer within 1 s; it may have arrived: ask before you send it anew',
        `halyard: interrupted: 1 message still queued in ${outbox}; halyard outbox ls --outbox ${outbox} shows what`,
      ],
    })
    expect(silent.said).toHaveLength(1)
  })
})

describe('that cannot go', () => {
  test('is not sent, or kept with --outbox and sent by the next call', async () => {
    await using directory = await temporaryDirectory()
    const outbox = join(directory.path, 'outbox')
    const port = String(await closedPort())
    const problem = `connect ECONNREFUSED 127.0.0.1:${port}`
    const words = ['sms', 'x', ...KEYS, ...NUMBER]
    expect(await halyard([...words, ...at(port)])).toEqual({
      code: 1,
      out: ['DATA RECEIVED: -2'],
      errors: [
        `halyard: 1 SMS not sent: ${problem}; check --host and --port, or keep what cannot go out with --outbox DIR`,
      ],
    })
    expect(await halyard([...words, ...at(port), '--outbox', outbox])).toEqual({
      code: 0,
      out: ['DATA RECEIVED: -2'],
      errors: [
        `halyard: 1 SMS kept in ${outbox}: ${problem}; it goes out with the next send that names this outbox and account`,
      ],
    })
    await using cloud = await peer(takesAll)
    const { code, errors } = await halyard(['sms', 'y', ...KEYS, ...NUMBER, ...at(cloud.port), '--outbox', outbox])
    expect([code, errors]).toEqual([0, ['halyard: 1 older message from the outbox delivered as well']])
    expect(cloud.said).toEqual(['Swxyz9876+11234567890 x\r\r', 'Swxyz9876+11234567890 y\r\r'])
  })
})

describe('bad usage ends with 2, and nothing goes out', () => {
  test.each([
    [['x', ...KEYS], 'there is no telephone number; name it with --destination +11234567890 (ERR_USAGE)'],
    [[...KEYS, ...NUMBER], 'there is no message; give one as an argument or on standard input (ERR_USAGE)'],
    [
      ['x', ...NUMBER],
      'no credentials: an SMS goes through the Hologram cloud, or a hub in its place; give --file FILE',
    ],
    [['x', ...KEYS, '--destination', '1555'], "an SMS goes to a number in E.164 form: a '+', the country and"],
    [['fine', 'x'.repeat(161), ...KEYS, ...NUMBER], 'an SMS has at most 160 characters, this one has 161; split it'],
    [['x\r\ry', ...KEYS, ...NUMBER], 'an SMS can hold no blank line'],
    [['x', ...KEYS, ...NUMBER, '--timeout', '1e9'], 'timeout is in seconds, from 0 to 86400, not 1000000000'],
    [['x', ...KEYS, ...NUMBER, '-t', 'topic'], "unknown option '-t'; halyard sms --help shows what there is"],
  ])('%j', async (words, text) => {
    await using cloud = await peer(takesAll)
    const { code, out, errors } = await halyard(['sms', ...words, '--host', '127.0.0.1', '--port', cloud.port])
    expect([code, out, errors]).toEqual([2, [], [expect.stringContaining(`halyard: ${text}`) as string]])
    await say(cloud.port, 'the end')
    expect(cloud.said).toEqual(['the end'])
  })

  test('standard input that is not UTF-8', async () => {
    const terminal = new FakeTerminal()
    terminal.inputBytes = new Uint8Array([0xff, 0x41])
    expect(await halyard(['sms', ...KEYS, ...NUMBER], terminal)).toEqual({
      code: 2,
      out: [],
      errors: ['halyard: an SMS is text: what standard input holds is not UTF-8 (ERR_HOLOGRAM_MESSAGE)'],
    })
  })
})

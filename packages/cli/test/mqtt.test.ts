import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createMqttServer } from '@halyard/hub/mqtt'
import type { MqttServer } from '@halyard/hub/mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closedPort, halyard, temporaryDirectory } from './context.ts'
import type { Ran } from './context.ts'
import { FakeTerminal } from './fake-terminal.ts'

let server: MqttServer
let port: string

beforeAll(async () => {
  server = await createMqttServer({ port: 0 })
  port = String(server.port)
})
afterAll(() => server.close())

const pub = (words: readonly string[], terminal?: FakeTerminal): Promise<Ran> =>
  halyard(['mqtt', 'pub', '-p', port, ...words], terminal)

/** Begins `halyard mqtt sub`; resolves when the server has granted it. */
async function subscribing(
  words: readonly string[],
  terminal: FakeTerminal = new FakeTerminal(),
): Promise<{ readonly ran: Promise<Ran & { readonly written: string }>; readonly terminal: FakeTerminal }> {
  terminal.status.isTerminal = true
  const listening = new Promise<void>((resolve) => {
    terminal.error = (line) => {
      if (line.includes('listening to')) resolve()
      else terminal.errors.push(line)
    }
  })
  const running = halyard(['mqtt', 'sub', '-p', port, ...words], terminal)
  await Promise.race([listening, running])
  return { ran: running.then((result) => ({ ...result, written: terminal.written.join('') })), terminal }
}

describe('halyard mqtt pub and sub', () => {
  test('one message from the one to the other', async () => {
    const { ran } = await subscribing(['-t', 'one/#', '-v', '-C', '1'])
    expect(await pub(['-t', 'one/a', '-m', 'hello'])).toEqual({ code: 0, out: [], errors: [] })
    expect(await ran).toMatchObject({ code: 0, errors: [], written: 'one/a hello\n' })
  })

  test('each line of standard input is a message, in order', async () => {
    const { ran } = await subscribing(['-t', 'lines', '-C', '3', '-N'])
    const terminal = new FakeTerminal()
    terminal.inputBytes = 'a\n\nb\r\nc'
    expect(await pub(['-t', 'lines', '-l', '--json'], terminal)).toMatchObject({ code: 0 })
    expect(terminal.printed.map((line) => (JSON.parse(line) as { state: string }).state)).toEqual(
      Array(3).fill('delivered'),
    )
    expect((await ran).written).toBe('abc')
  })

  test('a file, and standard input as a whole, keep their bytes', async () => {
    await using directory = await temporaryDirectory()
    const file = join(directory.path, 'message')
    await writeFile(file, Uint8Array.of(0, 255, 10))
    const { ran } = await subscribing(['-t', 'bytes', '-C', '2', '-N'])
    expect(await pub(['-t', 'bytes', '-f', file])).toMatchObject({ code: 0 })
    const terminal = new FakeTerminal()
    terminal.inputBytes = 'all\nof it\n'
    expect(await pub(['-t', 'bytes'], terminal)).toMatchObject({ code: 0 })
    expect((await ran).written).toBe('\u0000\u00FF\nall\nof it\n')
  })

  test('what the server keeps: -r, -n, -R, --retained-only', async () => {
    await pub(['-t', 'kept/a', '-m', 'x', '-r'])
    const only = await subscribing(['-t', 'kept/#', '-F', '%t %p %r %q %l %x%%', '-C', '1'])
    expect((await only.ran).written).toBe('kept/a x 1 1 1 78%\n')
    const none = await subscribing(['-t', 'kept/#', '-R', '-C', '1'])
    await pub(['-t', 'kept/a', '-m', 'live'])
    expect((await none.ran).written).toBe('live\n')
    expect(await pub(['-t', 'kept/a', '-n', '-r'])).toMatchObject({ code: 0 })
    expect(await halyard(['mqtt', 'sub', '-p', port, '-t', 'kept/#', '-W', '0.2'])).toMatchObject({ code: 0, out: [] })
  })

  test('JSON lines with what 5.0 adds; binary as base64', async () => {
    const { ran } = await subscribing(['-t', 'json', '-C', '1', '--json'])
    await pub(['-t', 'json', '-m', '21.5', '-D', 'unit=celsius', '-q', '2'])
    const { out } = await ran
    expect(JSON.parse(out[0] ?? '')).toMatchObject({
      topic: 'json',
      text: '21.5',
      qos: 1,
      retain: false,
      size: 4,
      user_properties: [['unit', 'celsius']],
    })
  })

  test('a session brings what came meanwhile', async () => {
    const session = ['-i', 'logger', '-c', '-t', 'log', '-C', '1']
    const first = await subscribing(session)
    await pub(['-t', 'log', '-m', 'one'])
    expect((await first.ran).written).toBe('one\n')
    await pub(['-t', 'log', '-m', 'two'])
    const terminal = new FakeTerminal()
    expect(await halyard(['mqtt', 'sub', '-p', port, ...session], terminal)).toMatchObject({ code: 0 })
    expect(terminal.written.join('')).toBe('two\n')
  })

  test('Ctrl-C ends it, and the time does: 130, 27', async () => {
    const { ran, terminal } = await subscribing(['-t', 'nothing'])
    terminal.interrupt()
    expect(await ran).toMatchObject({ code: 130, errors: [] })
    expect(await halyard(['mqtt', 'sub', '-p', port, '-t', 'nothing', '-C', '1', '-W', '0.1'])).toMatchObject({
      code: 27,
    })
  })
})

describe('what goes wrong', () => {
  test('nobody there: 1, and what to do', async () => {
    const closed = String(await closedPort())
    for (const words of [['pub', '-m', 'x'], ['sub']]) {
      const { code, errors } = await halyard(['mqtt', ...words, '-t', 'a', '-p', closed])
      expect(code).toBe(1)
      expect(errors.join('\n')).toMatch(/127\.0\.0\.1:\d+.*\(ERR_MQTT_UNREACHABLE\)/)
    }
  })

  test('--outbox keeps it, and the next pub sends it', async () => {
    await using directory = await temporaryDirectory()
    const closed = await closedPort()
    const kept = await halyard([
      'mqtt',
      'pub',
      '-p',
      String(closed),
      '-t',
      'later',
      '-m',
      'x',
      '--outbox',
      directory.path,
    ])
    expect(kept).toMatchObject({ code: 0, out: [] })
    expect(kept.errors).toEqual([
      `halyard: 1 message is kept in ${directory.path}: the server has not acknowledged; ` +
        'the next pub that names this outbox and server sends what waits',
    ])
    await using there = await createMqttServer({ port: closed })
    const got: string[] = []
    const heard = new Promise<void>((resolve) => {
      there.subscribe('later', ({ payload }) => {
        got.push(Buffer.from(payload).toString())
        if (got.length === 2) resolve()
      })
    })
    const next = await halyard([
      'mqtt',
      'pub',
      '-p',
      String(closed),
      '-t',
      'later',
      '-m',
      'y',
      '--outbox',
      directory.path,
    ])
    expect(next).toMatchObject({ code: 0, errors: [] })
    await heard
    expect(got).toEqual(['x', 'y'])
  })

  test.each([
    [['pub', '-m', 'x'], /required option.*--topic/],
    [['pub', '-t', 'a', '-m', 'x', '-n'], /choose one of/],
    [['pub', '-t', 'a/#', '-m', 'x'], /none to publish to: it has a wildcard/],
    [['pub', '-t', 'a', '-m', 'x', '-q', '3'], /--qos is 0, 1 or 2/],
    [['pub', '-t', 'a', '-m', 'x', '-V', '3'], /--protocol-version is 5 or 4/],
    [['sub', '-t', 'a/#/b'], /no topic filter/],
    [['sub', '-t', 'a', '-F', '%z'], /knows no %z/],
    [['sub', '-t', 'a', '-c'], /--id/],
    [['sub', '-t', 'a', '-L', 'http://x'], /mqtt:\/\/host/],
    [['sub', '-t', 'a', '-C', 'many'], /--count is a whole number/],
  ])('%j is not understood: 2', async (words, text) => {
    const [command, ...rest] = words
    const { code, errors } = await halyard([
      'mqtt',
      command ?? '',
      ...(words.includes('-L') ? [] : ['-p', port]),
      ...rest,
    ])
    expect([code, errors.join('\n')]).toEqual([expect.anything(), expect.stringMatching(text)])
    expect(code).toBe(2)
  })
})

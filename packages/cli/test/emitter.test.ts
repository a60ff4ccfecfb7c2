import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createHub } from '@halyard/hub'
import type { Hub } from '@halyard/hub'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closedPort, halyard, temporaryDirectory } from './context.ts'
import type { Ran } from './context.ts'
import { FakeTerminal } from './fake-terminal.ts'

let hub: Hub
let port: string
let key: string
let master: string

beforeAll(async () => {
  hub = await createHub({ data: ':memory:', ports: 'ephemeral' })
  port = String(hub.ports.front)
  key = hub.accounts.emitter?.channel_key ?? ''
  master = hub.accounts.emitter?.master_key ?? ''
})
afterAll(() => hub.close())

/** A terminal whose environment has a key: that of `demo/#/`, unless told otherwise. */
function terminalWith(given: string = key): FakeTerminal {
  const terminal = new FakeTerminal()
  terminal.environment['HALYARD_EMITTER_KEY'] = given
  return terminal
}

function emitter(words: readonly string[], terminal: FakeTerminal = terminalWith(), at: string = port): Promise<Ran> {
  const [command = '', ...rest] = words
  return halyard(['emitter', command, '-p', at, ...rest], terminal)
}

/** Begins `halyard emitter sub`; resolves when the hub has granted it. */
async function subscribing(
  words: readonly string[],
  terminal: FakeTerminal = terminalWith(),
): Promise<{ readonly ran: Promise<Ran & { readonly written: string }>; readonly terminal: FakeTerminal }> {
  terminal.status.isTerminal = true
  const listening = new Promise<void>((resolve) => {
    terminal.error = (line) => {
      if (line.includes('listening to')) resolve()
      else terminal.errors.push(line)
    }
  })
  const running = emitter(['sub', ...words], terminal)
  await Promise.race([listening, running])
  return { ran: running.then((result) => ({ ...result, written: terminal.written.join('') })), terminal }
}

describe('halyard emitter pub and sub', () => {
  test('one message from the one to the other, and what is below its channel', async () => {
    const { ran } = await subscribing(['-c', 'demo/one', '-v', '-C', '2'])
    expect(await emitter(['pub', '-c', 'demo/one', '-m', 'hello'])).toEqual({ code: 0, out: [], errors: [] })
    expect(await emitter(['pub', '-c', 'demo/one/below/', '-m', 'you'])).toMatchObject({ code: 0 })
    expect(await ran).toMatchObject({ code: 0, errors: [], written: 'demo/one/ hello\ndemo/one/below/ you\n' })
  })

  test('each line of standard input is a message, in order; bytes stay what they are', async () => {
    const { ran } = await subscribing(['-c', 'demo/lines/', '-C', '4', '-N'])
    const terminal = terminalWith()
    terminal.inputBytes = 'a\n\nb\r\nc'
    expect(await emitter(['pub', '-c', 'demo/lines/', '-l', '--json'], terminal)).toMatchObject({ code: 0 })
    expect(terminal.printed.map((line) => (JSON.parse(line) as { state: string }).state)).toEqual(
      Array(3).fill('delivered'),
    )
    await using directory = await temporaryDirectory()
    const file = join(directory.path, 'message')
    await writeFile(file, Uint8Array.of(0, 255, 10))
    expect(await emitter(['pub', '-c', 'demo/lines/', '-f', file])).toMatchObject({ code: 0 })
    expect((await ran).written).toBe('abc\u0000\u00FF\n')
  })

  test('what a stranger writes has no power over the terminal', async () => {
    const terminal = terminalWith()
    terminal.isTerminal = true
    const { ran } = await subscribing(['-c', 'demo/strange/', '-C', '1'], terminal)
    await emitter(['pub', '-c', 'demo/strange/', '-m', 'red \u001B[31m, bell \u0007'])
    expect((await ran).written).toBe('red \uFFFD[31m, bell \uFFFD\n')
  })

  test('JSON lines; binary as base64', async () => {
    const { ran } = await subscribing(['-c', 'demo/json/', '-C', '2', '--json'])
    await emitter(['pub', '-c', 'demo/json/', '-m', '21.5', '-q', '0'])
    const terminal = terminalWith()
    terminal.inputBytes = Uint8Array.of(255)
    await emitter(['pub', '-c', 'demo/json/'], terminal)
    const [first = '', second = ''] = (await ran).out
    expect(JSON.parse(first)).toEqual({
      channel: 'demo/json/',
      text: '21.5',
      size: 4,
      received_at: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    })
    expect(JSON.parse(second)).toMatchObject({ base64: '/w==', size: 1 })
  })

  test('a group shares the messages', async () => {
    const made = await emitter(['keygen', '-c', '$share/pair/demo/shared/', '--type', 'r'], terminalWith(master))
    const words = ['-c', 'demo/shared/', '--group', 'pair', '-N']
    const two = await Promise.all([1, 2].map(() => subscribing(words, terminalWith(made.out[0] ?? ''))))
    const terminal = terminalWith()
    terminal.inputBytes = Array.from({ length: 20 }, (_, n) => `${n}`).join('\n')
    expect(await emitter(['pub', '-c', 'demo/shared/', '-l'], terminal)).toMatchObject({ code: 0 })
    const came = (): number => two.reduce((sum, one) => sum + one.terminal.written.length, 0)
    while (came() < 20) await new Promise(setImmediate)
    for (const one of two) one.terminal.interrupt()
    await Promise.all(two.map(({ ran }) => ran))
    expect(came()).toBe(20)
  })

  test('Ctrl-C ends it, and the time does: 130, 27', async () => {
    const { ran, terminal } = await subscribing(['-c', 'demo/nothing/'])
    terminal.interrupt()
    expect(await ran).toMatchObject({ code: 130, errors: [] })
    expect(await emitter(['sub', '-c', 'demo/nothing/', '-C', '1', '-W', '0.05'])).toMatchObject({ code: 27 })
    expect(await emitter(['sub', '-c', 'demo/nothing/', '-W', '0.05'])).toMatchObject({ code: 0 })
  })
})

describe('keys', () => {
  test('one is made, opens its channel alone, and is banned: 401 with what to check', async () => {
    const made = await emitter(['keygen', '-c', 'demo/mine', '--type', 'rw', '--ttl', '60'], terminalWith(master))
    const [own = ''] = made.out
    expect([made.code, own]).toEqual([0, expect.stringMatching(/^[\w-]{32}$/)])
    const json = await emitter(['keygen', '-c', 'demo/mine/#/', '--json'], terminalWith(master))
    expect(JSON.parse(json.out[0] ?? '')).toEqual({
      key: expect.stringMatching(/^.{32}$/) as string,
      channel: 'demo/mine/#/',
    })

    const { ran } = await subscribing(['-c', 'demo/mine/'], terminalWith(own))
    expect(await emitter(['pub', '-c', 'demo/yours/', '-m', 'x'], terminalWith(own))).toMatchObject({ code: 1 })
    const terminal = terminalWith(master)
    terminal.inputBytes = `${own}\n`
    expect(await emitter(['keyban', '-'], terminal)).toEqual({ code: 0, out: ['the key is banned'], errors: [] })
    // Whoever listens with it is told, and hears nothing more.
    expect(await ran).toMatchObject({
      code: 1,
      errors: [expect.stringMatching(/banned or revoked.*\(ERR_EMITTER_ENDED\)$/)],
    })
    const refused = await emitter(['pub', '-c', 'demo/mine/', '-m', 'x'], terminalWith(own))
    expect(refused).toMatchObject({
      code: 1,
      errors: [expect.stringMatching(/publish to demo\/mine\/ \(401\).*not banned/)],
    })
    // A key may begin with a hyphen.
    expect(await emitter(['keyban', '--undo', '--json', '--', own], terminalWith(master))).toMatchObject({
      code: 0,
      out: ['{"banned":false}'],
    })
    expect(await emitter(['pub', '-c', 'demo/mine/', '-m', 'x'], terminalWith(own))).toMatchObject({ code: 0 })
  })

  test('a channel key makes none', async () => {
    const { code, errors } = await emitter(['keygen', '-c', 'demo/a/'])
    expect([code, errors]).toEqual([1, [expect.stringMatching(/make a key for demo\/a\/ \(401\).*master key/)]])
  })
})

describe('who is there, and what was', () => {
  test('presence: who, who comes, who goes', async () => {
    const one = await subscribing(['-c', 'demo/room/', '-u', 'ann'])
    expect(await emitter(['presence', '-c', 'demo/room'])).toMatchObject({
      code: 0,
      out: [expect.stringMatching(/^[A-Z2-7]{26} {2}ann$/)],
    })
    const watcher = terminalWith()
    const lines: string[] = []
    const said = async (count: number): Promise<void> => {
      while (lines.length < count) await new Promise(setImmediate)
    }
    watcher.print = (line) => void lines.push(line)
    const watching = emitter(['presence', '-c', 'demo/room/', '--follow'], watcher)
    await said(1)
    const two = await subscribing(['-c', 'demo/room/', '-u', 'bob'])
    await said(2)
    two.terminal.interrupt()
    await Promise.all([two.ran, said(3)])
    watcher.interrupt()
    one.terminal.interrupt()
    expect([(await watching).code, (await one.ran).code]).toEqual([130, 130])
    expect(lines).toEqual([
      expect.stringMatching(/^[A-Z2-7]{26} {2}ann$/),
      expect.stringMatching(/^\+ [A-Z2-7]{26} {2}bob {2}demo\/room\/$/),
      expect.stringMatching(/^- [A-Z2-7]{26} {2}bob {2}demo\/room\/$/),
    ])
  })

  test('history: the oldest first, over the pages of the broker, so many as are asked for', async () => {
    const terminal = terminalWith()
    const numbers = Array.from({ length: 230 }, (_, n) => String(n))
    terminal.inputBytes = numbers.join('\n')
    expect(await emitter(['pub', '-c', 'demo/log/', '-l', '--ttl', '60'], terminal)).toMatchObject({ code: 0 })
    const all = terminalWith()
    expect(await emitter(['history', '-c', 'demo/log/', '--last', '1000'], all)).toMatchObject({ code: 0 })
    expect(all.written.join('').trim().split('\n')).toEqual(numbers)
    const some = await emitter(['history', '-c', 'demo/log/', '--last', '2', '--json'])
    expect(some.out.map((line) => JSON.parse(line) as object)).toMatchObject([
      { channel: 'demo/log/', text: '228', id: expect.stringMatching(/^[\w+/]+=*$/) as string },
      { text: '229' },
    ])
    const usual = terminalWith()
    await emitter(['history', '-c', 'demo/log/', '--from', '2020-01-01'], usual)
    expect(usual.written).toHaveLength(100)
    const none = terminalWith()
    await emitter(['history', '-c', 'demo/log/', '--until', '1600000000'], none)
    expect(none.written).toEqual([])
    const { ran } = await subscribing(['-c', 'demo/log/', '--last', '3', '-C', '3', '-N'])
    expect((await ran).written).toBe('227228229')
  })

  test('me', async () => {
    expect(await emitter(['me'], new FakeTerminal())).toMatchObject({
      code: 0,
      out: [expect.stringMatching(/^[A-Z2-7]{26}$/)],
    })
  })
})

describe('what goes wrong', () => {
  test.each([['pub', '-m', 'x'], ['sub'], ['presence'], ['history'], ['keygen']])(
    'nobody there, %s: 1',
    async (...words) => {
      const closed = String(await closedPort())
      const { code, errors } = await emitter([...words, '-c', 'a/'], terminalWith(), closed)
      expect([code, errors]).toEqual([1, [expect.stringMatching(/127\.0\.0\.1:\d+.*\(ERR_MQTT_UNREACHABLE\)/)]])
    },
  )

  test('--outbox keeps it, and the next pub sends it', async () => {
    await using directory = await temporaryDirectory()
    const closed = String(await closedPort())
    const words = ['-c', 'demo/later/', '--outbox', directory.path]
    const kept = await emitter(['pub', '-m', 'x', ...words], terminalWith(), closed)
    expect(kept).toMatchObject({ code: 0, out: [] })
    expect(kept.errors).toEqual([
      `halyard: 1 message is kept in ${directory.path}: the broker has not acknowledged; ` +
        'the next pub that names this outbox and host sends what waits',
    ])
    const { ran } = await subscribing(['-c', 'demo/later/', '-C', '2', '-N'])
    expect(await emitter(['pub', '-m', 'y', ...words])).toEqual({ code: 0, out: [], errors: [] })
    expect((await ran).written).toBe('xy')
  })

  test.each([
    [['pub', '-m', 'x'], /required option.*--channel/],
    [['pub', '-c', 'demo/', '-m', 'x', '-q', '2'], /--qos is 0 or 1/],
    [['pub', '-c', 'demo/', '-m', 'x', '--ttl', 'day'], /--ttl is a whole number/],
    [['pub', '-c', 'demo/#/', '-m', 'x'], /published to one channel|wildcard/],
    [['pub', '-c', 'de mo/', '-m', 'x'], /channel/],
    [['sub', '-c', 'demo/', '--from', 'yesterday'], /--from is a time/],
    [['sub', '-c', 'demo/', '-p', '70000'], /the port is from 1 to 65535/],
    [['sub', '-c', 'demo/', '--timeout', 'x'], /timeout/],
    [['history', '-c', 'demo/', '--last', '-1'], /--last is a whole number/],
  ])('%j is not understood: 2', async (words, text) => {
    const { code, errors } = await emitter(words)
    expect([code, errors.join('\n')]).toEqual([2, expect.stringMatching(text)])
  })

  test('a key that is none: 1, and what to check', async () => {
    const { code, errors } = await emitter(['sub', '-c', 'demo/', '-k', 'short'])
    expect([code, errors]).toEqual([1, [expect.stringMatching(/subscribe to demo\/ \(401\).*5 characters/)]])
  })

  test('no key: 2, and where one may stand', async () => {
    const { code, errors } = await emitter(['sub', '-c', 'demo/'], new FakeTerminal())
    expect([code, errors]).toEqual([2, [expect.stringContaining('set HALYARD_EMITTER_KEY')]])
  })
})

import { PassThrough } from 'node:stream'
import { join } from 'node:path'
import { createHub } from '@halyard/hub'
import type { Hub } from '@halyard/hub'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closedPort, halyard, temporaryDirectory } from './context.ts'
import { FakeTerminal } from './fake-terminal.ts'
import { peer } from './peers.ts'

let hub: Hub
let credentials: string[]
let where: string[]

beforeAll(async () => {
  hub = await createHub({ data: ':memory:', ports: 'ephemeral' })
  const { cloud_id = '', cloud_key = '' } = hub.accounts.hologram ?? {}
  credentials = ['--cloud_id', cloud_id, '--cloud_key', cloud_key]
  where = ['--host', '127.0.0.1', '--port', String(hub.ports.hologram)]
})
afterAll(() => hub.close())

function reading(text: string | Uint8Array): FakeTerminal {
  const terminal = new FakeTerminal()
  terminal.inputBytes = text
  return terminal
}

const took = (line: string | undefined): string => (line ?? '').replace(/ in [\d.]+ m?s/, ' in 0 s')

describe('to a hub', () => {
  test.each([[[]], [['outbox']]])(
    '10,000 lines arrive in order, each once: %j',
    async ([outbox]) => {
      await using directory = await temporaryDirectory()
      const live = hub.messages()
      const texts: string[] = []
      const all = (async () => {
        for await (const { payload } of live) {
          if (texts.push(new TextDecoder().decode(payload)) === 10_000) return
        }
      })()
      const lines = Array.from({ length: 10_000 }, (_, index) => `reading ${index}`)
      const kept = outbox === undefined ? [] : ['--outbox', join(directory.path, outbox)]
      const { code, out, errors } = await halyard(
        ['send', '--lines', ...where, ...credentials, ...kept],
        reading(`${lines.join('\n')}\n`),
      )
      await all
      expect(texts).toEqual(lines)
      expect([code, out.length, new Set(out)]).toEqual([0, 10_000, new Set(['DATA RECEIVED: 0'])])
      expect(errors.map(took)).toEqual(['halyard: 10000 messages sent in 0 s'])
    },
    60_000,
  )

  test('lines go out as they come, before the input ends', async () => {
    const input = new PassThrough()
    const terminal = new FakeTerminal()
    terminal.inputBytes = input
    terminal.print = (line) => {
      terminal.printed.push(line)
      if (terminal.printed.length === 1) input.write('two\r\n\nthr')
      else input.end('ee')
    }
    input.write('one\n')
    const { code, out, errors } = await halyard(['send', '--lines', '--json', ...where, ...credentials], terminal)
    expect(code).toBe(0)
    const lines = out.map((line) => JSON.parse(line) as { line: number; code: number })
    expect(lines.map(({ line, code: answer }) => [line, answer])).toEqual([
      [1, 0],
      [2, 0],
      [4, 0],
    ])
    expect(errors.map(took)).toEqual(['halyard: 3 messages sent in 0 s'])
  })

  test('a line that cannot be sent is named, those behind it go out', async () => {
    const text = new Uint8Array([...Buffer.from('fine\n'), 0xff, 0x0a, ...Buffer.from('fine too')])
    const { code, out, errors } = await halyard(['send', '--lines', ...where, ...credentials], reading(text))
    expect([code, out]).toEqual([1, ['DATA RECEIVED: 0', 'DATA RECEIVED: 0']])
    expect(errors.map(took)).toEqual([
      expect.stringMatching(/^halyard: line 2: .*UTF-8.*\(ERR_HOLOGRAM_MESSAGE\)$/),
      'halyard: 2 messages sent in 0 s',
    ])
  })

  test('a line that the service refuses is told, those behind it go out', async () => {
    await using cloud = await peer((said, socket) => {
      if (said.endsWith('\r\r')) socket.end(said.includes('bad') ? '[4,0]' : '[0,0]')
    })
    const words = ['send', '--lines', '--host', '127.0.0.1', '-p', cloud.port, ...credentials]
    const { code, out, errors } = await halyard(words, reading('good\nbad\ngood\n'))
    expect([code, out]).toEqual([1, ['DATA RECEIVED: 0', 'DATA RECEIVED: 4', 'DATA RECEIVED: 0']])
    expect(errors.map(took)).toEqual([
      'halyard: 2 messages sent, 1 refused in 0 s',
      'halyard: the message was refused: ERR_PAYLOADINVALID: Payload type was invalid; check the message',
    ])
  })

  test('credentials that are refused end it at the first line', async () => {
    const input = new PassThrough()
    input.write('one\n')
    const terminal = new FakeTerminal()
    terminal.inputBytes = input
    const words = ['send', '--lines', ...where, ...credentials.slice(0, 3), 'nope']
    const { code, out, errors } = await halyard(words, terminal)
    expect([code, out, errors.map(took)]).toEqual([
      1,
      ['DATA RECEIVED: 3'],
      [
        'halyard: 0 messages sent, 1 refused in 0 s; stopped at line 1',
        'halyard: the message was refused: ERR_AUTHINVALID: Auth section of the message was invalid; check cloud_id and cloud_key',
      ],
    ])
  })
})

describe('when the hub goes away in the middle', () => {
  test('without an outbox it stops, and names the line', async () => {
    const gone = await createHub({ data: ':memory:', ports: 'ephemeral' })
    const { cloud_id = '', cloud_key = '' } = gone.accounts.hologram ?? {}
    const at = `127.0.0.1:${gone.ports.hologram}`
    const input = new PassThrough()
    const terminal = new FakeTerminal()
    terminal.inputBytes = input
    terminal.print = (line) => {
      terminal.printed.push(line)
      if (terminal.printed.length === 1) void gone.close().then(() => input.write('two\nthree\n'))
    }
    input.write('one\n')
    const words = ['--host', '127.0.0.1', '-p', String(gone.ports.hologram), '--cloud_id', cloud_id]
    const { code, out, errors } = await halyard(['send', '--lines', ...words, '--cloud_key', cloud_key], terminal)
    expect([code, out]).toEqual([1, ['DATA RECEIVED: 0', 'DATA RECEIVED: -2', 'DATA RECEIVED: -2']])
    expect(errors.map(took)).toEqual([
      'halyard: 1 message sent, 2 not sent in 0 s; stopped at line 2',
      `halyard: 2 messages not sent: connect ECONNREFUSED ${at}; check --host and --port, or keep what cannot go out with --outbox DIR`,
    ])
  })

  test('with an outbox the lines are kept, and the next call delivers them first', async () => {
    await using directory = await temporaryDirectory()
    const outbox = join(directory.path, 'outbox')
    const port = String(await closedPort())
    const words = ['send', '--lines', ...credentials, '--outbox', outbox, '--host', '127.0.0.1', '-p']
    const kept = await halyard([...words, port], reading('one\ntwo\n'))
    expect([kept.code, kept.out]).toEqual([0, ['DATA RECEIVED: -2', 'DATA RECEIVED: -2']])
    expect(kept.errors.map(took)).toEqual([
      'halyard: 0 messages sent, 2 queued in 0 s',
      `halyard: 2 messages kept in ${outbox}: connect ECONNREFUSED 127.0.0.1:${port}; they go out with the next send that names this outbox and account`,
    ])
    const live = hub.messages()
    const next = await halyard([...words, String(hub.ports.hologram)], reading('three\n'))
    const texts: string[] = []
    for await (const { payload } of live) if (texts.push(new TextDecoder().decode(payload)) === 3) break
    expect(texts).toEqual(['one', 'two', 'three'])
    expect(next.code).toBe(0)
    expect(next.errors.at(-1)).toBe('halyard: 2 older messages from the outbox delivered as well')
  })

  test('interrupted, it says what is still queued', async () => {
    await using directory = await temporaryDirectory()
    const outbox = join(directory.path, 'outbox')
    const port = String(await closedPort())
    const input = new PassThrough()
    const terminal = new FakeTerminal()
    terminal.inputBytes = input
    terminal.print = (line) => {
      if (terminal.printed.push(line) === 2) terminal.interrupt()
    }
    input.write('one\ntwo\n')
    const words = ['send', '--lines', ...credentials, '--outbox', outbox, '--host', '127.0.0.1', '-p', port]
    const { code, out, errors } = await halyard(words, terminal)
    expect([code, out.length]).toEqual([130, 2])
    expect(errors.map(took)).toEqual([
      'halyard: 0 messages sent, 2 queued in 0 s; line 2 was the last one taken',
      `halyard: interrupted: 2 messages still queued in ${outbox}; halyard outbox ls --outbox ${outbox} shows what`,
    ])
  })
})

test('messages in the arguments are bad usage', async () => {
  const { code, errors } = await halyard(['send', '--lines', 'x', ...where, ...credentials])
  expect([code, errors]).toEqual([
    2,
    ['halyard: --lines reads the messages from standard input; leave out those in the arguments (ERR_USAGE)'],
  ])
})

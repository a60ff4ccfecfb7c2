/** Servers that accept a connection and say nothing more, or nothing at all: `--timeout` and `-W` end the waiting. */
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { halyard, temporaryDirectory } from './context.ts'
import type { Ran } from './context.ts'
import { FakeTerminal } from './fake-terminal.ts'
import { peer } from './peers.ts'

const CONNACK_5 = Uint8Array.of(0x20, 3, 0, 0, 0)
const CONNACK_4 = Uint8Array.of(0x20, 2, 0, 0)

/** Runs it beside a server that answers CONNECT alone, and hangs up when the command has said what is wrong. */
async function besideSilence(words: readonly string[], connack: Uint8Array): Promise<Ran> {
  const open = new Set<Socket>()
  let hangUp = false
  await using server = await peer((said, socket) => {
    open.add(socket)
    if (hangUp) socket.destroy()
    else if (said.startsWith('\x10') && socket.bytesWritten === 0) socket.write(connack)
  })
  const terminal = new FakeTerminal()
  terminal.error = (line) => {
    terminal.errors.push(line)
    hangUp = true
    for (const socket of open) socket.destroy()
  }
  return await halyard([...words, '-p', server.port, '--timeout', '0.3'], terminal)
}

test('halyard mqtt pub does not wait for an acknowledgement for ever', async () => {
  expect(await besideSilence(['mqtt', 'pub', '-t', 'a', '-m', 'x'], CONNACK_5)).toEqual({
    code: 1,
    out: [],
    errors: ['halyard: the server has not acknowledged 1 message; with --outbox it would be kept'],
  })
})

test('… and keeps the message where it may', async () => {
  await using outbox = await temporaryDirectory()
  const ran = await besideSilence(['mqtt', 'pub', '-t', 'a', '-m', 'x', '--outbox', outbox.path], CONNACK_5)
  expect(ran.code).toBe(0)
  expect(ran.errors).toEqual([expect.stringMatching(/1 message is kept in .+ the server has not acknowledged/u)])
})

test('halyard emitter pub neither', async () => {
  expect(await besideSilence(['emitter', 'pub', '-k', 'key', '-c', 'a', '-m', 'x'], CONNACK_4)).toEqual({
    code: 1,
    out: [],
    errors: ['halyard: the broker has not acknowledged 1 message; with --outbox it would be kept'],
  })
})

test('halyard emitter history waits --timeout for a page', async () => {
  const ran = await besideSilence(['emitter', 'history', '-k', 'key', '-c', 'a'], CONNACK_4)
  expect(ran.code).toBe(1)
  expect(ran.errors).toEqual([expect.stringMatching(/has not answered in 0\.3 s \(ERR_EMITTER_TIMEOUT\)/u)])
})

test('halyard mqtt sub -W that was never granted has failed', async () => {
  await using server = await peer(() => {})
  const ran = await halyard(['mqtt', 'sub', '-t', 'a', '-p', server.port, '-W', '0.05'])
  expect(ran).toEqual({
    code: 1,
    out: [],
    errors: ['halyard: the server has not answered within the 0.05 s of --wait (ERR_MQTT_TIMEOUT)'],
  })
})

test.each([
  ['--timeout', ['mqtt', 'pub', '-t', 'a', '-m', 'x', '--timeout', 'soon']],
  ['--timeout', ['emitter', 'me', '--timeout', 'soon']],
  ['--wait', ['mqtt', 'sub', '-t', 'a', '-W', 'soon']],
])('%s that is no number is told as it was written', async (option, words) => {
  expect(await halyard(words)).toMatchObject({
    code: 2,
    errors: [`halyard: ${option} is in seconds, from 0 to 86400, not soon (ERR_USAGE_SECONDS)`],
  })
})

test.each([['--cafile'], ['--key']])('%s beside an address without TLS is refused, not forgotten', async (option) => {
  const words = ['mqtt', 'pub', '-L', 'mqtt://127.0.0.1:1', '-t', 'a', '-m', 'x', option, 'file.pem']
  expect(await halyard(words)).toEqual({
    code: 2,
    out: [],
    errors: ['halyard: --cafile, --cert and --key are of TLS: use an address of mqtts:// or wss:// (ERR_USAGE)'],
  })
})

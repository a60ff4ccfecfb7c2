/** The client against a peer that answers as the table of replies, row by row (docs/protocols/hologram.md §5.3). */
import { CustomCloud, HologramCloud } from '@halyard/hologram'
import type { SendResult } from '@halyard/hologram'
import { describe, expect, it } from 'vitest'
import { answer, answerRaw, closedPort, CREDENTIALS, openPeer, silence } from './peer.ts'
import type { Script } from './peer.ts'

const SENTENCES = [
  'The message has been sent successfully.',
  "Connection was closed so we couldn't read the whole message.",
  'Failed to parse the message.',
  'Auth section of the message was invalid.',
  'Payload type was invalid.',
  'Protocol type was invalid.',
  'Internal error in Hologram Cloud.',
  'Metadata was formatted incorrectly.',
  'Topic was formatted incorrectly.',
]
const BUFFERED = 'The message is buffered and will be sent when the network allows.'

const reset: Script = async ({ socket, request }) => void (await request, socket.resetAndDestroy())

type Send = (cloud: HologramCloud) => Promise<SendResult>
const asMessage: Send = (cloud) => cloud.sendMessage('x')
const asSms: Send = (cloud) => cloud.sendSMS('+11234567890', 'x')
const withoutNetwork =
  (send: Send): Send =>
  async (cloud) => {
    await cloud.network.disconnect()
    return await send(cloud)
  }

/** Nobody can be reached: the host is there and the port closed, or the name means nothing. */
type Nobody = 'refused' | 'no such name'

/** The result, and the events that it fired. */
async function send(script: Script | Nobody, call: Send): Promise<SendResult & { readonly events: number }> {
  await using peer = await openPeer(typeof script === 'string' ? silence : script)
  const sendPort = script === 'refused' ? await closedPort() : peer.port
  const sendHost = script === 'no such name' ? 'no-such-host.invalid' : '127.0.0.1'
  await using cloud = new HologramCloud(CREDENTIALS, { sendHost, sendPort, enableInbound: false })
  let events = 0
  cloud.event.subscribe('message.sent', () => events++)
  const result = await call(cloud)
  return { ...result, events }
}

describe('a message', () => {
  const codes: [string, number][] = [
    ...SENTENCES.map((_, code): [string, number] => [`[${code},0]`, code]),
    [' [3, 0] ', 3],
    ['[3,0]\r\n', 3],
    ['[3]', 3],
    ['["3",0]', 3],
    // The rest of it is not looked at: how the network cuts the bytes does not matter.
    ['[0,0][0,0]', 0],
  ]
  it.each(codes)('that is answered %j has code %i', async (reply, code) => {
    const result = await send(answer(reply), asMessage)
    expect(result).toMatchObject({ code, description: SENTENCES[code], ok: code === 0, buffered: false })
    expect(result.events).toBe(code === 0 ? 1 : 0)
  })

  it.each(['[9,0]', '[-1,0]', '[255]'])('that is answered %j, a code of no table, is refused', async (reply) => {
    const result = await send(answer(reply), asMessage)
    expect(result).toMatchObject({ code: -1, name: 'ERR_UNKNOWN', ok: false, buffered: false, events: 0 })
  })

  // The original takes each of these for sent, gives the text itself or throws.
  const rubbish = ['', 'garbage', '00', '30', '[]', '{}', 'null', '0', '3', 'true', '"3"', '[3.7]', 'x'.repeat(3000)]
  it.each(rubbish)('that is answered %j is kept and goes later', async (reply) => {
    const result = await send(answer(reply), asMessage)
    expect(result).toMatchObject({ code: -2, description: BUFFERED, ok: false, buffered: true, events: 0 })
  })

  it.each([
    ['is refused', 'refused'],
    ['has no address', 'no such name'],
    ['is reset', reset],
  ] as const)('whose connection %s is kept; the original loses it', async (_name, script) => {
    expect(await send(script, asMessage)).toMatchObject({ code: -2, description: BUFFERED, buffered: true, events: 0 })
  })

  it('in the time of no network is kept', async () => {
    const result = await send(answer('[0,0]'), withoutNetwork(asMessage))
    expect(result).toMatchObject({ code: -2, description: BUFFERED, buffered: true, events: 0 })
  })
})

describe('an SMS', () => {
  const codes: [string, number][] = [
    ...SENTENCES.map((_, code): [string, number] => [`${code}0`, code]),
    ['3', 3],
    [' 30 ', 3],
    ['30\r', 3],
    ['30\r\n', 3],
  ]
  it.each(codes)('that is answered %j has code %i', async (reply, code) => {
    const result = await send(answer(reply), asSms)
    expect(result).toMatchObject({ code, description: SENTENCES[code], ok: code === 0, buffered: false })
    expect(result.events).toBe(code === 0 ? 1 : 0)
  })

  // The original gives '[]' for the first and throws ValueError for the others.
  const rubbish = ['', '[0,0]', '[3,0]', '[]', '{}', 'null', 'true', '"3"', 'garbage', '0a', '90', 'x'.repeat(3000)]
  it.each(rubbish)('that is answered %j is -1, and not sent again', async (reply) => {
    const result = await send(answer(reply), asSms)
    expect(result).toMatchObject({ code: -1, name: 'ERR_UNKNOWN', ok: false, buffered: false, events: 0 })
  })

  it.each([
    ['is refused', 'refused'],
    ['has no address', 'no such name'],
  ] as const)('whose connection %s is kept; the original loses it', async (_name, script) => {
    expect(await send(script, asSms)).toMatchObject({ code: -2, description: BUFFERED, buffered: true, events: 0 })
  })

  it('whose connection is reset behind it is -1: it may have arrived', async () => {
    expect(await send(reset, asSms)).toMatchObject({ code: -1, name: 'ERR_UNKNOWN', buffered: false, events: 0 })
  })

  it('in the time of no network is kept', async () => {
    const result = await send(answer('00'), withoutNetwork(asSms))
    expect(result).toMatchObject({ code: -2, description: BUFFERED, buffered: true, events: 0 })
  })
})

describe('a raw message', () => {
  it.each(['[0,0]', 'garbage', '', '00', 'x'.repeat(5000)])('gives the bytes that were read: %j', async (reply) => {
    await using peer = await openPeer(answerRaw(reply))
    await using cloud = new CustomCloud(null, { sendHost: '127.0.0.1', sendPort: peer.port })
    expect(await cloud.sendMessage('hello')).toMatchObject({ code: 0, ok: true, description: reply })
  })

  it.each([
    ['refused', '127.0.0.1'],
    ['no such name', 'no-such-host.invalid'],
  ])('that reaches nobody is kept: %s', async (_name, sendHost) => {
    await using cloud = new CustomCloud(null, { sendHost, sendPort: await closedPort() })
    expect(await cloud.sendMessage('hello')).toMatchObject({ code: -2, description: BUFFERED, buffered: true })
  })

  it('in the time of no network is kept', async () => {
    await using peer = await openPeer(answerRaw('pong'))
    await using cloud = new CustomCloud(null, { sendHost: '127.0.0.1', sendPort: peer.port })
    await cloud.network.disconnect()
    expect(await cloud.sendMessage('hello')).toMatchObject({ code: -2, description: BUFFERED, buffered: true })
    expect(peer.conversations).toHaveLength(0)
  })
})

/** Peers that answer anything, for ever, or never: a call ends with a result, its connection ends, and the next one is served. */
import { HologramCloud } from '@halyard/hologram'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answer, CREDENTIALS, impatientOutbox, openPeer } from './peer.ts'
import type { Conversation, Peer, Script } from './peer.ts'

const cloudAt = (peer: Peer, options: object = {}): HologramCloud =>
  new HologramCloud(CREDENTIALS, { sendHost: '127.0.0.1', sendPort: peer.port, enableInbound: false, ...options })

/** What a service would never send, and what it nearly sends. */
const replies = fc.oneof(
  fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
  fc.json().map((text) => Buffer.from(text)),
  fc
    .tuple(fc.constantFrom('[0,0]', '[3,0]', '00', '30', ' [ "0" , 0 ]\r\n', '[10,0]', '[-0]'), fc.nat(12), fc.string())
    .map(([text, at, inserted]) => Buffer.from(text.slice(0, at) + inserted + text.slice(at))),
)

interface Answer {
  readonly bytes: Buffer
  /** Where the network cuts it. */
  readonly cut: number
  readonly end: 'closes' | 'resets'
}

const answers: fc.Arbitrary<Answer> = fc.record({
  bytes: replies,
  cut: fc.nat(50),
  end: fc.constantFrom('closes', 'resets'),
})

const play =
  ({ bytes, cut, end }: Answer): Script =>
  async ({ socket, request }) => {
    await request
    socket.setNoDelay(true)
    await new Promise((resolve) => socket.write(bytes.subarray(0, cut), resolve))
    await new Promise(setImmediate)
    await new Promise((resolve) => socket.write(bytes.subarray(cut), resolve))
    if (end === 'closes') socket.end()
    else socket.resetAndDestroy()
  }

/** A list that begins with a zero, as a number or in quotes, is all of it or its beginning. */
function saysTaken(bytes: Buffer): boolean {
  const text = bytes.toString('latin1')
  return [text, text.slice(0, text.indexOf(']') + 1)].some((reply) => {
    try {
      const [first] = JSON.parse(reply) as unknown[]
      return /number|string/.test(typeof first) && String(first).includes('0') && Number(first) === 0
    } catch {
      return false
    }
  })
}

const codes = [-2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8]

describe('an answer of any bytes, cut anywhere', () => {
  it('to a message is a result, of which 0 is never guessed', async () => {
    await fc.assert(
      fc.asyncProperty(answers, async (given) => {
        await using peer = await openPeer(play(given))
        await using cloud = cloudAt(peer)
        const result = await cloud.sendMessage('x', { timeout: 5 })
        expect(codes).toContain(result.code)
        expect(result.ok && !saysTaken(given.bytes)).toBe(false)
        expect(result.buffered).toBe(result.code === -2)
      }),
      { numRuns: 150 },
    )
  })

  it('to an SMS is a result, and the SMS went once', async () => {
    await fc.assert(
      fc.asyncProperty(answers, async (given) => {
        await using peer = await openPeer(play(given))
        await using outbox = await impatientOutbox()
        await using cloud = cloudAt(peer, { outbox })
        const result = await cloud.sendSMS('+11234567890', 'x', { timeout: 5 })
        expect(codes.slice(1)).toContain(result.code)
        if (result.ok) expect(given.bytes.toString('latin1')).toMatch(/^\s*0/)
        await outbox.idle()
        expect(peer.conversations).toHaveLength(1)
      }),
      { numRuns: 100 },
    )
  })
})

describe('a peer that never closes', () => {
  /** Resolves when our side has let go. */
  const letGo = (conversation: Conversation | undefined): Promise<void> =>
    new Promise((resolve) => {
      if (conversation?.socket.destroyed === false) conversation.socket.once('close', () => resolve())
      else resolve()
    })

  const forever =
    (reply: string): Script =>
    async ({ socket, request }) => {
      await request
      const flood = (): void => {
        while (!socket.destroyed && socket.write(reply.repeat(2000)));
      }
      socket.on('drain', flood)
      flood()
    }

  it.each([
    ['[0,0]', 0],
    ['[3,0]', 3],
  ])('and answers %s again and again is heard once, and left', async (reply, code) => {
    await using peer = await openPeer(forever(reply))
    await using cloud = cloudAt(peer)
    expect((await cloud.sendMessage('x')).code).toBe(code)
    await letGo(peer.conversations[0])
  })

  it('and answers rubbish without end is left at once, and the message goes to the next', async () => {
    await using peer = await openPeer(forever('rubbish'))
    await using outbox = await impatientOutbox()
    await using cloud = cloudAt(peer, { outbox })
    const result = await cloud.sendMessage('x', { timeout: 30 })
    expect(result.buffered).toBe(true)
    await letGo(peer.conversations[0])
    peer.play(answer('[0,0]'))
    expect(await outbox.settled(result.id)).toMatchObject({ state: 'delivered' })
  })

  it('and drips white space, which could go on for ever, is left after its time', async () => {
    const dripping: Script = ({ socket }) => {
      const drip = setInterval(() => socket.write(' '), 10)
      socket.on('close', () => clearInterval(drip))
    }
    await using peer = await openPeer(dripping)
    await using cloud = cloudAt(peer)
    expect(await cloud.sendMessage('x', { timeout: 0.3 })).toMatchObject({ code: -2, buffered: true })
    await letGo(peer.conversations[0])
  })

  it('and reads nothing of a long message is left after its time, and the message waits', async () => {
    await using peer = await openPeer(({ socket }) => void socket.pause())
    await using cloud = cloudAt(peer)
    const long = 'x'.repeat(16 * 1024 * 1024)
    expect(await cloud.sendMessage(long, { timeout: 0.3 })).toMatchObject({ code: -2, buffered: true })
  })
})

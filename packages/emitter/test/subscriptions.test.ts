/** Who gets what arrives: channels above, several subscriptions of one channel, groups, buffers, loops. */
import type { Emitter, Subscription } from '@halyard/emitter'
import { RecordedServer } from '@halyard/testkit'
import type { RecordedStep } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import { HELLO, KEY, answers, asks, connected, granted, sends, subscribes, take } from './support.ts'

const OTHER = 'EjS03Fqu19zM2UtaSInu3fTdwE5qK_Jm'

function unsubscribes(topic: string): readonly RecordedStep[] {
  return [{ client: `a2 [ <id:2> ('${topic}') ]` }, { server: 'b0 02 <id>' }]
}

/** A question and its answer: what was sent before has been handled. */
const pause: readonly RecordedStep[] = [asks('me', ''), ...answers('me', '{"status":200,"id":"A"}')]

async function play(steps: readonly RecordedStep[]): Promise<{ server: RecordedServer; emitter: Emitter }> {
  const server = await RecordedServer.open([[...HELLO, ...steps]])
  return { server, emitter: await connected(server.port) }
}

/** All that comes until it ends. */
async function rest(subscription: Subscription): Promise<string[]> {
  const texts: string[] = []
  for await (const message of subscription) texts.push(message.asString())
  return texts
}

describe('a message', () => {
  it('goes to the subscriptions of its channel and of those above, + is any one segment', async () => {
    const { server, emitter } = await play([
      ...['a/', 'a/+/c/', 'x/', 'emitterx/'].flatMap((channel) => [subscribes(`${KEY}/${channel}`), granted()]),
      ...[sends('a/b/c/', '1'), sends('a/', '2'), sends('x/y/', '3'), sends('emitterx/', '4'), sends('other/', '5')],
      ...pause,
    ])
    const all: string[] = []
    emitter.on('message', ({ channel }) => all.push(channel))
    const [a, c, x, near] = await Promise.all(
      ['a', 'a/+/c', 'x', 'emitterx'].map((channel) => emitter.subscribe({ key: KEY, channel })),
    )
    await emitter.me()
    expect(await take(a!, 2)).toEqual(['1', '2'])
    expect(await take(c!, 1)).toEqual(['1'])
    expect(await take(x!, 1)).toEqual(['3'])
    expect(await take(near!, 1)).toEqual(['4'])
    expect(all).toEqual(['a/b/c/', 'a/', 'x/y/', 'emitterx/', 'other/'])
    await emitter.close()
    await server[Symbol.asyncDispose]()
  })

  it('goes to each of several subscriptions, and the broker is told when the last one leaves', async () => {
    const { server, emitter } = await play([
      ...[subscribes(`${KEY}/a/`), granted(), subscribes(`${OTHER}/a/?last=0`), granted()],
      ...[sends('a/', '1'), ...pause],
      ...[asks('me', ''), sends('a/', '2'), ...answers('me', '{"status":200,"id":"A"}')],
      // Both keys: whichever opened it for the broker.
      ...unsubscribes(`${OTHER}/a/`),
      ...unsubscribes(`${KEY}/a/`),
    ])
    const first = await emitter.subscribe({ key: KEY, channel: 'a' })
    const second = await emitter.subscribe({ key: OTHER, channel: 'a', last: 0 })
    await emitter.me()
    await first.unsubscribe()
    await first.unsubscribe()
    await emitter.me()
    expect(await take(second, 2)).toEqual(['1', '2'])
    await second[Symbol.asyncDispose]()
    // What was held can still be read.
    expect(await rest(first)).toEqual(['1'])
    await server.played()
    await emitter.close()
    await server[Symbol.asyncDispose]()
  })

  it('of a group comes on the plain channel; unsubscribe() ends the group alone', async () => {
    const { server, emitter } = await play([
      ...[subscribes(`${KEY}/$share/g/a/`), granted(), subscribes(`${KEY}/a/`), granted()],
      ...[sends('a/', '1'), ...pause],
      ...unsubscribes(`${KEY}/$share/g/a/`),
      ...[sends('a/', '2'), ...pause],
    ])
    const shared = await emitter.subscribe({ key: KEY, channel: 'a', group: 'g' })
    const plain = await emitter.subscribe({ key: KEY, channel: 'a' })
    await emitter.me()
    await emitter.unsubscribe({ key: KEY, channel: 'a/', group: 'g' })
    await emitter.me()
    expect(await take(plain, 2)).toEqual(['1', '2'])
    expect(await rest(shared)).toEqual(['1'])
    await server.played()
    await emitter.close()
    await server[Symbol.asyncDispose]()
  })
})

describe('a subscription', () => {
  it('drops the oldest when nobody reads, and counts it', async () => {
    const { server, emitter } = await play([
      ...[subscribes(`${KEY}/a/`), ...['1', '2', '3', '4'].map((text) => sends('a/', text)), granted()],
    ])
    const subscription = await emitter.subscribe({ key: KEY, channel: 'a', buffer: 2 })
    expect(subscription.dropped).toBe(2)
    expect(await take(subscription, 2)).toEqual(['3', '4'])
    await emitter.close()
    await server[Symbol.asyncDispose]()
  })

  it('goes on in another loop after break, and its loop ends with the client', async () => {
    const { server, emitter } = await play([
      ...[subscribes(`${KEY}/a/`), ...['1', '2'].map((text) => sends('a/', text)), granted()],
    ])
    const subscription = await emitter.subscribe({ key: KEY, channel: 'a' })
    expect(await take(subscription, 1)).toEqual(['1'])
    const ending = rest(subscription)
    await emitter.disconnect()
    expect(await ending).toEqual(['2'])
    await server[Symbol.asyncDispose]()
  })

  it('gives nothing to a loop that was ended while it waited', async () => {
    const { server, emitter } = await play([...[subscribes(`${KEY}/a/`), granted(), ...pause, sends('a/', '1')]])
    const subscription = await emitter.subscribe({ key: KEY, channel: 'a' })
    const left = subscription[Symbol.asyncIterator]()
    const waiting = left.next()
    await left.return?.()
    expect(await waiting).toEqual({ value: undefined, done: true })
    await emitter.me()
    expect(await take(subscription, 1)).toEqual(['1'])
    await emitter.close()
    await server[Symbol.asyncDispose]()
  })

  it('whose waiting was aborted is taken back', async () => {
    const { server, emitter } = await play([
      { client: `82 [ <id:2> ('${KEY}/a/') 00 ]` },
      { client: `a2 [ <un:2> ('${KEY}/a/') ]` },
      granted(),
      { server: 'b0 02 <un>' },
      ...pause,
    ])
    const controller = new AbortController()
    const subscribing = emitter.subscribe({ key: KEY, channel: 'a' }, { signal: controller.signal })
    const told = expect(subscribing).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await Promise.resolve()
    await Promise.resolve()
    controller.abort('enough')
    await told
    await emitter.me()
    await server.played()
    await emitter.close()
    await server[Symbol.asyncDispose]()
  })

  it('rejects when the client is disconnected before the broker has answered', async () => {
    const { server, emitter } = await play([subscribes(`${KEY}/a/`)])
    const subscribing = emitter.subscribe({ key: KEY, channel: 'a' })
    await server.played()
    const told = expect(subscribing).rejects.toMatchObject({ code: 'ERR_EMITTER_CLOSED' })
    await emitter.disconnect()
    await told
    await server[Symbol.asyncDispose]()
  })

  it('refused without a word, as plain MQTT brokers do, is an error that says what to check', async () => {
    const { server, emitter } = await play([subscribes('shortkey/a/'), { server: '90 03 <id> 80' }])
    await expect(emitter.subscribe({ key: 'shortkey', channel: 'a' })).rejects.toMatchObject({
      code: 'ERR_EMITTER_REFUSED',
      message: expect.stringMatching(
        /^the broker refused to subscribe to a\/ and gave no reason; .*, and this key has 8 characters, where keys have 32$/u,
      ),
    })
    await emitter.close()
    await server[Symbol.asyncDispose]()
  })
})

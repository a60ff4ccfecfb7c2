/** What is published goes through the outbox: offline, over a restart, and refused. Brokers are recordings, or the plain MQTT engine behind a proxy. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Outbox } from '@halyard/core'
import { createMqttServer } from '@halyard/hub/mqtt'
import { FaultProxy, RecordedServer } from '@halyard/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HELLO, KEY, UNAUTHORISED, client, connected, once } from './support.ts'

let path: string
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'emitter-'))
})
afterEach(() => rmSync(path, { recursive: true }))

const refusing = (id: string): readonly { server: string }[] => [
  { server: `30 [ ('emitter/error/') '{"req":' <${id}#> ',${UNAUTHORISED}' ]` },
  { server: `40 02 <${id}>` },
]

describe('a message', () => {
  it('queued without a connection goes out by a later client of the same broker', async () => {
    {
      await using emitter = client(1, { outbox: { path } })
      const receipt = await emitter.publish(
        { key: KEY, channel: 'a', message: 'x', ttl: 60, retain: true },
        { id: 'mine' },
      )
      expect(receipt).toEqual({ id: 'mine', state: 'queued' })
      expect(await emitter.publish({ key: KEY, channel: 'a', message: 'x' }, { id: 'mine' })).toEqual(receipt)
    }
    await using server = await RecordedServer.open([
      [...HELLO, { client: `33 [ ('${KEY}/a/?ttl=60') <id:2> 'x' ]` }, { server: '40 02 <id>' }],
    ])
    await using emitter = client(server.port, { outbox: { path } })
    const outbox = await emitter.outbox
    expect(await outbox.settled('mine')).toMatchObject({ state: 'delivered', destination: 'emitter:127.0.0.1' })
    await server.played()
  })

  it('that the broker refuses rejects with its status, tells `error`, and is not tried again', async () => {
    await using server = await RecordedServer.open([
      [...HELLO, { client: `32 [ ('${KEY}/a/') <id:2> 'x' ]` }, ...refusing('id')],
    ])
    await using emitter = await connected(server.port)
    const told = new Promise<Error>((resolve) => void emitter.on('error', resolve))
    const publishing = emitter.publish({ key: KEY, channel: 'a', message: 'x' }, { id: 'mine' })
    const text = expect.stringMatching(
      /^the broker refused to publish to a\/ \(401\): the security key .*; check that the key has the permission w \(write\), was made for this channel/u,
    )
    await expect(publishing).rejects.toMatchObject({ code: 'ERR_EMITTER_UNAUTHORIZED', status: 401, message: text })
    expect(await told).toMatchObject({ message: text })
    expect((await emitter.outbox).why('mine')).toMatchObject({
      state: 'dropped',
      reason: '401: the security key provided is not authorized to perform this operation',
    })
    await expect(publishing).rejects.not.toThrow(KEY)
  })

  it('refused later, when nobody waits for it, tells `error` and the ledger', async () => {
    await using emitter = client(1)
    const { id } = await emitter.publish({ key: 'short', channel: 'a', message: 'x' })
    const outbox = await emitter.outbox
    await using server = await RecordedServer.open([
      [...HELLO, { client: "32 [ ('short/a/') <id:2> 'x' ]" }, ...refusing('id')],
    ])
    await emitter.close()
    expect(outbox.why(id)).toMatchObject({ state: 'dropped', reason: 'closed' })
    await using shared = await Outbox.open()
    await using before = client(1, { outbox: shared })
    const receipt = await before.publish({ key: 'short', channel: 'a', message: 'x' })
    await before.close()
    await using after = client(server.port, { outbox: shared })
    const told = new Promise<Error>((resolve) => void after.on('error', resolve))
    expect((await told).message).toMatch(/and this key has 5 characters, where keys have 32$/u)
    expect(await shared.settled(receipt.id)).toMatchObject({
      state: 'dropped',
      reason: expect.stringMatching(/^401: /u),
    })
  })

  it('with QoS 0 is refused by an `error` alone', async () => {
    await using server = await RecordedServer.open([
      [...HELLO, { client: `30 [ ('${KEY}/a/') 'x' ]` }, { server: `30 [ ('emitter/error/') '{${UNAUTHORISED}' ]` }],
    ])
    await using emitter = await connected(server.port)
    const told = new Promise<Error>((resolve) => void emitter.on('error', resolve))
    expect((await emitter.publish({ key: KEY, channel: 'a', message: 'x', qos: 0 })).state).toBe('delivered')
    expect((await told).message).toMatch(/^the broker says \(401\): .*perhaps of a message with QoS 0/u)
  })

  it('that expired in the queue tells the reason', async () => {
    await using outbox = await Outbox.open({ maxMessages: 1, overflow: 'drop-newest' })
    await using emitter = client(1, { outbox })
    await emitter.publish({ key: KEY, channel: 'a', message: '1' })
    await expect(emitter.publish({ key: KEY, channel: 'a', message: '2' })).rejects.toMatchObject({
      code: 'ERR_EMITTER_DROPPED',
      message: expect.stringMatching(/^asked to publish to a\/, the outbox dropped the message: /u),
    })
  })
})

describe('behind a proxy that cuts', () => {
  it('every message arrives, in its order, each at least once', async () => {
    await using broker = await createMqttServer({ port: 0 })
    const arrived: number[] = []
    broker.subscribe(`${KEY}/n/`, ({ payload }) => arrived.push(Number(new TextDecoder().decode(payload))))
    await using proxy = await FaultProxy.open({ target: { port: broker.port } })
    await using emitter = await connected(proxy.port)
    for (let cut = 0; cut < 5; cut++) {
      const gone = once(emitter, 'disconnect')
      const again = once(emitter, 'connect')
      proxy.toTarget.set({ cutAfter: proxy.toTarget.bytes === 0 ? 300 : 200 + 137 * cut })
      for (let n = 0; n < 40; n++) void emitter.publish({ key: KEY, channel: 'n', message: `${cut * 40 + n}` })
      await gone
      proxy.toTarget.set({})
      await again
    }
    await (await emitter.outbox).idle()
    const first = [...new Set(arrived)]
    expect(first).toEqual(Array.from({ length: 200 }, (_, n) => n))
  })
})

import type { Packet } from '@halyard/wire/mqtt'
import { describe, expect, it } from 'vitest'
import { message, payloads } from '../engine/support.ts'
import type { MemoryClient } from '../stage.ts'
import { KeptStage } from './kept-stage.ts'
import { LASTING, crash, heldPubrel, subscriber } from './support.ts'

/** What is sent while nothing is committed, and what when everything is. */
async function aroundCommit(
  stage: KeptStage,
  client: MemoryClient,
  ...packets: Packet[]
): Promise<[Packet[], Packet[]]> {
  stage.journal.isHeld = true
  client.send(...packets)
  await stage.settle()
  const before = client.take()
  stage.journal.commit()
  await stage.settle()
  stage.journal.isHeld = false
  return [before, client.take()]
}

/** One message of QoS 2 for it, which it has received; its identifier. */
async function owe(stage: KeptStage, client: MemoryClient): Promise<number> {
  const publisher = await stage.connect('publisher')
  publisher.send(message('a', 'm', 2))
  await stage.settle()
  const [publish] = client.take()
  return publish?.type === 'publish' ? (publish.packetId ?? 0) : 0
}

const types = (packets: readonly Packet[]): string[] => packets.map(({ type }) => type)

describe('an acknowledgement leaves behind the commit', () => {
  it('SUBACK and UNSUBACK of a session that lasts, at once of one that does not', async () => {
    const stage = await KeptStage.openCut()
    const wish = { filter: 'a', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
    for (const [name, connect, wanted] of [
      ['lasts', LASTING, [[], ['suback', 'unsuback']]],
      ['does not', {}, [['suback', 'unsuback'], []]],
    ] as const) {
      const client = await stage.connect(name, connect)
      client.take()
      const [before, behind] = await aroundCommit(
        ...([stage, client] as const),
        { type: 'subscribe', packetId: 1, subscriptions: [wish] },
        { type: 'unsubscribe', packetId: 2, filters: ['a'] },
      )
      expect([types(before), types(behind)], name).toEqual(wanted)
    }
  })

  it('PUBREC and PUBCOMP of what a client publishes', async () => {
    const stage = await KeptStage.openCut()
    const client = await stage.connect('publisher', LASTING)
    client.take()
    const publish = message('a', 'm', 2, { packetId: 7 })
    expect((await aroundCommit(stage, client, publish)).map(types)).toEqual([[], ['pubrec']])
    // Once more, since the answer was not there: it waits for the same.
    stage.journal.isHeld = true
    client.send({ type: 'pubrel', packetId: 7, reasonCode: 0 })
    await stage.settle()
    expect(client.take()).toEqual([])
    stage.journal.commit()
    await stage.settle()
    expect(types(client.take())).toEqual(['pubcomp'])
  })

  it('PUBREL of what a client is owed, which is no PUBLISH any more behind a crash', async () => {
    const stage = await KeptStage.openCut()
    const client = await subscriber(stage, 'subscriber', 'a', LASTING)
    const packetId = await owe(stage, client)
    const pubrec = { type: 'pubrec', packetId, reasonCode: 0 } as const
    expect((await aroundCommit(stage, client, pubrec)).map(types)).toEqual([[], ['pubrel']])
    await crash(stage)
    const again = await stage.connect('subscriber', LASTING)
    expect(again.take()).toMatchObject([{ type: 'connack' }, { type: 'pubrel', packetId }])
  })

  describe('also if it was asked for over a connection that has gone since', () => {
    /** Another connection of the same client: what it gets before the commit, and what behind. */
    async function again(stage: KeptStage, name: string, ...packets: Packet[]): Promise<[Packet[], Packet[]]> {
      const client = await stage.connect(name, LASTING)
      client.send(...packets)
      await stage.settle()
      const before = client.take()
      stage.journal.commit()
      await stage.settle()
      return [before, client.take()]
    }

    /** A subscriber has acknowledged a message, the disk does not have that yet, and its connection has gone. */
    async function heldPubrec(): Promise<KeptStage> {
      const stage = await KeptStage.openCut()
      const client = await subscriber(stage, 'subscriber', 'a', LASTING)
      const packetId = await owe(stage, client)
      stage.journal.isHeld = true
      client.send({ type: 'pubrec', packetId, reasonCode: 0 })
      await stage.settle()
      client.drop()
      return stage
    }

    it('PUBREL: its PUBLISH would be another message behind a crash', async () => {
      const stage = await heldPubrec()
      expect((await again(stage, 'subscriber')).map(types)).toEqual([['connack'], ['pubrel']])
    })

    it('… and if it cannot be stored the connection ends without it', async () => {
      const stage = await heldPubrec()
      const back = await stage.connect('subscriber', LASTING)
      stage.journal.fail()
      await stage.settle()
      expect(back.take()).toMatchObject([{ type: 'connack' }, { type: 'disconnect', reasonCode: 0x97 }])
    })

    it('PUBCOMP: the next message under its identifier would be taken for the one before', async () => {
      const stage = await KeptStage.openCut()
      const pubrel = await heldPubrel(stage)
      expect((await again(stage, 'publisher', pubrel)).map(types)).toEqual([['connack'], ['pubcomp']])
    })

    it('UNSUBACK: the subscription would be there again', async () => {
      const stage = await KeptStage.openCut()
      const client = await subscriber(stage, 'subscriber', 'a', LASTING)
      const unsubscribe = { type: 'unsubscribe', packetId: 2, filters: ['a'] } as const
      stage.journal.isHeld = true
      client.send(unsubscribe)
      await stage.settle()
      client.drop()
      expect((await again(stage, 'subscriber', unsubscribe)).map(types)).toEqual([['connack'], ['unsuback']])
    })
  })

  it('PUBACKs in the order of their messages, whoever of them waits', async () => {
    const stage = await KeptStage.openCut()
    await subscriber(stage, 'subscriber', 'kept', LASTING)
    const publisher = await stage.connect('publisher')
    publisher.take()
    stage.journal.isHeld = true
    for (const [packetId, topic] of [
      [1, 'nobody'],
      [2, 'kept'],
      [3, 'nobody'],
      [4, 'kept'],
    ] as const) {
      publisher.send(message(topic, 'm', 1, { packetId }))
    }
    const told = async (): Promise<(number | undefined)[]> => {
      await stage.settle()
      return publisher.take().map((packet) => (packet.type === 'puback' ? packet.packetId : undefined))
    }
    expect(await told()).toEqual([1])
    // The clock, the set, the first message.
    for (const [committed, wanted] of [
      [stage.journal.pending - 1, [2, 3]],
      [1, [4]],
    ] as const) {
      stage.journal.commit(committed)
      expect(await told()).toEqual(wanted)
    }
  })

  it('QoS 2 goes to nobody before its receipt lasts; QoS 0 and 1 do', async () => {
    const stage = await KeptStage.openCut()
    const subscribed = await subscriber(stage, 'subscriber', 'a', LASTING)
    const publisher = await stage.connect('publisher', LASTING)
    stage.journal.isHeld = true
    publisher.send(message('a', 'zero'), message('a', 'one', 1), message('a', 'two', 2), message('a', 'behind', 1))
    await stage.settle()
    expect(payloads(subscribed.take())).toEqual(['zero', 'one'])
    stage.journal.commit()
    await stage.settle()
    expect(payloads(subscribed.take())).toEqual(['two', 'behind'])
  })

  it('wherever the power goes, what was acknowledged is there', async () => {
    for (let tail = 0; tail < 12; tail++) {
      const stage = await KeptStage.openCut()
      await subscriber(stage, 'subscriber', 'a/#', LASTING)
      await subscriber(stage, 'member', '$share/g/a/#', LASTING)
      const publisher = await stage.connect('publisher', LASTING)
      publisher.take()
      stage.journal.isHeld = true
      for (const packetId of [1, 2, 3]) publisher.send(message('a', `m${packetId}`, 1, { packetId, retain: true }))
      await stage.settle()
      stage.journal.commit(tail)
      await stage.settle()
      const acknowledged = publisher.take().flatMap((packet) => (packet.type === 'puback' ? `m${packet.packetId}` : []))
      await crash(stage)
      for (const name of ['subscriber', 'member']) {
        const client = await stage.connect(name, LASTING)
        expect(payloads(client.take()).slice(0, acknowledged.length), `${name}, cut at ${tail}`).toEqual(acknowledged)
      }
      await stage.close()
    }
  })
})

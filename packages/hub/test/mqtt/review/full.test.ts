import { describe, expect, it } from 'vitest'
import { LASTING, LedgerStage, publishOf } from './ledger-stage.ts'

const MIB = 2 ** 20

describe('data that take what they may', () => {
  it('give back what was fetched, though next to nothing is written any more', async () => {
    const stage = await LedgerStage.open({ queuedBytes: 256 * MIB })
    const away = await stage.connect('away', LASTING)
    await stage.subscribe(away, 'a', 1)
    away.drop()
    const publisher = await stage.connect('publisher')
    for (let count = 1; count <= 40; count++) {
      publisher.send(publishOf('a', 'x'.repeat(MIB - 100), 1, count))
      await stage.settle()
    }
    await stage.clock.advance(1000)
    for (let turns = 0; stage.journal.droppedBelow === 0 && turns < 100; turns++) await stage.settle()
    const snapshotAt = stage.journal.droppedBelow
    expect(snapshotAt).toBeGreaterThan(0)

    stage.isFull = stage.isTight = true
    publisher.take()
    publisher.send(publishOf('a', 'one too many', 1, 41))
    await stage.settle()
    expect(publisher.take()).toMatchObject([{ type: 'puback', reasonCode: 0x97 }])
    await stage.clock.advance(10_000)
    await stage.settle()
    // All of it lives: to write it anew would only take more.
    expect(stage.journal.droppedBelow).toBe(snapshotAt)

    const back = await stage.connect('away', LASTING)
    let fetched = 0
    for (let more = back.take(); more.length > 0; more = back.take()) {
      for (const packet of more) {
        if (packet.type !== 'publish') continue
        fetched++
        back.send({ type: 'puback', packetId: packet.packetId ?? 0, reasonCode: 0 })
      }
      await stage.settle()
    }
    expect(fetched).toBe(40)
    await stage.clock.advance(2000)
    await stage.settle()
    expect(stage.journal.bytes).toBeLessThan(MIB)
  })

  it('let retained messages be taken away, which lasts', async () => {
    const stage = await LedgerStage.open()
    const client = await stage.connect('client')
    client.send(publishOf('kept', 'old', 1, 1, true))
    await stage.settle()
    client.take()
    stage.isFull = true
    client.send(publishOf('kept', '', 1, 2, true), publishOf('other', 'new', 1, 3, true))
    await stage.settle()
    expect(client.take().map((packet) => ('reasonCode' in packet ? packet.reasonCode : undefined))).toEqual([16, 0x97])
    const next = await stage.crash()
    expect([...next.server.broker.spaces].flatMap(({ retained }) => [...retained.topics()])).toEqual([])
  })
})

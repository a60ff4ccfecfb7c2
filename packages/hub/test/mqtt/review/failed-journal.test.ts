import { describe, expect, it } from 'vitest'
import { LASTING, LedgerStage, publishOf, textsOf } from './ledger-stage.ts'

describe('a journal that fails and recovers', () => {
  it('acknowledges nothing that was written behind a gap', async () => {
    const stage = await LedgerStage.open()
    const away = await stage.connect('away', LASTING)
    await stage.subscribe(away, 'a', 1)
    away.drop()
    await stage.settle()
    const publisher = await stage.connect('publisher')
    stage.journal.isAutomatic = false
    publisher.send(publishOf('a', 'names its sessions', 1, 1))
    const upTo = stage.journal.cut()
    publisher.send(publishOf('a', 'names them no more', 1, 2))
    stage.journal.settleCut(upTo, new Error('the disk is broken'))
    stage.journal.settle()
    await stage.settle()
    expect(publisher.take()).toMatchObject([
      { type: 'puback', packetId: 1, reasonCode: 0x97 },
      { type: 'puback', packetId: 2, reasonCode: 0x97 },
    ])
  })

  it('forgets what ended while nothing could be written', async () => {
    const stage = await LedgerStage.open()
    const client = await stage.connect('client', { ...LASTING, will: WILL })
    await stage.subscribe(client, 'a', 1)
    client.send(publishOf('kept', 'old', 1, 1, true))
    await stage.settle()
    stage.journal.isBroken = true
    client.send(publishOf('a', 'refused', 1, 2))
    await stage.settle()
    client.send(publishOf('kept', '', 0, 0, true), { type: 'disconnect', reasonCode: 0 })
    await stage.settle()
    await stage.connect('client', { ...LASTING, cleanStart: true })
    stage.journal.isBroken = false
    await stage.clock.advance(2000)
    await stage.settle()

    const next = await stage.crash()
    expect([...next.server.broker.sessions].map(({ subscriptions }) => subscriptions.size)).toEqual([0])
    const reader = await next.connect('reader')
    await next.subscribe(reader, '#', 1)
    expect(textsOf(reader)).toEqual([])
  })

  it('answers in the order of the messages', async () => {
    const stage = await LedgerStage.open()
    const away = await stage.connect('away', LASTING)
    await stage.subscribe(away, 'a', 1)
    const publisher = await stage.connect('publisher')
    stage.journal.isAutomatic = false
    publisher.send(publishOf('a', 'fails', 1, 1), publishOf('nobody', 'needs no disk', 1, 2))
    stage.journal.settle(new Error('the disk is broken'))
    await stage.settle()
    expect(publisher.take()).toMatchObject([{ packetId: 1, reasonCode: 0x97 }, { packetId: 2 }])
  })
})

const WILL = { topic: 'gone', payload: Buffer.from('will'), qos: 1 as const, retain: true }

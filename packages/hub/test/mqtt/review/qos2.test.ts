import { describe, expect, it } from 'vitest'
import { LASTING, LedgerStage, publishOf, textsOf } from './ledger-stage.ts'

describe('QoS 2 and the disk', () => {
  it('goes on to a session that does not last when the receipt of a session that does is committed', async () => {
    const stage = await LedgerStage.open()
    const subscriber = await stage.connect('subscriber')
    await stage.subscribe(subscriber, 'a', 2)
    const publisher = await stage.connect('publisher', LASTING)
    stage.journal.isAutomatic = false
    publisher.send(publishOf('a', 'once', 2))
    await stage.settle()
    expect(textsOf(subscriber)).toEqual([])
    stage.journal.settle()
    await stage.settle()
    expect(textsOf(subscriber)).toEqual(['once'])
  })

  it('that could not be kept does not stop the process', async () => {
    const stage = await LedgerStage.open()
    const subscriber = await stage.connect('subscriber', LASTING)
    await stage.subscribe(subscriber, 'a', 2)
    const publisher = await stage.connect('publisher', LASTING)
    stage.journal.isAutomatic = false
    publisher.send(publishOf('a', 'once', 2))
    stage.journal.settle(new Error('the disk is broken'))
    await stage.settle()
    expect(publisher.take()).toMatchObject([{ type: 'pubrec', reasonCode: 0x97 }])
  })

  it.each([4, 5] as const)('is taken when it comes again after a failure of the disk (version %i)', async (version) => {
    const stage = await LedgerStage.open()
    const lasting = version === 5 ? LASTING : { cleanStart: false }
    const subscriber = await stage.connect('subscriber', LASTING)
    await stage.subscribe(subscriber, 'a', 1)
    const publisher = await stage.connect('publisher', { ...lasting, version })
    stage.journal.isBroken = true
    publisher.send(publishOf('a', 'first', 1, 7))
    await stage.settle()
    subscriber.take()
    const second = publisher.isOver ? await stage.connect('publisher', { ...lasting, version }) : publisher
    second.take()
    second.send(publishOf('a', 'again', 2, 9))
    await stage.settle()
    expect(textsOf(subscriber)).toEqual([])
    stage.journal.isBroken = false
    await stage.clock.advance(2000)
    await stage.settle()
    const third = second.isOver ? await stage.connect('publisher', { ...lasting, version }) : second
    third.take()
    third.send(publishOf('a', 'again', 2, 9))
    await stage.settle()
    expect(third.take()).toMatchObject([{ type: 'pubrec', packetId: 9, reasonCode: 0 }])
    expect(textsOf(subscriber)).toEqual(['again'])
  })

  it('that a full queue refuses is no receipt: its identifier is free, and after a crash too', async () => {
    const stage = await LedgerStage.open({ overflow: 'reject', queuedMessages: 1 })
    const away = await stage.connect('away', LASTING)
    await stage.subscribe(away, 'a', 2)
    away.drop()
    const publisher = await stage.connect('publisher', LASTING)
    publisher.send(publishOf('a', 'room', 1, 1), publishOf('a', 'none', 2, 9))
    await stage.settle()
    expect(publisher.take()).toMatchObject([{ type: 'puback' }, { type: 'pubrec', reasonCode: 0x97 }])
    const next = await stage.crash({ overflow: 'reject', queuedMessages: 2 })
    const again = await next.connect('publisher', LASTING)
    again.send(publishOf('a', 'later', 2, 9))
    await next.settle()
    expect(next.server.broker.heldMessages).toBe(2)
  })

  it('of 3.1.1 that a full queue refuses comes again and is taken then', async () => {
    const stage = await LedgerStage.open({ overflow: 'reject', queuedMessages: 1 })
    const away = await stage.connect('away', LASTING)
    await stage.subscribe(away, 'a', 2)
    away.drop()
    const publisher = await stage.connect('publisher', { version: 4, cleanStart: false })
    publisher.send(publishOf('a', 'room', 1, 1), publishOf('a', 'none', 2, 9))
    await stage.settle()
    expect(publisher.isOver).toBe(true)
    const back = await stage.connect('away', LASTING)
    await stage.settle()
    for (const packet of back.take())
      if (packet.type === 'publish') back.send({ type: 'puback', packetId: packet.packetId ?? 0, reasonCode: 0 })
    const again = await stage.connect('publisher', { version: 4, cleanStart: false })
    again.send(publishOf('a', 'none', 2, 9))
    await stage.settle()
    expect(textsOf(back)).toEqual(['none'])
  })
})

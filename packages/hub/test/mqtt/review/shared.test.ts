import { describe, expect, it } from 'vitest'
import { LASTING, LedgerStage, publishOf, textsOf } from './ledger-stage.ts'

const SHARED = '$share/g/a'

/** What a member of the group that lasts is given after a crash. */
async function afterCrash(stage: LedgerStage, clientId: string): Promise<string[]> {
  const next = await stage.crash()
  const member = await next.connect(clientId, LASTING)
  await next.settle()
  return textsOf(member)
}

describe('a shared group and the journal', () => {
  it('keeps what a member has that lasts no longer', async () => {
    const stage = await LedgerStage.open()
    const leaving = await stage.connect('leaving', LASTING)
    await stage.subscribe(leaving, SHARED, 1)
    const publisher = await stage.connect('publisher')
    publisher.send(publishOf('a', 'one', 1))
    await stage.settle()
    expect(textsOf(leaving)).toEqual(['one'])
    const staying = await stage.connect('staying', LASTING)
    await stage.subscribe(staying, SHARED, 1)
    staying.drop()
    const again = await stage.connect('leaving', { cleanStart: false })
    expect(textsOf(again)).toEqual(['one'])
    await stage.settle()
    expect(await afterCrash(stage, 'staying')).toEqual(['one'])
    again.drop()
    await stage.settle()
    expect(await afterCrash(stage, 'staying')).toEqual(['one'])
  })

  it('keeps what it had before a member came that lasts', async () => {
    const stage = await LedgerStage.open()
    const fleeting = await stage.connect('fleeting')
    await stage.subscribe(fleeting, SHARED, 1)
    const publisher = await stage.connect('publisher')
    publisher.send(publishOf('a', 'one', 1))
    await stage.settle()
    expect(textsOf(fleeting)).toEqual(['one'])
    const staying = await stage.connect('staying', LASTING)
    await stage.subscribe(staying, SHARED, 1)
    staying.drop()
    fleeting.drop()
    await stage.settle()
    expect(await afterCrash(stage, 'staying')).toEqual(['one'])
  })

  it('has the message itself, though whoever was owed it by its record is not any more', async () => {
    const stage = await LedgerStage.open()
    const fleeting = await stage.connect('fleeting', { properties: { receiveMaximum: 1 } })
    await stage.subscribe(fleeting, SHARED, 1)
    const other = await stage.connect('other', LASTING)
    await stage.subscribe(other, '#', 1)
    const publisher = await stage.connect('publisher')
    publisher.send(publishOf('a', 'one', 1, 1), publishOf('a', 'two', 1, 2), publishOf('b', 'three', 1, 3))
    await stage.settle()
    for (const packet of other.take()) {
      if (packet.type === 'publish') other.send({ type: 'puback', packetId: packet.packetId ?? 0, reasonCode: 0 })
    }
    await stage.clock.advance(2000)
    await stage.settle()
    const staying = await stage.connect('staying', { ...LASTING, properties: { sessionExpiryInterval: 60 } })
    await stage.subscribe(staying, SHARED, 1)
    staying.drop()
    await stage.settle()
    expect(await afterCrash(stage, 'staying')).toEqual(['two'])
  })

  it('that was empty for a while has nothing of before', async () => {
    const stage = await LedgerStage.open()
    const away = await stage.connect('away', { ...LASTING, properties: { sessionExpiryInterval: 5 } })
    await stage.subscribe(away, SHARED, 1)
    away.drop()
    const publisher = await stage.connect('publisher')
    publisher.send(publishOf('a', 'old', 1))
    await stage.settle()
    await stage.clock.advance(7000)
    const staying = await stage.connect('staying', LASTING)
    await stage.subscribe(staying, SHARED, 0)
    await stage.clock.advance(2000)
    await stage.settle()
    expect(await afterCrash(stage, 'staying')).toEqual([])
  })
})

import { describe, expect, it } from 'vitest'
import { message, payloads, puback } from '../engine/support.ts'
import { KeptStage } from './kept-stage.ts'
import { LASTING, crash, subscriber } from './support.ts'

/** Found by the properties beside this file, each once more by itself. */
describe('what is owed', () => {
  it('at QoS 2 reaches a session that does not last when its receipt lasts, and not before', async () => {
    const stage = await KeptStage.openCut()
    const sleeper = await subscriber(stage, 'does not last', 'a')
    const publisher = await stage.connect('lasts', LASTING)
    publisher.take()
    stage.journal.isHeld = true
    publisher.send(message('a', 'm', 2))
    await stage.settle()
    expect([sleeper.take(), publisher.take()]).toEqual([[], []])
    stage.journal.commit()
    await stage.settle()
    expect(payloads(sleeper.take())).toEqual(['m'])
    expect(publisher.take()).toMatchObject([{ type: 'pubrec', reasonCode: 0 }])
  })

  it('to its own publisher on other terms lasts before the PUBACK', async () => {
    const stage = await KeptStage.openCut()
    const both = await stage.connect('both', LASTING)
    both.take()
    const wish = { qos: 1, retainAsPublished: false, retainHandling: 0 } as const
    const subscriptions = [
      { ...wish, filter: 'a/#', noLocal: true },
      { ...wish, filter: 'a', noLocal: false },
    ]
    both.send({ type: 'subscribe', packetId: 1, subscriptions })
    await stage.settle()
    both.take()
    stage.journal.isHeld = true
    both.send(message('a', 'own', 1))
    for (; stage.journal.pending > 0; stage.journal.commit(1)) {
      await stage.settle()
      expect(both.take().filter(({ type }) => type === 'puback')).toEqual([])
    }
    await stage.settle()
    expect(both.take().map(({ type }) => type)).toEqual(['puback'])
    await crash(stage)
    expect(payloads((await stage.connect('both', LASTING)).take())).toEqual(['own'])
  })

  it('by a shared group whose first member that lasts came late is there although others have settled it', async () => {
    const stage = await KeptStage.openCut()
    const other = await subscriber(stage, 'other', 'a/#', LASTING)
    const first = await subscriber(stage, 'first', '$share/g/a', { properties: { receiveMaximum: 1 } })
    const publisher = await stage.connect('publisher')
    for (const text of ['sent', 'waits']) publisher.send(message('a', text, 1))
    await stage.settle()
    expect(payloads(first.take())).toEqual(['sent'])
    publisher.send(message('a/b', 'behind it', 1))
    await stage.settle()
    other.send(...other.take().map(puback))
    await stage.flush()
    const late = await subscriber(stage, 'late', '$share/g/a', LASTING)
    await stage.flush()
    expect(payloads(late.take())).toEqual(['waits'])
    await crash(stage)
    const again = await stage.connect('late', LASTING)
    expect(payloads(again.take())).toEqual(['waits'])
  })
})

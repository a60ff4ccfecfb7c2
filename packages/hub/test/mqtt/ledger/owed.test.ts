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

  it('at QoS 2 and was received is no PUBLISH again, however much was settled and not written', async () => {
    const stage = await KeptStage.openCut({ window: 3 })
    const client = await subscriber(stage, 'subscriber', 'a', LASTING)
    const publisher = await stage.connect('publisher')
    for (const [text, qos] of [
      ['0', 1],
      ['1', 1],
      ['2', 1],
      ['3', 1],
      ['4', 2],
      ['5', 2],
    ] as const) {
      publisher.send(message('a', text, qos))
    }
    await stage.settle()
    stage.journal.isHeld = true
    client.send(puback(client.received.shift()))
    // It takes what is settled with it, once a commit: the others are not written before the next.
    client.send({ type: 'unsubscribe', packetId: 9, filters: ['a'] })
    for (let acknowledged = 1; acknowledged < 4; acknowledged++) {
      client.send(puback(client.received.shift()))
      await stage.turn()
    }
    const [received] = client.take()
    expect(payloads(received ? [received] : [])).toEqual(['4'])
    const packetId = received?.type === 'publish' ? (received.packetId ?? 0) : 0
    client.send({ type: 'pubrec', packetId, reasonCode: 0 })
    stage.journal.commit()
    await stage.turn()
    expect(client.take()).toMatchObject([{ type: 'unsuback' }, { type: 'pubrel', packetId }])
    await crash(stage)
    const again = await stage.connect('subscriber', LASTING)
    const got = again.take()
    expect(got).toContainEqual({ type: 'pubrel', packetId, reasonCode: 0 })
    again.send(...got.filter(({ type }) => type === 'publish').map(puback), {
      type: 'pubcomp',
      packetId,
      reasonCode: 0,
    })
    await stage.settle()
    expect(payloads([...got, ...again.take()])).not.toContain('4')
  })

  it('while all is written anew is there for a session whose turn had not come', async () => {
    const stage = await KeptStage.openCut()
    const large = await stage.connect('large', LASTING)
    const wish = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 2 } as const
    // More than a slice, behind which the event loop goes on.
    for (let packetId = 1; packetId <= 100; packetId++) {
      const filter = `${packetId}/${'x'.repeat(3000)}`
      large.send({ type: 'subscribe', packetId, subscriptions: [{ ...wish, filter }] })
    }
    const sleeper = await subscriber(stage, 'sleeper', 'a', LASTING)
    sleeper.drop()
    const publisher = await stage.connect('publisher')
    const written = stage.kept.snapshot()
    publisher.send(message('a', 'one', 1), message('a', 'two', 1))
    await written
    await stage.settle()
    await stage.journal.dropBelow(stage.keptFrom)
    await crash(stage)
    expect(payloads((await stage.connect('sleeper', LASTING)).take())).toEqual(['one', 'two'])
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

  it('by a session that a client has ended is gone when its CONNACK comes, whenever the power goes', async () => {
    const stage = await KeptStage.openCut()
    const before = await subscriber(stage, 'client', 'a', LASTING)
    before.drop()
    const publisher = await stage.connect('publisher')
    publisher.send(message('a', 'old', 1))
    await stage.settle()
    stage.journal.isHeld = true
    const anew = await stage.openClient(5)
    anew.send(
      {
        type: 'connect',
        version: 5,
        clientId: 'client',
        cleanStart: true,
        keepAlive: 0,
        properties: { sessionExpiryInterval: 3600 },
      },
      // Behind it in the same bytes: read when it has come in.
      { type: 'pingreq' },
    )
    await stage.settle()
    expect(anew.take()).toEqual([])
    stage.journal.commit()
    await stage.settle()
    expect(anew.take()).toMatchObject([{ type: 'connack', sessionPresent: false }, { type: 'pingresp' }])
    await crash(stage)
    const again = await stage.connect('client', LASTING)
    expect(again.take()).toMatchObject([{ type: 'connack', sessionPresent: false }])
    await stage.close()
  })
})

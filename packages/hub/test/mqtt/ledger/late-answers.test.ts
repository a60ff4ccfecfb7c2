import { describe, expect, it } from 'vitest'
import { Chronicle } from '../engine/chronicle.ts'
import { message, payloads } from '../engine/support.ts'
import type { MemoryClient } from '../stage.ts'
import { CutJournal } from './cut-journal.ts'
import { KeptStage } from './kept-stage.ts'
import { LASTING, crash, heldPubrel, subscriber } from './support.ts'

const types = (client: MemoryClient): string[] => client.take().map(({ type }) => type)

describe('an answer that waits for its own record and for something else', () => {
  it('SUBACK behind a history: the commit may be over by then, and nothing more is written', async () => {
    const dialect = new Chronicle()
    let open = (): void => {}
    const gate = new Promise<void>((resolve) => (open = resolve))
    dialect.read = async function* () {
      await gate
      yield* []
    }
    const stage = await KeptStage.open({ journal: new CutJournal(), dialect })
    const client = await subscriber(stage, 'subscriber', 'past/a', LASTING)
    expect(types(client)).toEqual([])
    open()
    await stage.settle()
    expect(types(client)).toEqual(['suback'])
    await stage.close()
  })

  it('… or come behind it', async () => {
    const stage = await KeptStage.open({ journal: new CutJournal(), dialect: new Chronicle() })
    stage.journal.isHeld = true
    const client = await subscriber(stage, 'subscriber', 'past/a', LASTING)
    expect(types(client)).toEqual([])
    stage.journal.commit()
    await stage.settle()
    expect(types(client)).toEqual(['suback'])
    await stage.close()
  })

  it('PUBREL: one that is sent again takes no other with it, whose PUBREC came since', async () => {
    const stage = await KeptStage.openCut()
    const client = await subscriber(stage, 'subscriber', 'a', LASTING)
    const publisher = await stage.connect('publisher')
    publisher.send(message('a', 'one', 2), message('a', 'two', 2))
    await stage.settle()
    const [one = 0, two = 0] = client.take().flatMap((packet) => (packet.type === 'publish' ? packet.packetId : []))
    stage.journal.isHeld = true
    client.send({ type: 'pubrec', packetId: one ?? 0, reasonCode: 0 })
    await stage.settle()
    client.drop()
    const back = await stage.connect('subscriber', LASTING)
    const { pending } = stage.journal
    expect(payloads(back.take())).toEqual(['two'])
    back.send({ type: 'pubrec', packetId: two ?? 0, reasonCode: 0 })
    await stage.settle()
    for (const [count, packetId] of [
      [pending, one],
      [1, two],
    ] as const) {
      stage.journal.commit(count)
      await stage.settle()
      expect(back.take()).toEqual([{ type: 'pubrel', packetId, reasonCode: 0 }])
    }
    await stage.close()
  })

  it('PUBREC that says no: its identifier is free when that lasts, and is used again behind a crash', async () => {
    const stage = await KeptStage.openCut({ overflow: 'reject', queuedMessages: 1 })
    ;(await subscriber(stage, 'full', 'a', LASTING)).drop()
    const publisher = await stage.connect('publisher', LASTING)
    publisher.send(message('a', 'one', 1))
    await stage.settle()
    publisher.take()
    stage.journal.isHeld = true
    const two = message('a', 'two', 2, { packetId: 7 })
    publisher.send(two)
    await stage.settle()
    stage.journal.commit()
    await stage.settle()
    expect(publisher.take()).toEqual([])
    // Once more over another connection: it is the same message, and gets the same answer.
    publisher.drop()
    const again = await stage.connect('publisher', LASTING)
    again.send({ ...two, dup: true })
    await stage.settle()
    expect(types(again)).toEqual(['connack'])
    stage.journal.commit()
    await stage.settle()
    expect(again.take()).toMatchObject([{ type: 'pubrec', packetId: 7, reasonCode: 0x97 }])
    await crash(stage)
    stage.journal.isHeld = false
    const listener = await subscriber(stage, 'listener', 'b')
    const last = await stage.connect('publisher', LASTING)
    last.send(message('b', 'three', 2, { packetId: 7 }))
    await stage.settle()
    expect(payloads(listener.take())).toEqual(['three'])
    await stage.close()
  })

  it('CONNACK without a session, the end of which was asked for over a connection that has gone since', async () => {
    for (const asked of [LASTING, { ...LASTING, cleanStart: true }]) {
      const stage = await KeptStage.openCut()
      ;(await subscriber(stage, 'subscriber', 'a', LASTING)).drop()
      await stage.settle()
      stage.journal.isHeld = true
      const first = await stage.connect('subscriber', { ...LASTING, cleanStart: true })
      first.drop()
      const second = await stage.connect('subscriber', asked)
      // Nobody else waits for that.
      expect([types(first), types(second), types(await stage.connect('other', LASTING))]).toEqual([[], [], ['connack']])
      stage.journal.commit()
      await stage.settle()
      expect(second.take()).toMatchObject([{ type: 'connack', sessionPresent: false }])
      await stage.close()
    }
  })

  it('CONNACK of two that want a session of their own: the second waits for the end of what the first got', async () => {
    const stage = await KeptStage.openCut()
    ;(await subscriber(stage, 'subscriber', 'a', LASTING)).drop()
    await stage.settle()
    stage.journal.isHeld = true
    const first = await stage.connect('subscriber', { ...LASTING, cleanStart: true })
    const second = await stage.connect('subscriber', { ...LASTING, cleanStart: true })
    expect([types(first), types(second)]).toEqual([[], []])
    stage.journal.commit()
    await stage.settle()
    expect([types(first), types(second)]).toEqual([['connack', 'disconnect'], []])
    stage.journal.commit()
    await stage.settle()
    expect(second.take()).toMatchObject([{ type: 'connack', sessionPresent: false }])
    await stage.close()
  })

  it('PUBCOMP while a disk is well again: a part of what is written anew counts when the rest is there', async () => {
    const stage = await KeptStage.openCut()
    const pubrel = await heldPubrel(stage)
    stage.journal.fail()
    const written = stage.kept.snapshot()
    const back = await stage.connect('publisher', LASTING)
    // All that was appended lasts; what says that it is all does not.
    stage.journal.commit()
    back.send(pubrel)
    await stage.turn()
    expect(types(back)).toEqual(['connack', 'disconnect'])
    stage.journal.isHeld = false
    stage.journal.commit()
    await written
    await stage.close()
  })
})

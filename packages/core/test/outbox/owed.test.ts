/** What is owed is the same whether it stands in a row or has names. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Destination, Item } from '../../src/outbox/item.ts'
import type { Keeper } from '../../src/outbox/item.ts'
import { Owed } from '../../src/outbox/owed.ts'
import { DELIVERED, DEMO, Home, Peer, send } from './support.ts'

const keeper: Keeper = { kept() {}, notKept() {}, written() {}, notWritten() {} }
const destination = new Destination(DEMO, keeper)

function item(order: number): Item {
  const facts = { id: String(order), destination, priority: 1, order, atMostOnce: false, queuedAt: 0, size: 0 }
  return new Item({ ...facts, deadline: undefined, latest: undefined })
}

it('comes and goes in any order, and is asked for by name at any moment', () => {
  const steps = fc.array(fc.oneof({ weight: 4, arbitrary: fc.constant('add') }, fc.nat(), fc.constant('get')))
  fc.assert(
    fc.property(steps, (all) => {
      const owed = new Owed()
      let expected: Item[] = []
      for (const [order, step] of all.entries()) {
        if (step === 'add') {
          expected.push(item(order))
          owed.add(expected.at(-1)!)
        } else if (typeof step === 'number') {
          const gone = expected[step % expected.length]
          if (gone !== undefined) owed.delete(gone)
          expected = expected.filter((other) => other !== gone)
        } else {
          expect(owed.get(expected[0]?.id ?? 'none')).toBe(expected[0])
        }
        expect(owed.all()).toEqual(expected)
        expect(owed.size).toBe(expected.length)
      }
    }),
  )
})

it('in memory, what was settled before anybody asked is found by the id that its sender was told', async () => {
  await using outbox = await new Home('memory').open()
  const peer = new Peer()
  outbox.attach(DEMO, peer.deliver)
  const ids: string[] = []
  for (const id of [undefined, 'mine', undefined]) {
    const sent = send(outbox, 'a', id === undefined ? {} : { id })
    const attempt = await peer.next()
    attempt.answer(DELIVERED)
    ids.push((await sent).id)
  }
  await outbox.idle()
  expect(ids[1]).toBe('mine')
  expect(ids.map((id) => outbox.why(id)?.state)).toEqual(['delivered', 'delivered', 'delivered'])
  expect(ids.map((id) => outbox.why(id)?.id)).toEqual(ids)
})

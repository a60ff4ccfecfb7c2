import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ServerWindow } from '../../src/mqtt/server-window.ts'

interface Sent {
  readonly id: number
  readonly qos: 1 | 2
  released: boolean
  readonly item: number
}

describe('what is in flight to a peer', () => {
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('open'), which: fc.nat(), qos: fc.constantFrom<1 | 2>(1, 2) }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom('puback', 'pubrec', 'pubcomp', 'fail', 'remove'),
        which: fc.nat(),
        qos: fc.constant<1>(1),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('resize'),
        which: fc.integer({ min: 1, max: 40 }),
        qos: fc.constant<1>(1),
      }),
    },
  )

  it('is what a plain list says, over all windows, acknowledgements out of order and identifiers that begin again', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), fc.nat({ max: 65_535 }), (steps, begin) => {
        let window = 5
        const flow = new ServerWindow<number>(window)
        let ordinal = 0
        while (ordinal < begin) flow.puback(flow.open(0, 1, ordinal++))
        let list: Sent[] = []
        for (const [item, { do: what, which, qos }] of steps.entries()) {
          const one = list[which % Math.max(1, list.length)]
          if (what === 'open') {
            if (flow.room <= 0) continue
            expect(flow.isFree(ordinal)).toBe(true)
            const id = flow.open(item, qos, ordinal++)
            expect(list.some((other) => other.id === id)).toBe(false)
            list.push({ id, qos, released: false, item })
          } else if (what === 'resize') {
            flow.resize((window = which))
          } else if (one) {
            const wasReleased = one.released
            let isOver = what === 'remove'
            if (what === 'remove') expect(flow.remove(one.id)).toBe(one.item)
            else if (what === 'puback') isOver = expectSame(flow.puback(one.id), one.qos === 1 ? one.item : undefined)
            else if (what === 'pubcomp') isOver = expectSame(flow.pubcomp(one.id), wasReleased ? one.item : undefined)
            else {
              isOver = what === 'fail' && one.qos === 2 && !wasReleased
              const next = one.qos === 1 ? undefined : isOver ? 'settled' : 'release'
              expect(flow.pubrec(one.id, what === 'fail')).toBe(next)
              one.released = next === 'release'
            }
            if (isOver) list = list.filter((other) => other !== one)
          }
          expect([flow.size, flow.room]).toEqual([list.length, window - list.length])
          const inFlight = list.map(({ id, ...rest }) => ({ packetId: id, ...rest }))
          expect(flow.inFlight()).toEqual(inFlight)
          for (const { id, released } of list) expect(flow.isReleased(id)).toBe(released)
        }
      }),
      { numRuns: 60 },
    )
  })
})

function expectSame(got: number | undefined, wanted: number | undefined): boolean {
  expect(got).toBe(wanted)
  return wanted !== undefined
}

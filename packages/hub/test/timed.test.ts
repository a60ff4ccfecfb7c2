import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Timed } from '../src/domain/timed.ts'

const step = fc.oneof(
  fc.record({ do: fc.constant('add' as const), until: fc.oneof(fc.integer({ min: -5000, max: 20_000 })) }),
  fc.record({ do: fc.constant('remove' as const), which: fc.nat() }),
  fc.record({ do: fc.constant('take' as const), ms: fc.oneof(fc.nat({ max: 1500 }), fc.nat({ max: 1_000_000 })) }),
)

it('gives what is over, each once, and nothing that was taken out in time', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const timed = new Timed<{ readonly validUntil: number }>()
      const there: { readonly validUntil: number; readonly name: string }[] = []
      let now = 0
      for (const [at, one] of steps.entries()) {
        if (one.do === 'add') {
          // From now on: what has been over for long is the next test's.
          const thing = { validUntil: now + Math.max(0, one.until), name: String(at) }
          there.push(thing)
          timed.add(thing.name, thing)
        } else if (one.do === 'remove') {
          const [thing] = there.splice(one.which % Math.max(1, there.length), 1)
          if (thing) timed.remove(thing)
        } else {
          now += one.ms
          const over = there.filter(({ validUntil }) => validUntil <= now)
          for (const thing of over) there.splice(there.indexOf(thing), 1)
          const taken = timed.take(now).map(([, name]) => name)
          expect(taken.toSorted()).toEqual(over.map(({ name }) => name).toSorted())
        }
        expect(timed.size).toBe(there.length)
      }
    }),
  )
})

it('what was over when it came goes the next time, and what is for ever is not there', () => {
  const timed = new Timed<{ readonly validUntil: number }>()
  timed.take(10_500)
  timed.add('long over', { validUntil: -3 })
  timed.add('over', { validUntil: 10_200 })
  timed.add('for ever', { validUntil: Infinity })
  expect(timed.size).toBe(2)
  expect(timed.take(10_600).map(([, name]) => name)).toEqual(['long over', 'over'])
  expect(timed.size).toBe(0)
})

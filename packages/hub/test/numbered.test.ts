import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Numbered } from '../src/domain/numbered.ts'
import { PayloadSlab } from '../src/mqtt/payload-slab.ts'

describe('things by numbers', () => {
  it('are what a map says, in the order of their numbers', () => {
    const change = fc.record({ set: fc.boolean(), number: fc.nat(300) })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 400 }), (changes) => {
        const [numbered, map] = [new Numbered<{ readonly at: number }>(), new Map<number, { readonly at: number }>()]
        for (const [at, { set, number }] of changes.entries()) {
          if (set) numbered.set(number, { at })
          else numbered.delete(number)
          if (set) map.set(number, { at })
          else map.delete(number)
        }
        expect(numbered.size).toBe(map.size)
        for (let number = 0; number <= 300; number++) expect(numbered.get(number)).toEqual(map.get(number))
        expect(new Map(numbered.entries())).toEqual(map)
      }),
    )
  })

  it('may go while one walks over them', () => {
    const numbered = new Numbered<{ readonly number: number }>()
    for (let number = 0; number < 200; number++) numbered.set(number, { number })
    for (const { number } of numbered.values()) numbered.delete(number)
    expect([numbered.size, ...numbered.values()]).toEqual([0])
  })
})

describe('copies of payloads', () => {
  it('stay as they were, whatever their size, and share no byte', () => {
    const slab = new PayloadSlab()
    const source = Uint8Array.from({ length: 5000 }, (_, i) => i % 251)
    const copies = [0, 1, 64, 65, 256, 257, 5000, 100, 200, 255, 256, 256, 256, 256, 256, 256, 256].map((size) => {
      return { size, copy: slab.copy(source, 0, size) }
    })
    const expected = copies.map(({ size }) => source.slice(0, size))
    source.fill(0)
    expect(copies.map(({ copy }) => copy)).toEqual(expected)
  })
})

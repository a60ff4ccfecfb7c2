import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { paint } from '../src/text/paint.ts'
import { table } from '../src/text/table.ts'
import { formatBytes, formatSeconds } from '../src/text/units.ts'
import { fit, oneLine, widthOf } from '../src/text/width.ts'

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [1229, '1.2 KiB'],
  [64 * 1024 * 1024, '64 MiB'],
  [1024 * 1024 - 1, '1 MiB'],
])('%d bytes', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})

test.each([
  [-1, '0 ms'],
  [0.012, '12 ms'],
  [0.42, '0.4 s'],
  [0.96, '1 s'],
  [59.4, '59 s'],
  [60, '1 min'],
  [3599, '1 h'],
  [86_400, '1 d'],
])('%d seconds', (seconds, text) => {
  expect(formatSeconds(seconds)).toBe(text)
})

describe('a text on a terminal', () => {
  test('takes the room that it takes', () => {
    expect(widthOf('halyard')).toBe(7)
    expect(widthOf('温度')).toBe(4)
    expect(widthOf('é')).toBe(1)
    expect(widthOf('🚩')).toBe(2)
  })

  test('always fits, and what fits is left alone', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, columns) => {
        const cut = fit(text, columns)
        expect(widthOf(cut)).toBeLessThanOrEqual(columns)
        if (widthOf(text) <= columns) expect(cut).toBe(text)
      }),
    )
  })

  test('of a stranger has no power over it', () => {
    expect(oneLine('a\u001B[2Jb\nc\u202Ed')).toBe('a\uFFFD[2Jb c\uFFFDd')
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(oneLine(text)).not.toMatch(/[\p{Cc}\u2028\u2029\u202A-\u202E]/u)
      }),
    )
  })
})

test('colours are there when they may be', () => {
  expect(paint(true).red('no')).toBe('\u001B[31mno\u001B[39m')
  expect(paint(false).red('no')).toBe('no')
})

test('a table lines up, and its last column gives way', () => {
  const rows = [
    { name: 'a', size: '5 B', reason: 'connect ECONNREFUSED' },
    { name: '温度', size: '12 KiB', reason: '' },
  ]
  const lines = table(
    rows,
    [
      { title: 'ID', cell: ({ name }) => name },
      { title: 'SIZE', align: 'right', cell: ({ size }) => size },
      { title: 'REASON', cell: ({ reason }) => reason },
    ],
    26,
  )
  expect(lines).toEqual(['ID      SIZE  REASON', 'a        5 B  connect ECO…', '温度  12 KiB'])
})

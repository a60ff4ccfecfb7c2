/** docs/emitter-document.md names tests; a test that was renamed takes its row along. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const page = readFileSync(new URL('../../../docs/emitter-document.md', import.meta.url), 'utf8')
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('|') && !/^\| (item|-)/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))

describe('the table of documented items', () => {
  it('has a row for each item, and no open one', () => {
    expect(rows.length).toBeGreaterThan(35)
    expect(rows.filter((cells) => cells.slice(1, 4).some((cell) => cell === ''))).toEqual([])
  })

  it.each(rows.map(([, item = '', , test = '']) => [item, test] as const))('%s', (_item, test) => {
    const [, file = '', title = ''] = /^`([^`]+)`: (.+)$/.exec(test) ?? []
    const source = readFileSync(new URL(file, import.meta.url), 'utf8')
    expect(title).not.toBe('')
    expect(source).toContain(title)
  })
})

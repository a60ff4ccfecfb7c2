/** The pages of docs/ that go through a service's own documents item by item, and name for each the test that shows it. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const root = new URL('../', import.meta.url)
const textOf = (path: string): string => readFileSync(new URL(path, root), 'utf8')

/**
 * A test that was renamed takes its row along: each row names a test that is there.
 *
 * @param page `docs/emitter-document.md`: a table of item, where, and `` `file.test.ts`: title ``
 * @param tests the folder of the files that a row names; one that begins with `packages/` is a path in the repository
 * @param least so many rows at least: a page that is read wrong has none
 */
export function documentedItems(page: string, tests: string, least: number): void {
  const rows = textOf(page)
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\| (item|-)/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()))

  describe('the table of documented items', () => {
    it('has a row for each item, and no open one', () => {
      expect(rows.length).toBeGreaterThanOrEqual(least)
      expect(rows.filter((cells) => cells.slice(1, 4).some((cell) => cell === ''))).toEqual([])
    })

    it.each(rows.map(([, item = '', , test = '']) => [item, test] as const))('%s', (_item, test) => {
      const [, file = '', title = ''] = /^`([^`]+)`: (.+)$/.exec(test) ?? []
      expect(title).not.toBe('')
      expect(textOf(file.startsWith('packages/') ? file : `${tests}/${file}`)).toContain(title)
    })
  })
}

import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { removeAbandoned } from '../src/store/backup/new-directory.ts'
import { temporaryDirectory } from './support.ts'

const HOUR = 3_600_000

it('what a killed backup has left goes a day later, and nothing else', async () => {
  const parent = await temporaryDirectory()
  const left = join(parent, 'hub-2026-11-20.partial-0123abcd')
  await mkdir(join(left, 'journal'), { recursive: true })
  await writeFile(join(left, 'journal', '1.log'), 'half')
  const others = ['hub-2026-11-20', 'mine.partial-0123', 'file.partial-0123abcd', 'link.partial-0123abcd']
  await mkdir(join(parent, 'hub-2026-11-20'))
  await mkdir(join(parent, 'mine.partial-0123'))
  await writeFile(join(parent, 'file.partial-0123abcd'), '')
  await symlink(join(parent, 'hub-2026-11-20'), join(parent, 'link.partial-0123abcd'))

  expect(await removeAbandoned(parent, Date.now() + 23 * HOUR)).toEqual([])
  expect(await removeAbandoned(parent, Date.now() + 25 * HOUR)).toEqual([left])
  expect((await readdir(parent)).toSorted()).toEqual(others.toSorted())
  expect(await removeAbandoned(join(parent, 'nowhere'), Date.now())).toEqual([])
})

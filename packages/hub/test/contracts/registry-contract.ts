import assert from 'node:assert/strict'
import type { Registry, RegistryChange } from '../../src/domain/ports.ts'
import { casesFor } from './case.ts'
import type { ContractCase, Make } from './case.ts'

/** What every {@link Registry} does. `make` gives an empty one. */
export function registryContract(make: Make<Registry>): readonly ContractCase[] {
  const it = casesFor(make)
  return [
    it('gives back what was put, and nothing for what was not', async (registry) => {
      const value = { name: 'größer', list: [1, null, true], nested: { deep: 'x' } }
      const result = await registry.put('things', 'one', value)
      assert.ok(result.written && result.revision > 0)
      assert.deepEqual(await registry.get('things', 'one'), { id: 'one', revision: result.revision, value })
      assert.equal(await registry.get('things', 'two'), undefined)
      assert.equal(await registry.get('others', 'one'), undefined)
    }),
    it('writes only over the revision that was expected', async (registry) => {
      const first = await registry.put('c', 'id', 1, 0)
      assert.ok(first.written)
      assert.deepEqual(await registry.put('c', 'id', 2, 0), { written: false, revision: first.revision })
      assert.deepEqual(await registry.put('c', 'other', 2, 7), { written: false, revision: 0 })
      const second = await registry.put('c', 'id', 2, first.revision)
      assert.ok(second.written && second.revision > first.revision)
      assert.deepEqual(await registry.put('c', 'id', 3, first.revision), { written: false, revision: second.revision })
      assert.equal((await registry.get('c', 'id'))?.value, 2)
    }),
    it('lets one of many writers win', async (registry) => {
      const results = await Promise.all(Array.from({ length: 20 }, (_, writer) => registry.put('c', 'id', writer, 0)))
      assert.equal(results.filter(({ written }) => written).length, 1)
    }),
    it('removes, and never uses a revision twice', async (registry) => {
      const first = await registry.put('c', 'id', 'a')
      assert.deepEqual(await registry.remove('c', 'id', first.revision + 1), {
        written: false,
        revision: first.revision,
      })
      assert.ok((await registry.remove('c', 'id', first.revision)).written)
      assert.equal(await registry.get('c', 'id'), undefined)
      assert.deepEqual(await registry.remove('c', 'id'), { written: false, revision: 0 })
      const again = await registry.put('c', 'id', 'a', 0)
      assert.ok(again.written && again.revision > first.revision)
    }),
    it('lists a collection by id, in pages', async (registry) => {
      for (const id of ['c', 'a', 'd', 'b']) await registry.put('letters', id, id)
      await registry.put('numbers', 'a', 1)
      const ids = async (options?: { after?: string; limit?: number }): Promise<string[]> =>
        (await registry.list('letters', options)).map(({ id }) => id)
      assert.deepEqual(await ids(), ['a', 'b', 'c', 'd'])
      assert.deepEqual(await ids({ limit: 2 }), ['a', 'b'])
      assert.deepEqual(await ids({ after: 'b', limit: 2 }), ['c', 'd'])
      assert.deepEqual(await ids({ after: 'd' }), [])
    }),
    it('tells of every write before its promise resolves, and of none that did not happen', async (registry) => {
      const changes: RegistryChange[] = []
      const stop = registry.watch((change) => changes.push(change))
      const put = await registry.put('c', 'id', 'v')
      assert.deepEqual(changes, [
        { collection: 'c', id: 'id', document: { id: 'id', revision: put.revision, value: 'v' } },
      ])
      await registry.put('c', 'id', 'w', 0)
      assert.equal(changes.length, 1)
      await registry.remove('c', 'id')
      assert.deepEqual(changes[1], { collection: 'c', id: 'id', document: undefined })
      stop()
      await registry.put('c', 'id', 'x')
      assert.equal(changes.length, 2)
    }),
    it('keeps its own copy of a value', async (registry) => {
      const value = { list: [1] }
      await registry.put('c', 'id', value)
      value.list.push(2)
      assert.deepEqual((await registry.get('c', 'id'))?.value, { list: [1] })
    }),
    it('refuses what is too large, and what has no name', async (registry) => {
      await assert.rejects(registry.put('c', 'id', 'x'.repeat(70_000)), { code: 'ERR_HUB_DOCUMENT' })
      await assert.rejects(registry.put('c', '', 1), { code: 'ERR_HUB_DOCUMENT' })
    }),
  ]
}

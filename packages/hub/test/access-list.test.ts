import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fits, isServerTopic } from '../src/domain/topics/filter.ts'
import { AccessList, FULL_ACCESS } from '../src/mqtt/plain/access-list.ts'
import type { Access } from '../src/domain/mqtt-account-book.ts'

const ann = { username: 'ann', clientId: 'kitchen' }
const listOf = (...rules: readonly (readonly [Access, string])[]): AccessList =>
  new AccessList(
    rules.map(([access, filter]) => ({ access, filter })),
    ann,
  )

describe('an access list', () => {
  it('puts name and client id in', () => {
    const list = listOf(['readwrite', 'users/%u/#'], ['write', 'devices/%c/up'])
    expect(list.mayPublish('users/ann/x')).toBe(true)
    expect(list.mayPublish('users/bob/x')).toBe(false)
    expect(list.mayPublish('devices/kitchen/up')).toBe(true)
    expect(list.maySubscribe('devices/kitchen/up')).toBe(false)
    expect(list.maySubscribe('users/ann/#')).toBe(true)
    expect(list.maySubscribe('users/+/x')).toBe(false)
    expect(list.maySubscribe('users/#')).toBe(false)
  })

  it.each(['+', '#', 'a/b', ''])('opens nothing more for the client id %j', (clientId) => {
    const list = new AccessList([{ access: 'readwrite', filter: 'devices/%c/#' }], { username: 'ann', clientId })
    expect(list.maySubscribe('devices/+/x')).toBe(false)
    expect(list.mayPublish('devices/a/b/x')).toBe(false)
  })

  it('lets a denial win, also where a filter would only touch it', () => {
    const list = listOf(['readwrite', '#'], ['deny', 'secret/#'])
    expect(list.mayPublish('secret/x')).toBe(false)
    expect(list.maySubscribe('secret')).toBe(false)
    expect(list.maySubscribe('#')).toBe(false)
    expect(list.maySubscribe('+/x')).toBe(false)
    expect(list.maySubscribe('open/#')).toBe(true)
  })

  it('keeps wildcards away from the topics of the server', () => {
    const list = listOf(['readwrite', '#'])
    expect(list.maySubscribe('$SYS/#')).toBe(false)
    expect(list.mayPublish('$SYS/x')).toBe(false)
    const full = new AccessList(FULL_ACCESS, ann)
    expect(full.maySubscribe('$SYS/broker/uptime')).toBe(true)
    expect(full.mayPublish('$SYS/broker/uptime')).toBe(false)
    expect(full.maySubscribe('#')).toBe(true)
  })

  it('gives by a subscription no topic that it would not give by itself', () => {
    const level = fc.constantFrom('a', 'b', '+', '')
    const filter = fc
      .tuple(fc.array(level, { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([levels, hash]) => (hash ? [...levels, '#'] : levels).join('/'))
    const topic = fc.array(fc.constantFrom('a', 'b', '', '$s'), { minLength: 1, maxLength: 4 })
    const rules = fc.array(fc.tuple(fc.constantFrom('read' as const, 'deny' as const), filter), { maxLength: 4 })
    fc.assert(
      fc.property(rules, filter, topic, (given, wanted, levels) => {
        const list = listOf(...given)
        const name = levels.join('/')
        const isBrought = fits(wanted, 0, name, 0) && !(isServerTopic(name) && !isServerTopic(wanted))
        if (!isBrought || !list.maySubscribe(wanted)) return
        const write = listOf(...given.map(([access, rule]) => [access === 'read' ? 'write' : access, rule] as const))
        expect(write.mayPublish(name)).toBe(true)
      }),
      { numRuns: 5000 },
    )
  })
})

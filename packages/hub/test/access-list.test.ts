import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fits, isServerTopic } from '../src/domain/topics/filter.ts'
import { AccessList, FULL_ACCESS } from '../src/mqtt/plain/access-list.ts'
import type { Access, AccessRule } from '../src/domain/mqtt-account-book.ts'

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

  it.each([
    ['%c/#', '$SYS', '$SYS/x'],
    ['%c', '$SYS', '$SYS'],
    ['%c/#', '$share', '$share/x'],
    ['%c%u/#', '$', '$ann/x'],
  ])('under %j the client id %j has no more of the topics of the server than others', (filter, clientId, topic) => {
    const list = new AccessList([{ access: 'readwrite', filter }], { username: 'ann', clientId })
    expect([list.mayPublish(topic), list.maySubscribe(topic), list.maySubscribe('$SYS/#')]).toEqual([
      false,
      false,
      false,
    ])
  })

  it.each(['a/b', '', '$SYS', 'x y', '%u', '$&'])(
    'a denial holds for the client id %j, letter by letter',
    (clientId) => {
      const rules = [{ access: 'readwrite', filter: 'd/#' } as const, { access: 'deny', filter: 'd/%c/#' } as const]
      const list = new AccessList(rules, { username: 'ann', clientId })
      expect([
        list.mayPublish(`d/${clientId}/x`),
        list.maySubscribe(`d/${clientId}`),
        list.maySubscribe('d/#'),
      ]).toEqual([false, false, false])
      expect([list.mayPublish('d/other/x'), list.maySubscribe('d/other/#')]).toEqual([true, true])
    },
  )

  it('no order of the rules lets anybody past a denial', () => {
    const rules = [
      ['deny', 'a/secret'],
      ['readwrite', 'a/#'],
      ['write', 'a/secret'],
    ] as const
    for (const order of [rules, rules.toReversed()]) {
      const list = listOf(...order)
      expect([list.mayPublish('a/secret'), list.mayPublish('a/open')]).toEqual([false, true])
      const refused = ['a/secret', 'a/+', '+/secret', '#', '+/+', 'a/#', 'a/secret/#'] as const
      expect(refused.filter((filter) => list.maySubscribe(filter))).toEqual([])
      expect([list.maySubscribe('a/open'), list.maySubscribe('a/open/#')]).toEqual([true, true])
    }
  })

  it('read is not write, nor write read', () => {
    const list = listOf(['read', 'r/#'], ['write', 'w/#'])
    expect([list.mayPublish('r/x'), list.maySubscribe('r/x')]).toEqual([false, true])
    expect([list.mayPublish('w/x'), list.maySubscribe('w/x')]).toEqual([true, false])
    // Two rules that only together cover a subscription do not allow it.
    expect(listOf(['read', 'a/b'], ['read', 'a/+/#']).maySubscribe('a/#')).toBe(false)
  })

  it('whatever a client calls itself, a name stands for itself alone', () => {
    const name = fc.constantFrom('ann', '+', '#', 'a/b', '', '$SYS', '%u', '%c', 'a+', '#a', '/', 'x', '$&', 'ü')
    const level = fc.constantFrom('a', 'x', '%u', '%c', '%c%u', 'p-%u', '+', '$SYS', '')
    const filter = fc
      .tuple(fc.array(level, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([levels, hash]) => (hash ? [...levels, '#'] : levels).join('/'))
    const access = fc.constantFrom('write' as const, 'deny' as const)
    const rules = fc.array(fc.record({ access, filter }), { minLength: 1, maxLength: 4 })
    const topicLevel = fc.constantFrom('a', 'x', 'b', 'ann', '$SYS', '%u', '%c', '$SYSann', 'p-ann', 'p-x', '', 'ü')
    const topics = fc.array(topicLevel, { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(rules, name, name, topics, (given, username, clientId, levels) => {
        const put = (text: string): string => text.replaceAll(/%[uc]/g, (word) => (word === '%u' ? username : clientId))
        // Level by level, a name as text: for a grant it is one level or a part of one.
        const isMet = ({ access: kind, filter: rule }: AccessRule): boolean => {
          if (levels[0]?.startsWith('$') === true && !(kind === 'deny' ? put(rule) : rule).startsWith('$')) return false
          const wanted = rule
            .split('/')
            .flatMap((one): { readonly wild: string | undefined; readonly text: string }[] => {
              if (one === '+' || one === '#') return [{ wild: one, text: '' }]
              return (kind === 'deny' ? put(one).split('/') : [put(one)]).map((text) => ({ wild: undefined, text }))
            })
          for (const [at, { wild, text }] of wanted.entries()) {
            if (wild === '#') return true
            if (at >= levels.length || (wild === undefined && text !== levels[at])) return false
          }
          return wanted.length === levels.length
        }
        const isAllowed =
          given.some((rule) => rule.access === 'write' && isMet(rule)) &&
          !given.some((rule) => rule.access === 'deny' && isMet(rule))
        const may = new AccessList(given, { username, clientId }).mayPublish(levels.join('/'))
        // Names as people have them lose nothing; others may.
        if (may || [username, clientId].every((one) => ['ann', 'x', 'ü'].includes(one))) expect(may).toBe(isAllowed)
      }),
      { numRuns: 5000 },
    )
  })
})

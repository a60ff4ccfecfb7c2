import { DEFAULT_MQTT_LIMITS } from '../../src/mqtt/limits.ts'
import { ClientSubscription, Session } from '../../src/mqtt/session.ts'
import { Stage, OpenDialect } from './stage.ts'
import { describe, expect, it } from 'vitest'

describe('what a space remembers of its topics', () => {
  const space = new Stage().server.broker.space('test')
  const subscribe = (filter: string): Session => {
    const session = new Session('key', 'a', new OpenDialect().principal(), DEFAULT_MQTT_LIMITS.window)
    const terms = { qos: 0, noLocal: false, retainAsPublished: false, identifier: 0, validUntil: Infinity } as const
    space.subscribe(filter, undefined, new ClientSubscription(session, terms))
    return session
  }

  it('is the same list for as long as nothing changes, and holds no session after that', () => {
    const session = subscribe('a')
    const targets = space.targets('a')
    expect(space.targets('a')).toBe(targets)
    expect(targets.sessions.map((target) => target.session)).toEqual([session])
    subscribe('b')
    // Whoever has kept the list has nothing in it; whoever asks gets another.
    space.targets('b')
    expect([targets.epoch, targets.sessions]).toEqual([-1, []])
    expect(space.targets('a').sessions).toHaveLength(1)
  })

  it('is bounded by topics and by those who get them', () => {
    for (let subscriber = 0; subscriber < 99; subscriber++) subscribe('many/#')
    const first = space.targets('many/0')
    for (let topic = 1; topic < 1100; topic++) space.targets(`many/${topic}`)
    expect(first.sessions).toEqual([])
    const last = space.targets('many/1099')
    expect(last.sessions).toHaveLength(99)
  })
})

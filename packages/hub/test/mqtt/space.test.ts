import { DEFAULT_MQTT_LIMITS } from '../../src/mqtt/limits.ts'
import { ClientSubscription, Session } from '../../src/mqtt/session.ts'
import { Stage, OpenDialect } from './stage.ts'
import { describe, expect, it } from 'vitest'

describe('what a space remembers of its topics', () => {
  const space = new Stage().server.broker.space('test')
  const subscribe = (filter: string): Session => {
    const session = new Session('a', new OpenDialect().principal(), DEFAULT_MQTT_LIMITS.window)
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
    for (let subscriber = 0; subscriber < 98; subscriber++) subscribe('many/#')
    // Each has one reader of its own, so that no two have the same list.
    for (let topic = 0; topic < 1100; topic++) subscribe(`many/${topic}`)
    const first = space.targets('many/0')
    for (let topic = 1; topic < 1100; topic++) space.targets(`many/${topic}`)
    expect(first.sessions).toEqual([])
    const last = space.targets('many/1099')
    expect(last.sessions).toHaveLength(99)
  })

  it('is one list for all topics with the same readers', () => {
    subscribe('same/#')
    const targets = space.targets('same/1')
    expect(space.targets('same/2')).toBe(targets)
    subscribe('same/3')
    expect(space.targets('same/2')).toBe(space.targets('same/1'))
    expect(space.targets('same/3')).not.toBe(space.targets('same/1'))
    expect(space.targets('same/3').sessions).toHaveLength(2)
  })
})

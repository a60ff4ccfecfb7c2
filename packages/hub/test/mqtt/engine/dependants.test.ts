import { VirtualClock } from '@halyard/testkit'
import fc from 'fast-check'
import { expect, it, vi } from 'vitest'
import type { SubscribePlan } from '../../../src/mqtt/dialect.ts'
import { Session } from '../../../src/mqtt/session.ts'
import type { MemoryClient } from '../stage.ts'
import { Stage } from '../stage.ts'
import { Chronicle } from './chronicle.ts'

/** Subscriptions hang on the first level of their filter; those of `t<n>` end in n seconds; `past/` brings what was. */
class KeyDialect extends Chronicle {
  readonly clock: VirtualClock = new VirtualClock()

  dependsOn(name: string): string {
    return name.slice(0, name.indexOf('/'))
  }

  override subscribe(...wish: Parameters<Chronicle['subscribe']>): SubscribePlan {
    const plan = super.subscribe(...wish)
    const [, seconds] = /^t(\d+)[/]/.exec(wish[1]) ?? []
    if (plan.kind === 'refuse' || seconds === undefined) return plan
    return { ...plan, validUntil: this.clock.monotonic() + Number(seconds) * 1000 }
  }
}

function stageOf(): { readonly stage: Stage; readonly clock: VirtualClock } {
  const dialect = new KeyDialect()
  return { stage: new Stage({}, dialect, dialect.history, dialect.clock), clock: dialect.clock }
}

const KEYS = ['a', 'b', 'past', 't1', 't2']
const NAMES = KEYS.flatMap((key) => [`${key}/1`, `${key}/2`])
const options = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const

const step = fc.oneof(
  fc.record({ do: fc.constant('subscribe' as const), who: fc.nat({ max: 3 }), name: fc.constantFrom(...NAMES) }),
  fc.record({ do: fc.constant('unsubscribe' as const), who: fc.nat({ max: 3 }), name: fc.constantFrom(...NAMES) }),
  fc.record({ do: fc.constant('drop' as const), who: fc.nat({ max: 3 }) }),
  fc.record({ do: fc.constant('connect' as const), who: fc.nat({ max: 3 }) }),
  fc.record({ do: fc.constant('end' as const), key: fc.constantFrom(...KEYS) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: 2500 }) }),
)

/** Every subscription there is, found as if there were no list: `key of client`. */
function walked(stage: Stage): string[] {
  const found: string[] = []
  for (const { clientId, subscriptions } of stage.server.broker.sessions) {
    for (const name of subscriptions.keys()) found.push(`${name} of ${clientId}`)
  }
  return found.toSorted()
}

function listed(stage: Stage): string[] {
  const { dependants } = stage.server.broker.sessions
  const found = [...dependants.things].flatMap((thing) => dependants.of(thing))
  return found.map(({ name, session }) => `${name} of ${session.clientId}`).toSorted()
}

it('whatever happens, what hangs on a key is found by it, and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
      const { stage, clock } = stageOf()
      const clients = new Map<number, MemoryClient>()
      const client = async (who: number): Promise<MemoryClient> => {
        const there = clients.get(who)
        if (there?.isOver === false) return there
        // The odd ones have sessions that last.
        const properties = { sessionExpiryInterval: who % 2 === 0 ? 0 : 100 }
        const made = await stage.connect(`client ${who}`, { cleanStart: false, properties })
        clients.set(who, made)
        return made
      }
      for (const [at, one] of steps.entries()) {
        if (one.do === 'subscribe') {
          ;(await client(one.who)).send({
            ...{ type: 'subscribe', packetId: at + 1, subscriptions: [{ filter: one.name, ...options }] },
          })
        }
        if (one.do === 'unsubscribe')
          (await client(one.who)).send({ type: 'unsubscribe', packetId: at + 1, filters: [one.name] })
        if (one.do === 'drop') clients.get(one.who)?.drop()
        if (one.do === 'connect') await client(one.who)
        if (one.do === 'wait') await clock.advance(one.ms)
        if (one.do === 'end') {
          stage.server.endSubscriptions((thing) => thing === one.key, KEYS)
          expect(walked(stage).filter((name) => name.startsWith(`${one.key}/`))).toEqual([])
        }
        expect(listed(stage)).toEqual(walked(stage))
      }
      // Whoever subscribed for a time has nothing when it is over, and nobody is remembered who has gone.
      await clock.advance(4000)
      expect(walked(stage).filter((name) => name.startsWith('t'))).toEqual([])
      for (const one of clients.values()) one.drop()
      await clock.advance(200_000)
      expect([walked(stage), listed(stage), stage.server.broker.timed.size]).toEqual([[], [], 0])
      expect(stage.logger.errors).toEqual([])
      stage.server.close()
    }),
    { numRuns: 60 },
  )
})

it('the end of a key looks at the sessions that have something by it, not at all', async () => {
  const { stage } = stageOf()
  for (let n = 0; n < 200; n++) {
    const client = await stage.connect(`client ${n}`)
    client.send({ type: 'subscribe', packetId: 1, subscriptions: [{ filter: `key${n % 100}/a`, ...options }] })
  }
  const looked = vi.spyOn(Session.prototype, 'subscriptions', 'get')
  stage.server.endSubscriptions(() => true, ['key7'])
  const sessions = new Set(looked.mock.contexts.map((session) => (session as Session).clientId))
  looked.mockRestore()
  expect([...sessions].toSorted()).toEqual(['client 107', 'client 7'])
  expect(walked(stage)).toHaveLength(198)
})

it('a second in which nothing ends looks at no subscription that will', async () => {
  const { stage, clock } = stageOf()
  const client = await stage.connect('client')
  const subscriptions = Array.from({ length: 100 }, (_, n) => ({ filter: `t${n + 10}/a`, ...options }))
  client.send({ type: 'subscribe', packetId: 1, subscriptions })
  const looked = vi.spyOn(Session.prototype, 'subscriptions', 'get')
  await clock.advance(9000)
  expect(looked).not.toHaveBeenCalled()
  await clock.advance(50_000)
  looked.mockRestore()
  expect(walked(stage)).toHaveLength(50)
})

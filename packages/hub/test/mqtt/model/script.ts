import fc from 'fast-check'
import type { Qos, Version } from './state.ts'

/** What happens, one thing after the other. What cannot be (a publisher without a connection) is passed over. */
export type Step =
  | {
      readonly do: 'connect'
      readonly who: number
      readonly version: Version
      readonly clean: boolean
      /** Seconds; before 5.0 what is not clean lasts for ever. */
      readonly expiry: number
      readonly window: number
      readonly aliases: number
      readonly takesBig: boolean
      readonly will:
        | { readonly qos: Qos; readonly retain: boolean; readonly delay: number; readonly lifetime: number | undefined }
        | undefined
    }
  | {
      readonly do: 'subscribe'
      readonly who: number
      readonly identifier: number
      readonly filters: readonly {
        readonly filter: string
        readonly qos: Qos
        readonly noLocal: boolean
        readonly retainAsPublished: boolean
        readonly retainHandling: 0 | 1 | 2
      }[]
    }
  | { readonly do: 'unsubscribe'; readonly who: number; readonly filters: readonly string[] }
  | {
      readonly do: 'publish'
      readonly who: number
      readonly topic: string
      readonly qos: Qos
      readonly retain: boolean
      readonly isEmpty: boolean
      readonly isBig: boolean
      readonly expiry: number | undefined
      readonly alias: number
      readonly contentType: string | undefined
      /** QoS 2: its PUBREL does not follow at once. */
      readonly hold: boolean
    }
  | { readonly do: 'repeat'; readonly who: number }
  | { readonly do: 'release'; readonly who: number }
  | { readonly do: 'acknowledge'; readonly who: number; readonly which: number; readonly fail: boolean }
  | { readonly do: 'acknowledge all'; readonly who: number }
  | {
      readonly do: 'disconnect'
      readonly who: number
      readonly reason: 0 | 4 | 0x81
      readonly expiry: number | undefined
    }
  | { readonly do: 'drop'; readonly who: number }
  | { readonly do: 'wait'; readonly seconds: number }
  | {
      readonly do: 'restart'
      /** All that is alive is written anew before, and the rest of the journal goes. */
      readonly snapshot: boolean
      /** What was settled is on the disk. */
      readonly flush: boolean
      /** Until it is there again. */
      readonly seconds: number
      /** It publishes something while the power goes, which nobody acknowledges. */
      readonly lost: { readonly who: number; readonly topic: string; readonly qos: Qos; readonly retain: boolean }
    }

const TOPICS = ['a', 'b', 'a/b', 'long/topic/one', 'long/topic/two', 'r', 'w/0', '$g/1', '$g/2']
const PLAIN = ['a', 'a/b', 'a/+', '+/b', 'a/#', '#', '+', 'long/topic/+', 'long/topic/one', 'r', 'w/#']
const FILTERS = [...PLAIN, '$share/x/$g/1', '$share/y/$g/2', '$share/y/$g/2', '$share/x/$g/1']

const who = fc.nat({ max: 3 })
const qos = fc.constantFrom<Qos>(1, 2, 0, 1)
/** Which of the few topics and filters of its script a step means; put in by {@link scripts}. */
const topic = fc.nat({ max: TOPICS.length - 1 }).map(String)
const filter = fc.nat({ max: FILTERS.length - 1 }).map(String)

const connect: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('connect' as const),
  who,
  version: fc.constantFrom<Version>(5, 5, 4),
  clean: fc.constantFrom(false, false, true),
  expiry: fc.constantFrom(60, 60, 4, 2, 0),
  window: fc.integer({ min: 1, max: 4 }),
  aliases: fc.nat({ max: 2 }),
  takesBig: fc.constantFrom(true, true, false),
  will: fc.option(
    fc.record({
      qos,
      retain: fc.boolean(),
      delay: fc.nat({ max: 3 }),
      lifetime: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    }),
    { nil: undefined },
  ),
})

const subscribe: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('subscribe' as const),
  who,
  identifier: fc.nat({ max: 2 }),
  filters: fc.uniqueArray(
    fc.record({
      filter,
      qos,
      noLocal: fc.boolean(),
      retainAsPublished: fc.boolean(),
      retainHandling: fc.constantFrom<0 | 1 | 2>(0, 1, 2),
    }),
    { minLength: 1, maxLength: 3, selector: (each) => each.filter },
  ),
})

const publish: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('publish' as const),
  who,
  topic,
  qos,
  retain: fc.boolean(),
  isEmpty: fc.constantFrom(false, false, false, true),
  isBig: fc.constantFrom(false, false, false, true),
  expiry: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined, freq: 2 }),
  alias: fc.nat({ max: 2 }),
  contentType: fc.option(fc.constant('text'), { nil: undefined, freq: 2 }),
  hold: fc.boolean(),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: connect, weight: 5 },
  { arbitrary: subscribe, weight: 5 },
  { arbitrary: publish, weight: 12 },
  {
    arbitrary: fc.record({
      do: fc.constant('unsubscribe' as const),
      who,
      filters: fc.array(filter, { minLength: 1, maxLength: 2 }),
    }),
    weight: 1,
  },
  { arbitrary: fc.record({ do: fc.constant('repeat' as const), who }), weight: 1 },
  { arbitrary: fc.record({ do: fc.constant('release' as const), who }), weight: 1 },
  {
    arbitrary: fc.record({
      do: fc.constant('acknowledge' as const),
      who,
      which: fc.nat({ max: 5 }),
      fail: fc.constantFrom(false, false, true),
    }),
    weight: 3,
  },
  { arbitrary: fc.record({ do: fc.constant('acknowledge all' as const), who }), weight: 3 },
  {
    arbitrary: fc.record({
      do: fc.constant('disconnect' as const),
      who,
      reason: fc.constantFrom<0 | 4 | 0x81>(0, 0, 4, 0x81),
      expiry: fc.option(fc.constantFrom(0, 3, 60), { nil: undefined, freq: 1 }),
    }),
    weight: 1,
  },
  { arbitrary: fc.record({ do: fc.constant('drop' as const), who }), weight: 2 },
  { arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 3 }) }), weight: 2 },
)

const restart: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('restart' as const),
  snapshot: fc.boolean(),
  flush: fc.boolean(),
  seconds: fc.constantFrom(0, 0, 1, 3),
  lost: fc.record({ who, topic, qos: fc.constantFrom<Qos>(1, 2), retain: fc.boolean() }),
})

/** Everybody is there from the beginning, and stays for a while. */
const ALL: readonly Step[] = [0, 1, 2, 3].map((number) => ({
  do: 'connect',
  who: number,
  version: 5,
  clean: false,
  expiry: 60,
  window: number + 1,
  aliases: 0,
  takesBig: true,
  will: undefined,
}))

/**
 * Long ones about few topics: a fault of a broker shows when several things meet. The choice of topics stands beside the
 * steps, so that a script that fails shrinks step by step.
 */
export const scripts: fc.Arbitrary<Step[]> = scriptsOf(step)

/** The same for a hub that goes down now and then. */
export const restartingScripts: fc.Arbitrary<Step[]> = scriptsOf(
  fc.oneof({ arbitrary: step, weight: 12 }, { arbitrary: restart, weight: 1 }),
)

/** Three who last have gone, and get much the same: they wait for it together. */
export const awayScripts: fc.Arbitrary<Step[]> = fc
  .tuple(
    fc.tuple(subscribe, subscribe, subscribe),
    scriptsOf(
      fc.oneof(
        // What is retained, and wills, may have to go behind a restart in an order that the model leaves free.
        { arbitrary: publish.map((each): Step => ({ ...each, who: 3, retain: false }) as Step), weight: 20 },
        {
          arbitrary: connect.map((each): Step => ({ ...each, clean: false, expiry: 60, will: undefined }) as Step),
          weight: 3,
        },
        { arbitrary: fc.record({ do: fc.constant('drop' as const), who }), weight: 3 },
        { arbitrary: restart, weight: 1 },
        { arbitrary: subscribe, weight: 1 },
        { arbitrary: fc.record({ do: fc.constant('acknowledge all' as const), who }), weight: 2 },
        { arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constant(1) }), weight: 1 },
      ),
    ),
  )
  .map(([wishes, steps]) => {
    const topics = steps.flatMap((each) => (each.do === 'publish' ? each.topic : []))
    const filters = ['#', '+', ...topics.filter((one) => !one.startsWith('$'))]
    const subscribed = wishes.map((wish, number) => resolved({ ...wish, who: number } as Step, topics, filters))
    return [...ALL, ...subscribed, ...[0, 1, 2].map((number): Step => ({ do: 'drop', who: number })), ...steps]
  })

function scriptsOf(steps: fc.Arbitrary<Step>): fc.Arbitrary<Step[]> {
  return fc
    .record({
      all: fc.boolean(),
      topics: fc.uniqueArray(fc.constantFrom(...TOPICS), { minLength: 1, maxLength: 3 }),
      // Filters that fit nothing of it are few.
      filters: fc.uniqueArray(fc.constantFrom(...FILTERS), { minLength: 1, maxLength: 4 }),
      steps: fc.array(steps, { minLength: 1, maxLength: 80, size: 'max' }),
    })
    .map(({ all, topics, filters, steps }) => {
      const shared = filters.flatMap((each) => (each.startsWith('$share/') ? [each.slice('$share/x/'.length)] : []))
      const wanted = [...new Set([...topics, ...shared])]
      const played = steps.map((each) => resolved(each, wanted, filters))
      return all ? [...ALL, ...played] : played
    })
}

function resolved(each: Step, topics: readonly string[], filters: readonly string[]): Step {
  const nth = (list: readonly string[], number: string): string => list[Number(number) % list.length] ?? ''
  if (each.do === 'publish') return { ...each, topic: nth(topics, each.topic) }
  if (each.do === 'restart') return { ...each, lost: { ...each.lost, topic: nth(topics, each.lost.topic) } }
  if (each.do === 'unsubscribe') return { ...each, filters: each.filters.map((number) => nth(filters, number)) }
  if (each.do !== 'subscribe') return each
  const wishes = each.filters.map((wish) => ({ ...wish, filter: nth(filters, wish.filter) }))
  // One filter once in a packet: the model does not say which of two would win.
  return {
    ...each,
    filters: wishes.filter(({ filter: one }, at) => wishes.findIndex((wish) => wish.filter === one) === at),
  }
}

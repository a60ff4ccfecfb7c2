/**
 * Random lives of an outbox beside a naive model of it: a list of what is owed. Nothing is lost, nothing goes out that is
 * settled, the order holds, and depth, bytes, entries and ledger are right after every step.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Attachment, Deliver, Delivery, Outbox, OutboxEntry, OutboxOptions } from '@halyard/core'
import { DELIVERED, Home, KINDS, again, bytes, collect, quiet, refused, textOf } from './support.ts'
import type { Kind } from './support.ts'

const DESTINATIONS = ['demo:one', 'demo:two'] as const
const PRIORITIES = ['high', 'normal', 'low'] as const
type Destination = (typeof DESTINATIONS)[number]
type Answer = 'delivered' | 'refused' | 'retry' | 'throw'

/** Durations are whole seconds, so that the outbox, which looks at deadlines together, is as exact as the model. */
type Step =
  | {
      readonly do: 'send'
      readonly to: Destination
      readonly size: number
      readonly priority: (typeof PRIORITIES)[number]
      readonly latest: string | undefined
      readonly expires: number | undefined
      readonly id: string | undefined
      readonly atMostOnce: boolean
    }
  | { readonly do: 'attach' | 'detach' | 'hold' | 'release'; readonly to: Destination }
  | { readonly do: 'answer'; readonly which: number; readonly answer: Answer }
  | { readonly do: 'drop'; readonly which: number }
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'reopen' }

interface Owed {
  readonly id: string
  readonly to: Destination
  readonly text: string
  readonly priority: number
  readonly order: number
  readonly latest: string | undefined
  readonly deadline: number
  readonly atMostOnce: boolean
  onWire: boolean
  withdrawn: string | undefined
}

class Model {
  readonly home: Home
  readonly options: OutboxOptions
  outbox!: Outbox
  readonly owed = new Map<string, Owed>()
  /** `delivered`, or `dropped <reason>` */
  readonly fates = new Map<string, string>()
  readonly links = new Map<Destination, { readonly attachment: Attachment; held: boolean }>()
  readonly attempts: {
    readonly item: Owed
    readonly answer: (delivery: Delivery) => void
    readonly fail: () => void
  }[] = []
  readonly sends: { readonly id: string; readonly result: Promise<OutboxEntry> }[] = []
  readonly violations: string[] = []
  #count = 0

  constructor(home: Home, options: OutboxOptions) {
    this.home = home
    this.options = options
  }

  async open(): Promise<void> {
    this.outbox = await this.home.open(this.options)
  }

  /** What a client is handed, checked in the moment in which it happens. */
  readonly deliver =
    (to: Destination): Deliver =>
    ({ id, body }) => {
      const now = this.home.clock.monotonic()
      const item = this.owed.get(id)
      const link = this.links.get(to)
      if (item === undefined) {
        this.violations.push(`${id} went out, which is ${this.fates.get(id) ?? 'unknown'}`)
        return Promise.resolve(DELIVERED)
      }
      const wire = [...this.owed.values()].filter(({ onWire }) => onWire)
      const lane = [...this.owed.values()].filter((other) => other.to === to && other.priority === item.priority)
      if (item.onWire) this.violations.push(`${id} went out twice at once`)
      if (item.to !== to || textOf(body) !== item.text) this.violations.push(`${id} is not what was sent`)
      if (item.deadline <= now) this.violations.push(`${id} went out after its time`)
      if (link === undefined || link.held) this.violations.push(`${id} went out over a link that is not up`)
      if (wire.length >= (this.options.concurrency ?? 4)) this.violations.push(`${id} is one too many on the wire`)
      if (this.options.ordered !== false) {
        if (lane.some(({ onWire }) => onWire)) this.violations.push(`${id} did not wait`)
        const before = lane.find((other) => other.order < item.order && other.deadline > now)
        if (before !== undefined) this.violations.push(`${id} went out before ${before.id}`)
      }
      item.onWire = true
      return new Promise((resolve, reject) => {
        this.attempts.push({ item, answer: resolve, fail: () => reject(new Error('thrown')) })
      })
    }

  settle(item: Owed, fate: string): void {
    this.owed.delete(item.id)
    this.fates.set(item.id, fate)
  }

  withdraw(item: Owed, reason: string): void {
    if (!item.onWire) this.settle(item, `dropped ${reason}`)
    else if (item.withdrawn === undefined || reason === 'dropped') item.withdrawn = reason
  }

  expire(): void {
    const now = this.home.clock.monotonic()
    for (const item of [...this.owed.values()]) if (item.deadline <= now) this.withdraw(item, 'expired')
  }

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case 'send':
        return this.send(step)
      case 'attach':
        if (!this.links.has(step.to)) {
          const attachment = this.outbox.attach(step.to, this.deliver(step.to))
          this.links.set(step.to, { attachment, held: false })
        }
        return
      case 'detach':
        this.links.get(step.to)?.attachment[Symbol.dispose]()
        this.links.delete(step.to)
        return
      case 'hold':
      case 'release': {
        const link = this.links.get(step.to)
        if (link === undefined) return
        link.held = step.do === 'hold'
        link.attachment[step.do]()
        return
      }
      case 'answer':
        return this.answer(step.which, step.answer)
      case 'drop': {
        const item = [...this.owed.values()][step.which % Math.max(1, this.owed.size)]
        if (item === undefined) return
        this.outbox.drop(item.id).catch(() => {})
        return this.withdraw(item, 'dropped')
      }
      case 'wait':
        await this.home.clock.advance(step.seconds * 1000)
        return this.expire()
      case 'reopen':
        return this.reopen()
    }
  }

  send(step: Extract<Step, { do: 'send' }>): void {
    const id = step.id ?? `m${this.#count}`
    const text = `${this.#count++}`.padEnd(step.size, '.')
    const { to, latest, expires, atMostOnce } = step
    const result = this.outbox.submit(
      { destination: to, kind: 'text', body: bytes(text), atMostOnce },
      { id, priority: step.priority, latest, expires },
    )
    result.catch(() => {})
    if (this.owed.has(id) || this.fates.has(id)) return
    const priority = PRIORITIES.indexOf(step.priority)
    const all = [...this.owed.values()]
    const older = all.find(
      (other) => latest !== undefined && other.to === to && other.latest === latest && !this.#isOld(other),
    )
    const { maxMessages = 10_000, overflow } = this.options
    while (this.owed.size - (older !== undefined && !older.onWire ? 1 : 0) >= maxMessages) {
      if (overflow === 'drop-newest') {
        this.fates.set(id, 'dropped overflow')
        return
      }
      const victims = [...this.owed.values()].filter((other) => !other.onWire && other.priority >= priority)
      victims.sort((a, b) => b.priority - a.priority || a.order - b.order)
      const [victim] = victims
      // Rejected: it is as if it had never been.
      if (overflow !== 'drop-oldest' || victim === undefined) return
      this.settle(victim, 'dropped overflow')
    }
    const deadline = expires === undefined ? Infinity : this.home.clock.monotonic() + expires * 1000
    const order = this.#count
    this.owed.set(id, {
      id,
      to,
      text,
      priority,
      order,
      latest,
      deadline,
      atMostOnce,
      onWire: false,
      withdrawn: undefined,
    })
    this.sends.push({ id, result })
    if (older !== undefined) this.withdraw(older, 'superseded')
  }

  /** On the wire and replaced already: the word is the newer one's. */
  #isOld(item: Owed): boolean {
    return [...this.owed.values()].some(
      (other) => other.to === item.to && other.latest === item.latest && other.order > item.order,
    )
  }

  answer(which: number, answer: Answer): void {
    const [attempt] = this.attempts.splice(which % Math.max(1, this.attempts.length), 1)
    if (attempt === undefined) return
    const { item } = attempt
    item.onWire = false
    if (answer === 'throw') attempt.fail()
    else attempt.answer(answer === 'delivered' ? DELIVERED : answer === 'refused' ? refused('no') : again('cut'))
    if (answer === 'delivered') this.settle(item, 'delivered')
    else if (answer === 'refused') this.settle(item, 'dropped no')
    else if (answer === 'throw' && item.atMostOnce) this.settle(item, 'dropped interrupted')
    else if (item.withdrawn !== undefined) this.settle(item, `dropped ${item.withdrawn}`)
  }

  async reopen(): Promise<void> {
    const closed = this.outbox.close()
    await this.home.clock.advance(11_000)
    await closed
    this.links.clear()
    this.attempts.length = 0
    for (const item of [...this.owed.values()]) {
      const wasOnWire = item.onWire
      item.onWire = false
      if (item.withdrawn !== undefined) this.settle(item, `dropped ${item.withdrawn}`)
      else if (wasOnWire && item.deadline <= this.home.clock.monotonic()) this.settle(item, 'dropped expired')
      else if (wasOnWire && item.atMostOnce) this.settle(item, 'dropped interrupted')
    }
    await this.open()
    await this.home.clock.advance(0)
    this.expire()
  }

  /** What must hold after every step. */
  async check(): Promise<void> {
    await quiet()
    expect(this.violations).toEqual([])
    const owed = [...this.owed.values()]
    expect(this.outbox.depth).toBe(owed.length)
    expect(this.outbox.bytes).toBe(owed.reduce((sum, { text }) => sum + text.length, 0))
    const entries = await collect(this.outbox.entries())
    const fates = entries.map(
      ({ id, state, reason }) => [id, state === 'dropped' ? `dropped ${reason}` : state] as const,
    )
    expect(new Map(fates)).toEqual(new Map([...this.fates, ...owed.map(({ id }) => [id, 'queued'] as const)]))
  }

  /** Everything is up and answers: all that is owed goes, and everybody has been told the truth. */
  async finish(): Promise<void> {
    for (const to of DESTINATIONS) {
      await this.run({ do: 'attach', to })
      await this.run({ do: 'release', to })
    }
    for (let round = 0; this.owed.size > 0 && round < 200; round++) {
      await quiet()
      while (this.attempts.length > 0) this.answer(0, 'delivered')
      await this.run({ do: 'wait', seconds: 1 })
    }
    await this.check()
    expect(this.owed.size).toBe(0)
    await this.outbox.idle()
    for (const { id, result } of this.sends) {
      const { state, reason } = await result
      if (state !== 'queued') expect(state === 'dropped' ? `dropped ${reason}` : state).toBe(this.fates.get(id))
    }
    await this.outbox.close()
  }
}

const to = fc.constantFrom(...DESTINATIONS)
const which = fc.nat(20)
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined, freq: 2 })

const sending: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('send' as const),
  to,
  size: fc.nat(30),
  priority: fc.constantFrom(...PRIORITIES),
  latest: maybe(fc.constantFrom('level', 'state')),
  expires: maybe(fc.integer({ min: 1, max: 30 })),
  id: maybe(fc.constantFrom('x', 'y', 'z')),
  atMostOnce: fc.boolean(),
})
const answering: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('answer' as const),
  which,
  answer: fc.constantFrom<Answer[]>('delivered', 'delivered', 'refused', 'retry', 'throw'),
})

const steps = (kind: Kind): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      { arbitrary: sending, weight: 8 },
      { arbitrary: answering, weight: 8 },
      { arbitrary: fc.record({ do: fc.constantFrom('attach', 'attach', 'detach', 'hold', 'release'), to }), weight: 5 },
      { arbitrary: fc.record({ do: fc.constant('drop' as const), which }), weight: 2 },
      {
        arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 20 }) }),
        weight: 3,
      },
      { arbitrary: fc.constant<Step>({ do: 'reopen' }), weight: kind === 'path' ? 1 : 0 },
    ),
    { minLength: 5, maxLength: 50, size: 'max' },
  )

const options: fc.Arbitrary<OutboxOptions> = fc.record({
  ordered: fc.boolean(),
  concurrency: fc.integer({ min: 1, max: 4 }),
  maxMessages: fc.constantFrom(3, 6, 10_000),
  overflow: fc.constantFrom('reject', 'drop-oldest', 'drop-newest'),
})

describe('the model', () => {
  it.each(KINDS)(
    'and an outbox in %s agree after every step',
    async (kind) => {
      const property = fc.asyncProperty(options, steps(kind), async (chosen, life) => {
        const model = new Model(new Home(kind), chosen)
        await model.open()
        for (const step of life) {
          await model.run(step)
          await model.check()
        }
        await model.finish()
      })
      await fc.assert(property, { numRuns: 200, endOnFailure: false })
    },
    60_000,
  )
})

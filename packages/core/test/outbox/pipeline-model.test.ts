/**
 * Random lives of a pipeline beside a list of what is owed: whatever is held, comes back, is refused or dropped while
 * some calls are in memory and others are still being read, a priority goes out in its order, and never too many at once.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Attachment, Deliver, Delivery, Outbox } from '@halyard/core'
import { DELIVERED, DEMO, Home, KINDS, again, bytes, quiet, refused, textOf } from './support.ts'

const PRIORITIES = ['high', 'normal', 'low'] as const
type Priority = (typeof PRIORITIES)[number]

type Step =
  | { readonly do: 'send'; readonly priority: Priority; readonly count: number }
  | { readonly do: 'answer'; readonly which: number; readonly count: number; readonly outcome: Delivery['outcome'] }
  | { readonly do: 'drop'; readonly which: number }
  | { readonly do: 'hold' | 'release' | 'cut' | 'turn' | 'backoff' | 'reopen' }

interface Owed {
  readonly id: string
  readonly priority: Priority
  onWire: boolean
  dropped: boolean
}

class Life {
  readonly home: Home
  readonly width: number
  readonly violations: string[] = []
  /** In the order of the sends. */
  readonly owed = new Map<string, Owed>()
  readonly wire: { readonly item: Owed; readonly answer: (delivery: Delivery) => void }[] = []
  /** Priorities of which one came back, or whose link went, while others are on the wire. */
  readonly #broken = new Set<Priority>()
  /** Of which the outbox has not heard. */
  readonly #out = new Set<Owed>()
  readonly #orders = new Map<string, number>()
  #outbox!: Outbox
  #link!: Attachment
  #held = false
  #count = 0

  constructor(home: Home, width: number) {
    this.home = home
    this.width = width
  }

  async open(): Promise<void> {
    this.#outbox = await this.home.open()
    this.#link = this.#outbox.attach(DEMO, this.#deliver, { pipeline: this.width })
    this.#held = false
  }

  readonly #deliver: Deliver = ({ id, body, order }, options) => {
    const item = this.owed.get(id)
    if (item === undefined) {
      this.violations.push(`${id} is settled and went out`)
      return Promise.resolve(DELIVERED)
    }
    const lane = [...this.owed.values()].filter(({ priority }) => priority === item.priority)
    const before = lane.slice(0, lane.indexOf(item)).find(({ onWire, dropped }) => !onWire && !dropped)
    if (before !== undefined) this.violations.push(`${id} went out before ${before.id}`)
    if (item.onWire) this.violations.push(`${id} is on the wire twice`)
    if (this.#held) this.violations.push(`${id} went out while the link was down`)
    if (this.#broken.has(item.priority)) this.violations.push(`${id} did not wait for those that may come back`)
    if (this.#out.size >= this.width) this.violations.push(`${id} is one too many`)
    if (textOf(body) !== id) this.violations.push(`${id} is not what was sent`)
    if ((this.#orders.get(id) ?? order) !== order) this.violations.push(`${id} has another order now`)
    this.#orders.set(id, order)
    item.onWire = true
    this.#out.add(item)
    // Some answer by a promise, some later, as a deliverer may choose for each.
    if (order % 2 === 0) {
      const answer = (delivery: Delivery): void => {
        this.#landed(item, delivery.outcome)
        options.answer(delivery)
      }
      this.wire.push({ item, answer })
      return 'later'
    }
    const answered = new Promise<Delivery>((answer) => this.wire.push({ item, answer }))
    // Comes right before the outbox hears of it, which may be after others have begun.
    void answered.then(({ outcome }) => this.#landed(item, outcome))
    return answered
  }

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case 'send':
        for (let index = 0; index < step.count; index++) this.#send(step.priority)
        return
      case 'answer':
        for (let index = 0; index < step.count; index++) this.answer(step.which, step.outcome)
        return
      case 'drop': {
        const item = [...this.owed.values()][step.which % Math.max(1, this.owed.size)]
        if (item === undefined) return
        this.#outbox.drop(item.id).catch(() => {})
        // One that is on the wire goes if it comes back.
        if (item.onWire) item.dropped = true
        else this.owed.delete(item.id)
        return
      }
      case 'hold':
        return this.#hold()
      case 'release':
        this.#held = false
        return this.#link.release()
      case 'cut':
        // What a client does whose connection is lost and made again at once.
        this.#hold()
        while (this.wire.length > 0) this.answer(this.#count++, 'retry')
        this.#held = false
        return this.#link.release()
      case 'turn':
        return new Promise((resolve) => setImmediate(resolve))
      case 'backoff':
        await this.home.clock.advance(60_000)
        return
      case 'reopen': {
        const closed = this.#outbox.close()
        while (this.wire.length > 0) this.answer(0, 'retry')
        await closed
        return this.open()
      }
    }
  }

  answer(which: number, outcome: Delivery['outcome']): void {
    const [one] = this.wire.splice(which % Math.max(1, this.wire.length), 1)
    if (one === undefined) return
    one.answer(outcome === 'delivered' ? DELIVERED : outcome === 'refused' ? refused('no') : again('cut'))
  }

  #landed(item: Owed, outcome: Delivery['outcome']): void {
    item.onWire = false
    this.#out.delete(item)
    const isAlone = ![...this.#out].some(({ priority }) => priority === item.priority)
    if (outcome !== 'retry' || item.dropped) this.owed.delete(item.id)
    else if (!isAlone) this.#broken.add(item.priority)
    if (isAlone) this.#broken.delete(item.priority)
  }

  /** All that is owed goes out, once, in its order. */
  async finish(): Promise<void> {
    for (let round = 0; this.owed.size > 0 && round < 500; round++) {
      await this.run({ do: 'release' })
      await quiet()
      while (this.wire.length > 0) this.answer(0, 'delivered')
    }
    await quiet()
    expect([...this.owed.keys()]).toEqual([])
    expect(this.#outbox.depthOf(DEMO)).toBe(0)
    await this.#outbox.idle()
    await this.#outbox.close()
    expect(this.violations).toEqual([])
  }

  check(): void {
    expect(this.violations).toEqual([])
    expect(this.#outbox.depthOf(DEMO)).toBe(this.#outbox.depth)
  }

  #hold(): void {
    this.#held = true
    this.#link.hold()
    for (const { priority } of this.#out) this.#broken.add(priority)
  }

  #send(priority: Priority): void {
    const id = `${priority}${++this.#count}`
    this.owed.set(id, { id, priority, onWire: false, dropped: false })
    // Some may go out only once: their attempts are written down first.
    const atMostOnce = this.#count % 5 === 0
    const submission = { destination: DEMO, kind: 'text', body: bytes(id), atMostOnce }
    this.#outbox.submit(submission, { id, priority }).catch(() => {})
  }
}

const count = fc.integer({ min: 1, max: 5 })
const which = fc.nat(30)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      arbitrary: fc.record({ do: fc.constant('send' as const), priority: fc.constantFrom(...PRIORITIES), count }),
      weight: 6,
    },
    {
      arbitrary: fc.record({
        ...{ do: fc.constant('answer' as const), which, count },
        outcome: fc.constantFrom<Delivery['outcome'][]>('delivered', 'delivered', 'delivered', 'refused', 'retry'),
      }),
      weight: 5,
    },
    { arbitrary: fc.record({ do: fc.constant('drop' as const), which }), weight: 1 },
    {
      arbitrary: fc.record({ do: fc.constantFrom('hold', 'release', 'release', 'cut', 'turn', 'turn', 'backoff') }),
      weight: 6,
    },
    { arbitrary: fc.constant<Step>({ do: 'reopen' }), weight: 1 },
  ),
  { minLength: 5, maxLength: 60, size: 'max' },
)

describe('a pipeline', () => {
  it.each(KINDS)('of an outbox in %s keeps its order', async (kind) => {
    const property = fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.nat(9), steps, async (width, slow, life) => {
      const home = new Home(kind)
      // Some reads of the disk take many turns, others none.
      let reads = 0
      home.disk.delay(({ kind: operation }) => (operation === 'read' && reads++ % 3 < slow % 4 ? quiet() : undefined))
      const one = new Life(home, width)
      await one.open()
      for (const step of life) {
        if (step.do === 'reopen' && kind === 'memory') continue
        await one.run(step)
        one.check()
      }
      await one.finish()
    })
    await fc.assert(property, { numRuns: 100, endOnFailure: true })
  })
})

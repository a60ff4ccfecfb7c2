import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { HistoryDraft, KeepWaiter } from '../../../src/domain/message-history.ts'
import type { Publication } from '../../../src/mqtt/publication.ts'
import { MemoryMessageHistory } from '../../../src/store/memory-message-history.ts'
import { Chronicle } from './chronicle.ts'
import { Stage } from '../stage.ts'
import { message, payloads } from './support.ts'

/** Tells some turns later that a message lasts. */
class LateHistory extends MemoryMessageHistory<Publication> {
  readonly #turns: number

  constructor(turns: number) {
    super({ now: () => 0, monotonic: () => 0 })
    this.#turns = turns
  }

  override keep(draft: HistoryDraft<Publication>, waiter: KeepWaiter): number {
    const later = (turns: number): unknown => (turns === 0 ? waiter.kept() : setImmediate(() => later(turns - 1)))
    return super.keep(draft, { kept: () => later(this.#turns), failed: () => {} })
  }
}

describe('a subscription with history', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('publish' as const), bytes: fc.nat({ max: 400 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('read' as const), bytes: fc.integer({ min: 1, max: 2000 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('subscribe' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('acknowledge' as const) }) },
  )
  const scripts = fc.record({
    steps: fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }),
    turns: fc.nat({ max: 3 }),
    window: fc.integer({ min: 1, max: 20 }),
    qos: fc.constantFrom<0 | 1>(0, 1),
    reads: fc.boolean(),
  })

  it('brings each message once and in order, whenever it was made, however slow its client and its disk are', async () => {
    await fc.assert(
      fc.asyncProperty(scripts, async ({ steps, turns, window, qos, reads }) => {
        const dialect = new Chronicle(new LateHistory(turns))
        const stage = new Stage({ outputBytes: 100_000 }, dialect, dialect.history)
        const publisher = await stage.connect('publisher')
        const reader = await stage.connect('reader', { properties: { receiveMaximum: window } })
        reader.take()
        reader.transport.isStuck = !reads
        let [published, subscribed] = [0, false]
        const got: string[] = []
        const take = (): number => {
          const packets = reader.take()
          got.push(...payloads(packets).map((payload) => payload.trim()))
          for (const packet of packets) {
            if (packet.type === 'publish' && packet.qos === 1)
              reader.send({ type: 'puback', packetId: packet.packetId ?? 0, reasonCode: 0 })
          }
          return packets.length
        }
        const subscribe = (): void => {
          if (subscribed) return
          subscribed = true
          const options = { qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
          reader.send({ type: 'subscribe', packetId: 1, subscriptions: [{ filter: 'past/#', ...options }] })
        }
        for (const one of steps) {
          if (one.do === 'publish') publisher.send(message('past/a', `${published++}${' '.repeat(one.bytes)}`, 1))
          else if (one.do === 'turn') await new Promise((resolve) => setImmediate(resolve))
          else if (one.do === 'read') reader.transport.take(one.bytes)
          else if (one.do === 'subscribe') subscribe()
          else take()
        }
        subscribe()
        reader.transport.isStuck = false
        do {
          reader.transport.take(Infinity)
          await stage.settleAll()
        } while (take() > 0)
        expect(got).toEqual(Array.from({ length: published }, (_, number) => `${number}`))
        expect([stage.store.count, stage.logger.errors]).toEqual([0, []])
      }),
      { numRuns: 60 },
    )
  })
})

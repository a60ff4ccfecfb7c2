import { VirtualClock } from '@halyard/testkit'
import type { Packet } from '@halyard/wire/mqtt'
import { describe, expect, it } from 'vitest'
import type { Principal, SubscribePlan } from '../../../src/mqtt/dialect.ts'
import { message, payloads, subscribe } from '../engine/support.ts'
import { OpenDialect } from '../stage.ts'
import { CutJournal } from './cut-journal.ts'
import { KeptStage } from './kept-stage.ts'
import { LASTING, crash, subscriber } from './support.ts'

const SET = Date.UTC(2026, 4, 1)

/** Subscriptions last for a minute. */
class MinuteDialect extends OpenDialect {
  readonly #clock: VirtualClock

  constructor(clock: VirtualClock) {
    super()
    this.#clock = clock
  }

  override subscribe(principal: Principal, filter: string, wish: { readonly qos: 0 | 1 | 2 }): SubscribePlan {
    const plan = super.subscribe(principal, filter, wish)
    return plan.kind === 'subscribe' ? { ...plan, validUntil: this.#clock.monotonic() + 60_000 } : plan
  }
}

/** The machine starts anew: its clock has begun at 0, and says that. */
async function reboot(stage: KeptStage, wall: number): Promise<void> {
  const found = stage.journal.cut()
  await stage.end()
  stage.clock.reboot({ wall })
  await stage.start(found)
}

/** So many seconds without the hub, and what its clocks say behind them. */
const DOWN: Readonly<Record<string, (stage: KeptStage, seconds: number) => Promise<void>>> = {
  'the hub alone': async (stage, seconds) => {
    const found = stage.journal.cut()
    await stage.end()
    await stage.clock.advance(seconds * 1000)
    await stage.start(found)
  },
  'the machine, which knows the time': (stage, seconds) => reboot(stage, stage.clock.now() + seconds * 1000),
}

function expiryOf(packets: readonly Packet[]): readonly (number | undefined)[] {
  return packets.flatMap((packet) => (packet.type === 'publish' ? [packet.properties?.messageExpiryInterval] : []))
}

const started = (clock: VirtualClock = new VirtualClock({ wall: SET })): Promise<KeptStage> =>
  KeptStage.open({ journal: new CutJournal(), clock, dialect: new MinuteDialect(clock) })

describe('time goes on while there is no hub:', () => {
  for (const [what, down] of Object.entries(DOWN)) {
    it(`of a message (${what})`, async () => {
      const stage = await started()
      const sleeper = await subscriber(stage, 'sleeper', 'a', LASTING)
      sleeper.drop()
      const publisher = await stage.connect('publisher')
      for (const [text, messageExpiryInterval] of Object.entries({ short: 20, long: 50 })) {
        publisher.send(message('a', text, 1, { properties: { messageExpiryInterval }, retain: true }))
      }
      await stage.flush()
      await stage.clock.advance(10_000)
      await down(stage, 15)
      const again = await stage.connect('sleeper', LASTING)
      const got = again.take()
      expect([payloads(got), expiryOf(got)]).toEqual([['long'], [25]])
      const late = await stage.connect('late')
      late.take()
      await subscribe(stage, late, 'a', 0)
      expect(expiryOf(late.take())).toEqual([25])
    })

    it(`of a session that was left (${what})`, async () => {
      for (const [seconds, isThere] of [
        [40, true],
        [60, false],
      ] as const) {
        const stage = await started()
        const sleeper = await stage.connect('sleeper', { ...LASTING, properties: { sessionExpiryInterval: 60 } })
        sleeper.drop()
        await stage.clock.advance(10_000)
        await down(stage, seconds)
        await stage.clock.advance(1000)
        expect(stage.server.broker.sessions.size, `behind ${seconds} s`).toBe(isThere ? 1 : 0)
      }
    })

    it(`of a subscription that the dialect gave for a time (${what})`, async () => {
      const stage = await started()
      await subscriber(stage, 'sleeper', 'a', LASTING)
      await stage.clock.advance(10_000)
      await down(stage, 30)
      const [session] = stage.server.broker.sessions
      await stage.clock.advance(19_000)
      expect(session?.subscriptions.size).toBe(1)
      await stage.clock.advance(2000)
      expect(session?.subscriptions.size).toBe(0)
      // And that lasts too.
      await crash(stage)
      expect([...stage.server.broker.sessions].map(({ subscriptions }) => subscriptions.size)).toEqual([0])
    })
  }

  it('of a session whose client was connected to the end its time begins with the first start, not with each', async () => {
    const stage = await started()
    await stage.connect('sleeper', { ...LASTING, properties: { sessionExpiryInterval: 60 } })
    await stage.clock.advance(100_000)
    for (const wanted of [1, 1, 0]) {
      await crash(stage)
      await stage.clock.advance(25_000)
      expect(stage.server.broker.sessions.size).toBe(wanted)
    }
  })

  it('of a will that waits: its delay is not begun anew', async () => {
    const stage = await started()
    const listener = await stage.connect('listener')
    listener.take()
    await subscribe(stage, listener, 'w', 0)
    const will = {
      ...({ topic: 'w', payload: Buffer.from('gone'), qos: 0, retain: true } as const),
      properties: { willDelayInterval: 10 },
    }
    const client = await stage.connect('client', { ...LASTING, will })
    client.drop()
    await stage.clock.advance(4000)
    await crash(stage)
    await stage.clock.advance(5000)
    expect(stage.server.broker.wills.size).toBe(1)
    await stage.clock.advance(2000)
    expect(stage.server.broker.wills.size).toBe(0)
    await crash(stage)
    const late = await stage.connect('late')
    late.take()
    await subscribe(stage, late, 'w', 0)
    expect(payloads(late.take())).toEqual(['gone'])
  })
})

describe('a clock that lies', () => {
  it('of 1970: time without the machine counts as none, time of this boot counts', async () => {
    const stage = await started(new VirtualClock({ wall: 0 }))
    const sleeper = await subscriber(stage, 'sleeper', 'a', LASTING)
    sleeper.drop()
    const publisher = await stage.connect('publisher')
    publisher.send(message('a', 'm', 1, { properties: { messageExpiryInterval: 20 } }))
    await stage.flush()
    await stage.clock.advance(10_000)
    await reboot(stage, 0)
    await stage.clock.advance(5000)
    const again = await stage.connect('sleeper', LASTING)
    const got = again.take()
    expect([payloads(got), expiryOf(got)]).toEqual([['m'], [15]])
  })

  it('that was right and is of 1970 behind a reboot ends nothing', async () => {
    const stage = await started()
    const sleeper = await subscriber(stage, 'sleeper', 'a', LASTING)
    sleeper.drop()
    await stage.clock.advance(10_000)
    await reboot(stage, 0)
    await stage.clock.advance(5000)
    expect(stage.server.broker.sessions.size).toBe(1)
  })

  it('that jumps changes nothing within a boot', async () => {
    for (const wall of [0, SET + 365 * 86_400_000]) {
      const stage = await started()
      const sleeper = await subscriber(stage, 'sleeper', 'a', LASTING)
      sleeper.drop()
      const publisher = await stage.connect('publisher')
      publisher.send(message('a', 'm', 1, { properties: { messageExpiryInterval: 20 } }))
      await stage.flush()
      stage.clock.setWall(wall)
      await stage.clock.advance(5000)
      await crash(stage)
      const again = await stage.connect('sleeper', LASTING)
      expect(expiryOf(again.take())).toEqual([15])
    }
  })

  it('a machine that learns the time after its start ends no session by that when it starts again', async () => {
    const months = 90 * 86_400_000
    const clock = new VirtualClock({ wall: SET - months })
    const stage = await started(clock)
    const sleeper = await subscriber(stage, 'sleeper', 'a', LASTING)
    sleeper.drop()
    const publisher = await stage.connect('publisher')
    publisher.send(message('a', 'm', 1, { properties: { messageExpiryInterval: 40 } }))
    await stage.flush()
    stage.clock.setWall(SET)
    await stage.clock.advance(5000)
    await reboot(stage, stage.clock.now() + 15_000)
    const again = await stage.connect('sleeper', LASTING)
    expect(expiryOf(again.take())).toEqual([20])
  })
})

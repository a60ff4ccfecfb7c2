import { describe, expect, it } from 'vitest'
import { ageOf, momentOf, retry, sleep } from '@halyard/core'
import { VirtualClock } from '@halyard/testkit'

describe('VirtualClock', () => {
  it('stands still until it is advanced', async () => {
    const clock = new VirtualClock({ wall: 1_700_000_000_000 })
    await new Promise((resolve) => setImmediate(resolve))
    expect([clock.now(), clock.monotonic()]).toEqual([1_700_000_000_000, 0])
    await clock.advance(250)
    expect([clock.now(), clock.monotonic()]).toEqual([1_700_000_000_250, 250])
  })

  it('fires timers at their own times, those of one time as they were set', async () => {
    const clock = new VirtualClock()
    const fired: string[] = []
    for (const [name, at] of [
      ['b', 20],
      ['a', 10],
      ['c', 20],
      ['never', 31],
    ] as const) {
      clock.setTimer(at, () => fired.push(`${name}@${clock.monotonic()}`))
    }
    await clock.advance(30)
    expect(fired).toEqual(['a@10', 'b@20', 'c@20'])
    expect(clock.pendingTimers).toEqual([{ at: 31 }])
  })

  it('lets promises run between timers, and fires what they set in time', async () => {
    const clock = new VirtualClock()
    const at: number[] = []
    const walk = (async () => {
      for (let step = 0; step < 5; step++) {
        await sleep(10, clock)
        for (let hop = 0; hop < 20; hop++) await Promise.resolve()
        at.push(clock.monotonic())
      }
    })()
    await clock.advance(50)
    await walk
    expect(at).toEqual([10, 20, 30, 40, 50])
  })

  it('runs a day of retries at once', async () => {
    const clock = new VirtualClock()
    let tries = 0
    const task = async (): Promise<string> => {
      tries += 1
      if (clock.monotonic() < 80_000_000) throw new Error('no link')
      return 'delivered'
    }
    const result = retry(task, { clock, random: () => 0.999 })
    await clock.advance(86_400_000)
    expect(await result).toBe('delivered')
    expect(tries).toBeGreaterThan(1300)
  })

  it('goes to the next timer', async () => {
    const clock = new VirtualClock()
    clock.setTimer(7, () => {})
    expect([await clock.advanceToNextTimer(), clock.monotonic()]).toEqual([true, 7])
    expect([await clock.advanceToNextTimer(), clock.monotonic()]).toEqual([false, 7])
  })

  it('jumps as NTP does: ages within a boot stay', async () => {
    const clock = new VirtualClock({ wall: 0 })
    const moment = momentOf(clock)
    await clock.advance(5000)
    clock.setWall(new Date('2026-03-01T00:00:00Z'))
    expect(new Date(clock.now()).toISOString()).toBe('2026-03-01T00:00:00.000Z')
    expect([clock.monotonic(), ageOf(moment, clock)]).toEqual([5000, 5000])
    clock.setWall(0)
    expect(ageOf(moment, clock)).toBe(5000)
  })

  it('reboots: another boot, no timers, monotonic from nothing', async () => {
    const clock = new VirtualClock({ wall: Date.UTC(2026, 0, 1) })
    const { bootId } = clock
    let fired = false
    clock.setTimer(10, () => (fired = true))
    await clock.advance(5)
    const moment = momentOf(clock)
    clock.reboot({ wall: 0 })
    expect(clock.bootId).not.toBe(bootId)
    expect([clock.now(), clock.monotonic(), clock.pendingTimers]).toEqual([0, 0, []])
    await clock.advance(3000)
    expect(fired).toBe(false)
    expect(ageOf(moment, clock)).toBe(3000)
    clock.setWall(moment.wall + 60_000)
    expect(ageOf(moment, clock)).toBe(60_000)
  })

  it('may be rebooted from a timer: what was left of the time does not pass', async () => {
    const clock = new VirtualClock()
    clock.setTimer(10, () => clock.reboot())
    await clock.advance(100)
    expect(clock.monotonic()).toBe(0)
  })

  it('says what it cannot do', async () => {
    await expect(new VirtualClock().advance(-1)).rejects.toThrow(
      'advance(-1); give milliseconds from 0: only setWall() goes back',
    )
    expect(() => new VirtualClock({ wall: NaN })).toThrow('the wall clock cannot show NaN; give a Date or milliseconds')
  })
})

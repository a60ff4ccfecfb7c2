import assert from 'node:assert/strict'
import type { Clock } from '@halyard/core'
import type { ContractCase } from './contract.ts'

export interface ClockUnderTest {
  readonly clock: Clock
  /** Lets at least so many milliseconds pass on it. Default: waits for real time. */
  readonly pass?: (milliseconds: number) => Promise<void>
}

/**
 * What every `Clock` does, as cases for any test runner.
 *
 * @example
 * ```ts
 * import { VirtualClock, clockContract } from '@halyard/testkit'
 *
 * const cases = clockContract(() => {
 *   const clock = new VirtualClock()
 *   return { clock, pass: (milliseconds) => clock.advance(milliseconds) }
 * })
 * for (const { run } of cases) await run()
 * console.log(cases.length) // 7
 * ```
 */
export function clockContract(makeClock: () => ClockUnderTest): ContractCase[] {
  const cases: ContractCase[] = []
  const add = (name: string, body: (clock: Clock, pass: (milliseconds: number) => Promise<void>) => Promise<void>) =>
    cases.push({
      name,
      async run() {
        const { clock, pass = realTime } = makeClock()
        await body(clock, pass)
      },
    })

  add('now is a time in milliseconds', async (clock) => {
    assert.ok(Number.isFinite(clock.now()))
    assert.ok(clock.now() > Date.UTC(1970, 0, 2), `${clock.now()} looks like seconds`)
  })
  add('monotonic never goes back and goes on as time passes', async (clock, pass) => {
    let last = clock.monotonic()
    for (let reading = 0; reading < 100; reading++) {
      const next = clock.monotonic()
      assert.ok(next >= last, `${next} after ${last}`)
      last = next
    }
    await pass(20)
    const passed = clock.monotonic() - last
    assert.ok(passed >= 19, `20 ms passed and monotonic() moved by ${passed}`)
  })
  add('a boot has a name, which stays', async (clock, pass) => {
    const { bootId } = clock
    assert.ok(bootId.length > 0)
    await pass(5)
    assert.equal(clock.bootId, bootId)
  })
  add('a timer fires once, not before its time, not in the call that sets it', async (clock, pass) => {
    const start = clock.monotonic()
    const firedAt: number[] = []
    clock.setTimer(20, () => firedAt.push(clock.monotonic()))
    assert.deepEqual(firedAt, [])
    await pass(50)
    await pass(50)
    assert.equal(firedAt.length, 1)
    // Timers of the engine count whole milliseconds.
    assert.ok((firedAt[0] ?? 0) - start >= 19, `it fired after ${(firedAt[0] ?? 0) - start} ms`)
  })
  add('timers fire in the order of their times', async (clock, pass) => {
    const fired: string[] = []
    clock.setTimer(60, () => fired.push('late'))
    clock.setTimer(1, () => fired.push('early'))
    clock.setTimer(30, () => fired.push('middle'))
    await pass(120)
    assert.deepEqual(fired, ['early', 'middle', 'late'])
  })
  add('a cancelled timer never fires, and cancelling again or too late does nothing', async (clock, pass) => {
    const fired: string[] = []
    const cancelled = clock.setTimer(5, () => fired.push('cancelled'))
    const kept = clock.setTimer(5, () => fired.push('kept'))
    cancelled.cancel()
    cancelled.cancel()
    await pass(40)
    kept.cancel()
    assert.deepEqual(fired, ['kept'])
  })
  add('a timer of no milliseconds and a timer set by a timer fire', async (clock, pass) => {
    const fired: string[] = []
    clock.setTimer(0, () => {
      fired.push('first')
      clock.setTimer(1, () => fired.push('second'))
    })
    await pass(40)
    assert.deepEqual(fired, ['first', 'second'])
  })
  return cases
}

function realTime(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

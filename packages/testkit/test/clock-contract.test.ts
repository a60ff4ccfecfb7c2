import { describe, it } from 'vitest'
import { systemClock } from '@halyard/core'
import { nodeClock } from '@halyard/core/node'
import { VirtualClock, clockContract } from '@halyard/testkit'
import type { ClockUnderTest } from '@halyard/testkit'

const clocks: Record<string, () => ClockUnderTest> = {
  systemClock: () => ({ clock: systemClock() }),
  nodeClock: () => ({ clock: nodeClock() }),
  VirtualClock: () => {
    const clock = new VirtualClock()
    return { clock, pass: (milliseconds) => clock.advance(milliseconds) }
  },
}

for (const [name, make] of Object.entries(clocks)) {
  describe(name, () => {
    for (const { name: what, run } of clockContract(make)) it(what, run)
  })
}

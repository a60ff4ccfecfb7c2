import type * as ours from '@halyard/core'
import type * as spec from './core.ts'
import type { Expect, Fits, Mutual, Same, Takes } from './check.ts'

export type Checks = [
  Fits<ours.HalyardError, spec.HalyardError>,
  Expect<Takes<typeof ours.HalyardError, typeof spec.HalyardError>>,
  Expect<Same<ours.WaitOptions, spec.WaitOptions>>,
  Expect<Same<ours.SendControl, spec.SendControl>>,
  Expect<Same<ours.Logger, spec.Logger>>,
  Expect<Same<ours.OutboxOptions, spec.OutboxOptions>>,
  Expect<Same<ours.OutboxState, spec.OutboxState>>,
  Expect<Same<ours.OutboxEntry, spec.OutboxEntry>>,
  Fits<ours.OutboxMessage, spec.OutboxMessage>,
  Mutual<ours.Delivery, spec.Delivery>,
  Expect<Same<ours.Receipt, spec.Receipt>>,
  Expect<Same<ours.Callback<[text: string, count: number]>, spec.Callback<[text: string, count: number]>>>,
]

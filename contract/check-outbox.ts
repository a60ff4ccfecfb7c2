import type * as ours from '@halyard/core'
import type * as spec from './core.ts'
import type { Fits } from './check.ts'

export type Checks = [
  Fits<ours.Outbox, spec.Outbox>,
  // `Outbox.open` is the one door: our constructor may be closed, the contract's class names none.
  Fits<Pick<typeof ours.Outbox, 'open'>, Pick<typeof spec.Outbox, 'open'>>,
  Fits<Parameters<typeof spec.Outbox.open>, Parameters<typeof ours.Outbox.open>>,
  Fits<Parameters<spec.Outbox['attach']>, Parameters<ours.Outbox['attach']>>,
  Fits<Parameters<spec.Outbox['on']>, Parameters<ours.Outbox['on']>>,
  Fits<Parameters<spec.Outbox['entries']>, Parameters<ours.Outbox['entries']>>,
]

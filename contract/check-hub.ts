import type * as ours from '@halyard/hub'
import type * as spec from './hub.ts'
import type { Expect, Fits, Mutual, Same } from './check.ts'

export type Checks = [
  Mutual<ours.HubReady, spec.HubReady>,
  Expect<Same<ours.HubMessage, spec.HubMessage>>,
  Fits<ours.Hub, Omit<spec.Hub, 'ttn'>>,
  Fits<spec.HubOptions, ours.HubOptions>,
  Fits<(options?: spec.HubOptions) => Promise<ours.Hub>, typeof ours.createHub>,
  Fits<typeof ours.createHub, (options?: spec.HubOptions) => Promise<Omit<spec.Hub, 'ttn'>>>,
]

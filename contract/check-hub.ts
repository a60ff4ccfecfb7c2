import type * as ours from '@halyard/hub'
import type * as spec from './hub.ts'
import type { Expect, Fits, Mutual, Same } from './check.ts'

export type Checks = [
  Mutual<ours.HubReady, spec.HubReady>,
  Expect<Same<ours.HubMessage, spec.HubMessage>>,
  // Sending to a device comes with Hologram's inbound side.
  Fits<ours.Hub, Omit<spec.Hub, 'hologram' | 'ttn'>>,
  Fits<spec.HubOptions, ours.HubOptions>,
  Fits<(options?: spec.HubOptions) => Promise<ours.Hub>, typeof ours.createHub>,
  Fits<typeof ours.createHub, (options?: spec.HubOptions) => Promise<Omit<spec.Hub, 'hologram' | 'ttn'>>>,
]

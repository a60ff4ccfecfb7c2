import type * as ours from '@halyard/hologram'
import type * as spec from './hologram.ts'
import type { Absent, Expect, Fits, Mutual, Same, Takes } from './check.ts'

/** Inbound and periodic sending, SMS, the facade `Hologram`: they come later, and nothing pretends to be them until then. */
type LaterInCustomCloud =
  | 'openReceiveSocket'
  | 'closeReceiveSocket'
  | 'consumeReceivedMessage'
  | 'receivedMessages'
  | 'sendPeriodicMessage'
  | 'stopPeriodicMessage'
type LaterInHologramCloud = LaterInCustomCloud | 'sendSMS'

export type Checks = [
  Mutual<ours.CredentialsInit, spec.CredentialsInit>,
  Mutual<ours.Credentials, spec.Credentials>,
  Expect<Takes<typeof ours.Credentials, typeof spec.Credentials>>,
  Expect<Same<ours.NetworkName, spec.NetworkName>>,
  Expect<Same<ours.Network, spec.Network>>,
  Fits<ours.NetworkManager, spec.NetworkManager>,
  Expect<Same<ours.Authentication, spec.Authentication>>,
  Fits<spec.CloudOptions, ours.CloudOptions>,
  Expect<Same<ours.Endpoints, spec.Endpoints>>,
  Expect<Same<ours.SendOptions, spec.SendOptions>>,
  Mutual<ours.SendResult, spec.SendResult>,
  Fits<ours.EventBus, spec.EventBus>,
  Fits<ours.Cloud, spec.Cloud>,
  Fits<ours.CustomCloud, Omit<spec.CustomCloud, LaterInCustomCloud>>,
  Expect<Takes<typeof ours.CustomCloud, typeof spec.CustomCloud>>,
  Expect<Absent<ours.CustomCloud, LaterInCustomCloud>>,
  Fits<ours.HologramCloud, Omit<spec.HologramCloud, LaterInHologramCloud>>,
  Expect<Takes<typeof ours.HologramCloud, typeof spec.HologramCloud>>,
  Expect<Absent<ours.HologramCloud, LaterInHologramCloud>>,
  Expect<Absent<typeof ours, 'Hologram'>>,
  Expect<Same<Pick<typeof ours, Codes>, Pick<typeof spec, Codes>>>,
]

/** The numbers are results; each is a literal type, in the contract and here. */
type Codes = Extract<keyof typeof spec, `ERR_${string}`>

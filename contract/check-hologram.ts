import type * as ours from '@halyard/hologram'
import type * as spec from './hologram.ts'
import type { Expect, Fits, Mutual, Same, Takes } from './check.ts'

/** The options with our `Outbox`: a class with private fields fits no other declaration of it, however alike. */
type Ours<Options> = Options extends { outbox?: unknown }
  ? Omit<Options, 'outbox'> & Pick<ours.CloudOptions, 'outbox'>
  : Options
type Swapped<Parameters extends readonly unknown[]> = { [Index in keyof Parameters]: Ours<Parameters[Index]> }

export type Checks = [
  Mutual<ours.CredentialsInit, spec.CredentialsInit>,
  Mutual<ours.Credentials, spec.Credentials>,
  Expect<Takes<typeof ours.Credentials, typeof spec.Credentials>>,
  Expect<Same<ours.NetworkName, spec.NetworkName>>,
  Expect<Same<ours.Network, spec.Network>>,
  Fits<ours.NetworkManager, spec.NetworkManager>,
  Expect<Same<ours.Authentication, spec.Authentication>>,
  Fits<Ours<spec.CloudOptions>, ours.CloudOptions>,
  Expect<Same<ours.Endpoints, spec.Endpoints>>,
  Expect<Same<ours.SendOptions, spec.SendOptions>>,
  Mutual<ours.SendResult, spec.SendResult>,
  Expect<Same<ours.ReceivedMessage, spec.ReceivedMessage>>,
  Expect<Same<ours.Sms, spec.Sms>>,
  Expect<Same<ours.HologramEvents, spec.HologramEvents>>,
  Fits<ours.EventBus, spec.EventBus>,
  Fits<ours.Cloud, spec.Cloud>,
  Fits<ours.CustomCloud, spec.CustomCloud>,
  Fits<Swapped<ConstructorParameters<typeof spec.CustomCloud>>, ConstructorParameters<typeof ours.CustomCloud>>,
  Fits<ours.HologramCloud, spec.HologramCloud>,
  Fits<Swapped<ConstructorParameters<typeof spec.HologramCloud>>, ConstructorParameters<typeof ours.HologramCloud>>,
  Fits<ours.Hologram, spec.Hologram>,
  Fits<Swapped<ConstructorParameters<typeof spec.Hologram>>, ConstructorParameters<typeof ours.Hologram>>,
  // Not Pick: a constant that is handed on from another module loses the `readonly` that a declared one has.
  Expect<Same<{ [Code in Codes]: (typeof ours)[Code] }, { [Code in Codes]: (typeof spec)[Code] }>>,
]

/** The numbers are results; each is a literal type, in the contract and here. */
type Codes = Extract<keyof typeof spec, `ERR_${string}`>

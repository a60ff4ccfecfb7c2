import type * as ours from '@halyard/emitter'
import type * as spec from './emitter.ts'
import type { Expect, Fits, Mutual, Same } from './check.ts'

/** The options with our `Outbox`: a class with private fields fits no other declaration of it, however alike. */
type Ours = Omit<spec.ConnectOptions, 'outbox'> & Pick<ours.ConnectOptions, 'outbox'>

export type Checks = [
  Mutual<ours.EmitterError, spec.EmitterError>,
  Expect<Same<ours.ConnectOptions, Ours>>,
  Fits<Parameters<typeof ours.connect>[0], Ours | undefined>,
  Fits<ReturnType<typeof ours.connect>, ours.Emitter>,
  Expect<Same<ours.PresenceWho, spec.PresenceWho>>,
  Expect<Same<ours.PresenceStatus, spec.PresenceStatus>>,
  Expect<Same<ours.PresenceChange, spec.PresenceChange>>,
  Mutual<ours.PresenceEvent, spec.PresenceEvent>,
  Expect<Same<ours.KeygenResult, spec.KeygenResult>>,
  Expect<Same<ours.RequestFailure, spec.RequestFailure>>,
  Expect<Same<ours.LinkResult, spec.LinkResult>>,
  Expect<Same<ours.MeResult, spec.MeResult>>,
  Mutual<ours.EmitterEvents, spec.EmitterEvents>,
  Expect<[keyof ours.EmitterEvents] extends [keyof spec.EmitterEvents] ? true : false>,
  // A class with a private constructor fits no other: its members do.
  Fits<Members<ours.Emitter>, Members<spec.Emitter>>,
  Fits<ours.EmitterMessage, spec.EmitterMessage>,
  Fits<ours.Subscription, spec.Subscription>,
]

type Members<Class> = Omit<Class, 'outbox'>

/** The part `emitter` of the configuration file. docs/guide/hub.md */
import { MAX_SECONDS } from '@halyard/core'
import * as v from 'valibot'
import { DEFAULT_EMITTER_LIMITS } from './emitter/limits.ts'
import type { EmitterLimits } from './emitter/limits.ts'

export interface EmitterConfig {
  /** As `emitterLicense` of `createHub()`. */
  readonly license?: string | undefined
  readonly acceptForeignKeys: boolean
  /** `emitter`: a subscription gets all that is below its channel; `mqtt`: what its levels say. */
  readonly matcher: 'emitter' | 'mqtt'
  readonly limits: EmitterLimits
}

const number = (lowest: number, highest: number): v.GenericSchema<number> =>
  v.pipe(v.number(), v.integer(), v.minValue(lowest), v.maxValue(highest))
const count: v.GenericSchema<number> = number(1, 1_000_000)

const LimitsSchema = v.partial(
  v.strictObject({
    last: number(0, 1_000_000),
    retain: number(1, 4_294_967_295),
    connectionBytes: number(1024, 1_073_741_824),
    requests: count,
    unknownKeys: count,
    unknownKeysPerAddress: count,
    unknownKeysWindow: v.pipe(v.number(), v.gtValue(0), v.maxValue(MAX_SECONDS)),
    keys: number(10, 100_000_000),
    extendedKeys: count,
  }),
)

interface Found {
  license?: string | undefined
  acceptForeignKeys?: boolean | undefined
  matcher?: 'emitter' | 'mqtt' | undefined
  limits?: { readonly [Name in keyof EmitterLimits]?: number | undefined } | undefined
}

export const EmitterSchema: v.GenericSchema<Found> = v.partial(
  v.strictObject({
    license: v.pipe(v.string(), v.nonEmpty()),
    acceptForeignKeys: v.boolean(),
    matcher: v.picklist(['emitter', 'mqtt']),
    limits: LimitsSchema,
  }),
)

export function emitterConfig({ license, acceptForeignKeys, matcher, limits }: Found = {}): EmitterConfig {
  return {
    ...(license !== undefined && { license }),
    acceptForeignKeys: acceptForeignKeys ?? false,
    matcher: matcher ?? 'emitter',
    limits: { ...DEFAULT_EMITTER_LIMITS, ...limits },
  }
}

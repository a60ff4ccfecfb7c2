/** Emitter's broker, put together: licence, keys, and what the hub does for it. */
import { createHmac } from 'node:crypto'
import type { Clock, Logger } from '@halyard/core'
import { EmitterKeys } from './domain/emitter-keys.ts'
import type { MessageHistory } from './domain/message-history.ts'
import type { Registry } from './domain/ports.ts'
import type { EmitterConfig } from './emitter-config.ts'
import { openLicense } from './emitter-license.ts'
import type { EmitterLicense } from './emitter-license.ts'
import { startEmitter } from './emitter/start.ts'
import type { EmitterService } from './emitter/start.ts'
import type { Publication } from './mqtt/publication.ts'
import type { CheckedOptions } from './options.ts'
import type { Secrets } from './secrets.ts'

export interface OpenEmitterParts {
  readonly checked: Pick<CheckedOptions, 'emitterLicense' | 'acceptForeignKeys'>
  readonly config: EmitterConfig
  readonly secrets: Secrets
  readonly registry: Registry
  readonly clock: Clock
  readonly logger: Logger
}

export interface OpenEmitter {
  readonly emitterKeys: EmitterKeys
  readonly emitterLicense: EmitterLicense
  start(history: MessageHistory<Publication>): EmitterService
}

/** @throws {UsageError} `ERR_HUB_EMITTER_LICENSE` */
export async function openEmitter(parts: OpenEmitterParts): Promise<OpenEmitter> {
  const { checked, config, secrets, registry, clock, logger } = parts
  const emitterLicense = await openLicense(checked.emitterLicense ?? secrets.emitterLicense)
  const emitterKeys = await EmitterKeys.open(registry, config.limits)
  const { acceptForeignKeys } = checked
  if (acceptForeignKeys) {
    logger.warn(
      {},
      'emitter: keys that this hub has not issued are accepted (--accept-foreign-keys): whoever has one key of the licence can make all others; import the keys that are in use, then start without it',
    )
  }
  return {
    emitterKeys,
    emitterLicense,
    start: (history) =>
      startEmitter({
        ...{ license: emitterLicense.license, keys: emitterKeys, history, acceptForeignKeys },
        ...{ matcher: config.matcher, limits: config.limits, clock, logger },
        hashSecret: (secret) =>
          createHmac('sha256', secrets.keySecret).update('emitter\0').update(secret).digest('base64url'),
      }),
  }
}

/** Emitter's broker, put together: licence, keys, and what the hub does for it. */
import { createHmac } from 'node:crypto'
import type { Clock, Logger } from '@halyard/core'
import { EmitterKeys } from './domain/emitter-keys.ts'
import type { EmitterKeyBook } from './domain/emitter-key-book.ts'
import type { MessageHistory } from './domain/message-history.ts'
import type { Registry } from './domain/ports.ts'
import type { EmitterConfig } from './emitter-config.ts'
import { KeyBook } from './emitter-key-book.ts'
import { otherLicense, rememberLicense } from './emitter-last-license.ts'
import { openLicense } from './emitter-license.ts'
import type { EmitterLicense } from './emitter-license.ts'
import { startEmitter } from './emitter/start.ts'
import type { EmitterService } from './emitter/start.ts'
import type { Publication } from './mqtt/publication.ts'
import type { CheckedOptions } from './options.ts'
import type { SampleFile } from './sample-file.ts'
import type { Secrets } from './secrets.ts'

export interface KeyBookParts {
  readonly checked: Pick<CheckedOptions, 'emitterLicense' | 'acceptForeignKeys' | 'emitterMatcher'>
  readonly config: EmitterConfig
  readonly secrets: Secrets
  readonly registry: Registry
  /** None: the hub is in memory. */
  readonly samples: SampleFile | undefined
  readonly clock: Clock
}

export interface OpenKeyBook {
  readonly emitterKeys: EmitterKeys
  readonly emitterLicense: EmitterLicense
  readonly keyBook: EmitterKeyBook
}

export interface OpenEmitter extends OpenKeyBook {
  start(history: MessageHistory<Publication>): EmitterService
}

/** What the owner of a hub may do with keys; `starts`: the hub does. @throws {UsageError} `ERR_HUB_EMITTER_LICENSE` */
export async function openKeyBook(parts: KeyBookParts, starts = false): Promise<OpenKeyBook> {
  const { checked, config, secrets, registry, samples, clock } = parts
  const emitterLicense = await openLicense(checked.emitterLicense ?? secrets.emitterLicense)
  const emitterKeys = await EmitterKeys.open(registry, config.limits)
  const { acceptForeignKeys } = checked
  if (starts) await rememberLicense(registry, emitterLicense)
  const unknown = checked.emitterLicense === undefined ? await otherLicense(registry, emitterLicense) : undefined
  const keyBook = new KeyBook({
    unknown,
    license: emitterLicense,
    keys: emitterKeys,
    matcher: checked.emitterMatcher,
    acceptForeignKeys,
    now: () => new Date(clock.now()),
    forgetSample: async (isMeant) =>
      (await samples?.forget('emitter', ({ master_key: masterKey }) => isMeant(masterKey))) ?? false,
  })
  return { emitterKeys, emitterLicense, keyBook }
}

/** @throws {UsageError} `ERR_HUB_EMITTER_LICENSE` */
export async function openEmitter(parts: KeyBookParts & { readonly logger: Logger }): Promise<OpenEmitter> {
  const { checked, config, secrets, clock, logger } = parts
  const open = await openKeyBook(parts, true)
  const { emitterLicense, emitterKeys } = open
  const { acceptForeignKeys } = checked
  if (acceptForeignKeys) {
    logger.warn(
      {},
      'emitter: keys that this hub has not issued are accepted (--accept-foreign-keys): whoever has one key of the licence can make all others; import the keys that are in use, then start without it',
    )
  }
  return {
    ...open,
    start: (history) =>
      startEmitter({
        license: emitterLicense.license,
        keys: emitterKeys,
        history,
        acceptForeignKeys,
        matcher: checked.emitterMatcher,
        limits: config.limits,
        clock,
        logger,
        hashSecret: (secret) =>
          createHmac('sha256', secrets.keySecret).update('emitter\0').update(secret).digest('base64url'),
      }),
  }
}

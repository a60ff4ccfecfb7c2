import { PERMISSION, encodeTarget, parsePermissions } from '@halyard/wire/emitter'
import type { EmitterKeys } from './domain/emitter-keys.ts'
import type { EmitterLicense } from './emitter-license.ts'
import { encryptNewKey, idOfKey, newChannelKey, newMasterKey } from './emitter-new-key.ts'
import type { Samples } from './sample-file.ts'

type Sample = NonNullable<Samples['emitter']>

const CHANNEL = 'demo/#/'
const PERMISSIONS = 'rwslp'

/** A master key, and one for a channel. */
export function makeEmitterSample({ license, codec, text }: EmitterLicense): Sample {
  const target = encodeTarget(CHANNEL)
  if ('refusal' in target) throw new TypeError(target.refusal)
  return {
    license: text,
    master_key: encryptNewKey(codec, () => newMasterKey(license)).text,
    channel_key: encryptNewKey(codec, () =>
      newChannelKey(license, { permissions: parsePermissions(PERMISSIONS), target, expires: 0 }),
    ).text,
  }
}

/** Both are known from now on; those that are already stay what they are. */
export async function enterEmitterSample(
  { master_key: master, channel_key: channelKey }: Sample,
  { license: { contract } }: EmitterLicense,
  keys: EmitterKeys,
  now: Date,
): Promise<void> {
  const made = { contract, expires: 0, origin: 'issued', createdAt: now } as const
  await keys.add({ ...made, id: idOfKey(master), channel: '', permissions: PERMISSION.master })
  await keys.add({ ...made, id: idOfKey(channelKey), channel: CHANNEL, permissions: parsePermissions(PERMISSIONS) })
}

/** False: one of them was banned or revoked, or they are of another licence. */
export function holdsEmitterSample(
  { license, master_key: master, channel_key: channelKey }: Sample,
  { text }: EmitterLicense,
  keys: EmitterKeys,
): boolean {
  return license === text && [master, channelKey].every((key) => keys.stateOf(idOfKey(key)) === 'valid')
}

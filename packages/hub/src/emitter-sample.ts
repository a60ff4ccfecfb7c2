import { createHash, randomBytes } from 'node:crypto'
import { PERMISSION, encodeTarget, parsePermissions } from '@halyard/wire/emitter'
import type { KeyTarget, License, SecurityKey } from '@halyard/wire/emitter'
import type { EmitterKeys } from './domain/emitter-keys.ts'
import type { EmitterLicense } from './emitter-license.ts'
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
    master_key: codec.encrypt(randomMasterKey(license)),
    channel_key: codec.encrypt(newKey(license, parsePermissions(PERMISSIONS), target)),
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
  await keys.add({ ...made, id: idOf(master), channel: '', permissions: PERMISSION.master })
  await keys.add({ ...made, id: idOf(channelKey), channel: CHANNEL, permissions: parsePermissions(PERMISSIONS) })
}

/** False: one of them was banned or revoked, or they are of another licence. */
export function holdsEmitterSample(
  { license, master_key: master, channel_key: channelKey }: Sample,
  { text }: EmitterLicense,
  keys: EmitterKeys,
): boolean {
  return license === text && [master, channelKey].every((key) => keys.stateOf(idOf(key)) === 'valid')
}

/** Nobody finds it by trying: what a master key leaves unused of its bytes is random. */
function randomMasterKey(license: License): SecurityKey {
  const bytes = randomBytes(7)
  const target = { path: bytes.readUIntBE(0, 3), hash: bytes.readUInt32BE(3) }
  return newKey(license, PERMISSION.master, target)
}

function newKey({ master, contract, signature }: License, permissions: number, target: KeyTarget): SecurityKey {
  return { salt: randomBytes(2).readUInt16BE(), master, contract, signature, permissions, target, expires: 0 }
}

function idOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Keys of Emitter's that the owner of the hub has made, without a master key. */
import { createHash, randomBytes } from 'node:crypto'
import { PERMISSION } from '@halyard/wire/emitter'
import type { KeyCodec, KeyTarget, License, SecurityKey } from '@halyard/wire/emitter'

/** Nobody finds it by trying: what a master key leaves unused of its bytes is random. */
export function newMasterKey(license: License): SecurityKey {
  const bytes = randomBytes(7)
  const target = { path: bytes.readUIntBE(0, 3), hash: bytes.readUInt32BE(3) }
  return newChannelKey(license, { permissions: PERMISSION.master, target, expires: 0 })
}

export function newChannelKey(
  { master, contract, signature }: License,
  {
    permissions,
    target,
    expires,
  }: { readonly permissions: number; readonly target: KeyTarget; readonly expires: number },
): SecurityKey {
  return { salt: randomBytes(2).readUInt16BE(), master, contract, signature, permissions, target, expires }
}

/** Of a key that `make` gives another salt each time: none that a command would take for an option. */
export function encryptNewKey(
  codec: KeyCodec,
  make: () => SecurityKey,
): { readonly key: SecurityKey; readonly text: string } {
  for (;;) {
    const key = make()
    const text = codec.encrypt(key)
    if (!text.startsWith('-')) return { key, text }
  }
}

/** How a key is called in the registry. */
export function idOfKey(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

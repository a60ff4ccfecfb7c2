/** Under which licence the hub was started last: of one that is stopped nobody else can tell. */
import { createHash } from 'node:crypto'
import { UsageError } from '@halyard/core'
import type { Registry } from './domain/ports.ts'
import type { EmitterLicense } from './emitter-license.ts'

const LAST = { collection: 'hub', id: 'emitter' } as const

/** Not the licence, which is a secret of whoever gives it. */
interface LastLicense {
  readonly contract: number
  /** SHA-256 of the text, hexadecimal. */
  readonly license: string
}

/** At the start of a hub. */
export async function rememberLicense(registry: Registry, { license, text }: EmitterLicense): Promise<void> {
  const hash = hashOf(text)
  const known = await registry.get(LAST.collection, LAST.id)
  if ((known?.value as LastLicense | undefined)?.license === hash) return
  await registry.put(LAST.collection, LAST.id, { contract: license.contract, license: hash })
}

/** Why the hub's own licence, which is taken when none is given, is not the one that its keys are of; `undefined`: it is. */
export async function otherLicense(registry: Registry, own: EmitterLicense): Promise<UsageError | undefined> {
  const last = (await registry.get(LAST.collection, LAST.id))?.value as LastLicense | undefined
  if (last === undefined || last.license === hashOf(own.text)) return undefined
  return new UsageError(
    'ERR_HUB_EMITTER_LICENSE',
    `the hub is stopped, and was started last under a licence that it was given, of contract ${last.contract}: give it here too, as there: --emitter-license @FILE, HALYARD_HUB_EMITTER_LICENSE, or the --config that names it (emitterLicense or config of openAdmin()); or start the hub, which is asked then`,
  )
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

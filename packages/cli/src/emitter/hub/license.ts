/** `halyard emitter license` */
import { randomBytes } from 'node:crypto'
import {
  LICENSE_RANDOM_BYTES,
  formatLicense,
  keyCodec,
  masterKey,
  newLicense as makeLicense,
} from '@halyard/wire/emitter'
import type { Context } from '../../context.ts'
import type { AdminFlags } from '../../hub/admin/flags.ts'
import { openHubAdmin } from '../../hub/admin/open.ts'
import { paint } from '../../text/paint.ts'

export function newLicense({ json }: AdminFlags, { terminal }: Context): number {
  const license = makeLicense(randomBytes(LICENSE_RANDOM_BYTES))
  const codec = keyCodec(license)
  if ('problem' in codec) throw new TypeError(codec.problem)
  const made = {
    license: formatLicense(license),
    master_key: codec.encrypt(masterKey(license, randomBytes(2).readUInt16BE())),
  }
  const { bold } = paint(terminal.colour.output)
  if (json === true) terminal.print(JSON.stringify(made))
  else {
    terminal.print(`license    ${bold(made.license)}`)
    terminal.print(`master key ${bold(made.master_key)}`)
  }
  return 0
}

export async function showLicense(flags: AdminFlags, context: Context): Promise<number> {
  const { terminal } = context
  await using admin = await openHubAdmin(flags, context)
  const { license, version, contract, matcher, acceptForeignKeys } = await admin.emitter.keys.license()
  if (flags.json === true) {
    terminal.print(JSON.stringify({ license, version, contract, matcher, accept_foreign_keys: acceptForeignKeys }))
    return 0
  }
  const { bold, yellow } = paint(terminal.colour.output)
  terminal.print(`license   ${bold(license)}`)
  terminal.print(`contract  ${contract} (version ${version})`)
  terminal.print(`matcher   ${matcher}`)
  if (acceptForeignKeys)
    terminal.print(yellow('keys that this hub has not made are accepted too (--accept-foreign-keys)'))
  return 0
}

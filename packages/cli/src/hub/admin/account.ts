/** `halyard hub account` */
import { UsageError } from '@halyard/core'
import { loadConfig, textSetting } from '@halyard/core/node'
import type { HubAdmin } from '@halyard/hub'
import type { Context } from '../../context.ts'
import type { Input } from '../../terminal.ts'
import { paint } from '../../text/paint.ts'
import { count } from '../../text/units.ts'
import { oneLine } from '../../text/width.ts'
import type { AccountAddFlags, AccountFlags } from './flags.ts'
import { openHubAdmin, removeEach } from './open.ts'

const SERVICE = 'hologram'
/** More than a key and its line end. */
const MAX_INPUT = 1024

const SETTINGS = {
  cloud_id: textSetting({ variable: 'HALYARD_HUB_CLOUD_ID' }),
  cloud_key: textSetting({ variable: 'HALYARD_HUB_CLOUD_KEY', secret: true }),
}

export async function addAccount(flags: AccountAddFlags, context: Context): Promise<number> {
  const { terminal } = context
  const options = { cloud_id: flags.cloud_id ?? flags.cloudId, cloud_key: flags.cloud_key ?? flags.cloudKey }
  const found = await loadConfig(SETTINGS, { options, environment: terminal.environment })
  const cloudKey = found.cloud_key === '-' ? await readKey(terminal.input) : found.cloud_key
  await using admin = await openHubAdmin(flags, context)
  const { cloud_id, cloud_key } = await admin.hologram.accounts.add({
    ...(found.cloud_id !== undefined && { cloudId: found.cloud_id }),
    ...(cloudKey !== undefined && { cloudKey }),
  })
  const { bold } = paint(terminal.colour.output)
  if (flags.json === true) terminal.print(JSON.stringify({ service: SERVICE, cloud_id, cloud_key }))
  else terminal.print(`cloud_id ${bold(cloud_id)}   cloud_key ${bold(cloud_key)}`)
  return 0
}

/** Line by line as they come: of thousands none is kept. */
export async function listAccounts(flags: AccountFlags, context: Context): Promise<number> {
  const { terminal } = context
  await using admin = await openHubAdmin(flags, context)
  const { dim } = paint(terminal.colour.output)
  let total = 0
  for await (const { cloud_id } of admin.hologram.accounts.list()) {
    total++
    if (flags.json === true) {
      terminal.print(JSON.stringify({ service: SERVICE, cloud_id }))
      continue
    }
    if (total === 1) terminal.print(dim('SERVICE   ACCOUNT'))
    terminal.print(`${SERVICE}  ${oneLine(cloud_id)}`)
  }
  if (flags.json !== true) terminal.print(dim(total === 0 ? 'no accounts' : count(total, 'account')))
  return 0
}

export async function removeAccounts(ids: readonly string[], flags: AccountFlags, context: Context): Promise<number> {
  const { terminal } = context
  await using admin = await openHubAdmin(flags, context)
  const { dim } = paint(terminal.colour.output)
  await removeEach(
    ids,
    namesOf(admin),
    (id) => admin.hologram.accounts.remove(id),
    (id, { sample }) => {
      if (flags.json === true) terminal.print(JSON.stringify({ service: SERVICE, cloud_id: id, state: 'removed' }))
      else terminal.print(`account ${oneLine(id)} removed${sample ? dim(' (the sample: from accounts.json too)') : ''}`)
    },
  )
  return 0
}

async function* namesOf(admin: HubAdmin): AsyncGenerator<string> {
  for await (const { cloud_id } of admin.hologram.accounts.list()) yield cloud_id
}

/** The first line of standard input. */
async function readKey(input: Input): Promise<string> {
  if (input.isTerminal) {
    throw new UsageError('ERR_USAGE', '--cloud_key - reads the key from standard input: pipe it in, or leave it out')
  }
  let text = ''
  for await (const chunk of input.bytes()) {
    text += Buffer.from(chunk).toString('latin1')
    if (text.length > MAX_INPUT || text.includes('\n')) break
  }
  return text.split(/\r?\n/, 1)[0] ?? ''
}

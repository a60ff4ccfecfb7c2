/** `halyard hub account` */
import { loadConfig, textSetting } from '@halyard/core/node'
import type { HubAdmin } from '@halyard/hub'
import type { Context } from '../../context.ts'
import { paint } from '../../text/paint.ts'
import { oneLine } from '../../text/width.ts'
import type { AccountAddFlags, AccountFlags } from './flags.ts'
import { Listing } from './listing.ts'
import { accessText } from './mqtt-account.ts'
import { openHubAdmin, removeEach } from './open.ts'
import { readSecret } from './read-secret.ts'

const SERVICE = 'hologram'
const MQTT = 'mqtt'

const SETTINGS = {
  cloud_id: textSetting({ variable: 'HALYARD_HUB_CLOUD_ID' }),
  cloud_key: textSetting({ variable: 'HALYARD_HUB_CLOUD_KEY', secret: true }),
}

export async function addAccount(flags: AccountAddFlags, context: Context): Promise<number> {
  const { terminal } = context
  const options = { cloud_id: flags.cloud_id ?? flags.cloudId, cloud_key: flags.cloud_key ?? flags.cloudKey }
  const found = await loadConfig(SETTINGS, { options, environment: terminal.environment })
  const cloudKey = found.cloud_key === '-' ? await readSecret(terminal.input, '--cloud_key') : found.cloud_key
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
  const listing = new Listing(flags, terminal, 'SERVICE   ACCOUNT')
  if (flags.service !== MQTT) {
    for await (const { cloud_id } of admin.hologram.accounts.list()) {
      listing.add({ service: SERVICE, cloud_id }, `${SERVICE}  ${oneLine(cloud_id)}`)
    }
  }
  if (flags.service !== SERVICE) {
    for await (const { username, access } of admin.mqtt.accounts.list()) {
      const rights = dim(`(${accessText(access)})`)
      listing.add({ service: MQTT, username, ...(access && { access }) }, `${MQTT}      ${oneLine(username)} ${rights}`)
    }
  }
  listing.end('account')
  return 0
}

export async function removeAccounts(ids: readonly string[], flags: AccountFlags, context: Context): Promise<number> {
  const { terminal } = context
  await using admin = await openHubAdmin(flags, context)
  const { dim } = paint(terminal.colour.output)
  const isMqtt = flags.service === MQTT
  await removeEach(
    ids,
    isMqtt ? usernamesOf(admin) : namesOf(admin),
    (id) => (isMqtt ? admin.mqtt.accounts.remove(id) : admin.hologram.accounts.remove(id)),
    (id, { sample }) => {
      const entry = isMqtt ? { service: MQTT, username: id } : { service: SERVICE, cloud_id: id }
      if (flags.json === true) terminal.print(JSON.stringify({ ...entry, state: 'removed' }))
      else terminal.print(`account ${oneLine(id)} removed${sample ? dim(' (the sample: from accounts.json too)') : ''}`)
    },
  )
  return 0
}

async function* usernamesOf(admin: HubAdmin): AsyncGenerator<string> {
  for await (const { username } of admin.mqtt.accounts.list()) yield username
}

async function* namesOf(admin: HubAdmin): AsyncGenerator<string> {
  for await (const { cloud_id } of admin.hologram.accounts.list()) yield cloud_id
}

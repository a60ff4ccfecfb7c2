/** What `halyard hub account add --service mqtt` makes, and `set` changes. */
import { UsageError } from '@halyard/core'
import { loadConfig, textSetting } from '@halyard/core/node'
import type { AccessRule, MqttAccountMade } from '@halyard/hub'
import type { Context } from '../../context.ts'
import { paint } from '../../text/paint.ts'
import { oneLine } from '../../text/width.ts'
import type { AdminFlags, MqttAccountAddFlags, MqttAccountSetFlags } from './flags.ts'
import { openHubAdmin } from './open.ts'
import { readSecret } from './read-secret.ts'

const SETTINGS = {
  username: textSetting({ variable: 'HALYARD_HUB_MQTT_USERNAME' }),
  password: textSetting({ variable: 'HALYARD_HUB_MQTT_PASSWORD', secret: true }),
}

export async function addMqttAccount(flags: MqttAccountAddFlags, context: Context): Promise<number> {
  const { terminal } = context
  const options = { username: flags.username, password: flags.password }
  const found = await loadConfig(SETTINGS, { options, environment: terminal.environment })
  if (found.username === undefined) {
    throw new UsageError('ERR_USAGE', 'an MQTT account needs a name: --username NAME')
  }
  const access = flags.access?.map((text) => parseAccess(text))
  const password = found.password === '-' ? await readSecret(terminal.input, '--password') : found.password
  await using admin = await openHubAdmin(flags, context)
  const made = await admin.mqtt.accounts.add({
    username: found.username,
    ...(password !== undefined && { password }),
    ...(access && { access }),
  })
  show(made, flags, context)
  return 0
}

/** No password from the environment: it would change with every `--access`. */
export async function setMqttAccount(name: string, flags: MqttAccountSetFlags, context: Context): Promise<number> {
  const { terminal } = context
  const access = flags.allTopics === true ? null : flags.access?.map((text) => parseAccess(text))
  if (flags.password === undefined && flags.newPassword !== true && access === undefined) {
    throw new UsageError(
      'ERR_USAGE',
      'nothing is to be changed: name --password, --new-password, --access or --all-topics',
    )
  }
  const given = flags.password === '-' ? await readSecret(terminal.input, '--password') : flags.password
  const password = flags.newPassword === true ? null : given
  await using admin = await openHubAdmin(flags, context)
  const made = await admin.mqtt.accounts.change(name, {
    ...(password !== undefined && { password }),
    ...(access !== undefined && { access }),
  })
  if (made.password !== undefined || flags.json === true) show(made, flags, context)
  else terminal.print(`account ${oneLine(made.username)} changed (${oneLine(accessText(made.access))})`)
  return 0
}

/** A password that the hub has made is shown now and never again. */
function show(made: MqttAccountMade, { json }: AdminFlags, { terminal }: Context): void {
  const { bold } = paint(terminal.colour.output)
  const shown = made.password === undefined ? '' : `   password ${bold(made.password)}`
  if (json === true) terminal.print(JSON.stringify({ service: 'mqtt', ...made }))
  else terminal.print(`username ${bold(oneLine(made.username))}${shown}`)
}

/** `readwrite sensors/%u/#`; the hub checks both words. */
function parseAccess(text: string): AccessRule {
  const [, access, filter] = /^(\S+) +(.+)$/.exec(text) ?? []
  if (access === undefined || filter === undefined) {
    throw new UsageError('ERR_USAGE', `--access takes a right and a filter, such as 'readwrite sensors/%u/#'`)
  }
  return { access: access as AccessRule['access'], filter }
}

/** What an account may do, in a list. */
export function accessText(access: readonly AccessRule[] | undefined): string {
  return access === undefined ? 'all topics' : access.map((rule) => `${rule.access} ${rule.filter}`).join(', ')
}

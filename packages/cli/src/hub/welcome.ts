/** What a person is told when the hub is ready. */
import { join } from 'node:path'
import type { HubReady } from '@halyard/hub'
import { bracketed } from '../text/bracketed.ts'
import type { Paint } from '../text/paint.ts'
import { VERSION } from '../version.ts'
import { quote } from './command-name.ts'

export interface Welcome {
  readonly ready: HubReady
  /** the address on which it listens */
  readonly host: string
  /** The accounts were made just now. */
  readonly isFirstStart: boolean
  /** How this program is called. */
  readonly command: string
}

export function welcomeLines(welcome: Welcome, paint: Paint): string[] {
  const { bold, dim, cyan, green } = paint
  const { ready, isFirstStart } = welcome
  const host = reachableHost(welcome.host)
  const lines = [
    `${green('●')} ${bold('The hub is ready')} ${dim(`(halyard ${VERSION}, Ctrl-C ends it)`)}`,
    '',
    ...(ready.ports.hologram === undefined ? [] : [`  Hologram    ${bracketed(host)}:${ready.ports.hologram}`]),
    ...(ready.ports.mqtt === undefined ? [] : [`  MQTT        ${bracketed(host)}:${ready.ports.mqtt}`]),
    `  front door  http://${bracketed(host)}:${ready.ports.front}/health`,
    `  data        ${ready.data === ':memory:' ? 'in memory: gone when the hub ends' : ready.data}`,
    '',
    ...exposureLines(welcome.host, paint),
  ]
  const file = accountsFile(ready)
  if (file !== undefined && !isFirstStart) {
    return [...lines, `The accounts to send with, and the token of the HTTP API, are in ${cyan(file)}.`]
  }
  const api = [...mqttLines(welcome, paint), ...emitterLines(welcome, paint), ...apiLines(welcome, paint)]
  if (ready.hologram === undefined) return [...lines, 'There is no Hologram sample account any more.', ...api]
  const { cloud_id, cloud_key } = ready.hologram
  return [
    ...lines,
    `A Hologram account was made${file === undefined ? '' : `, and written to ${cyan(file)}`}:`,
    '',
    `  cloud_id ${bold(cloud_id)}   cloud_key ${bold(cloud_key)}`,
    '',
    'Send it a message from another terminal:',
    '',
    `  ${cyan(sendCommand(welcome) ?? '')}`,
    '',
    'or without any SDK:',
    '',
    `  ${cyan(rawCommand(welcome) ?? '')}`,
    ...api,
  ]
}

/** Any MQTT client will do; Mosquitto's are everywhere. */
function mqttLines({ ready, host }: Welcome, { bold, cyan }: Paint): string[] {
  const { mqtt, ports } = ready
  if (mqtt === undefined || ports.mqtt === undefined) return []
  const { username, password } = mqtt
  const where = `-h ${reachableHost(host)} -p ${ports.mqtt} -u ${quote(username)} -P ${quote(password)}`
  return [
    '',
    `An MQTT account: user name ${bold(username)}, password ${bold(password)}. Any MQTT client will do:`,
    '',
    `  ${cyan(`mosquitto_pub ${where} -t hello -m ahoy`)}`,
  ]
}

/** With any MQTT client too: there is no user name, the key stands in the topic. */
function emitterLines({ ready, host }: Welcome, { bold, cyan }: Paint): string[] {
  const { emitter, ports } = ready
  if (emitter === undefined) return []
  const where = `-h ${reachableHost(host)} -p ${ports.front} -t ${quote(`${emitter.channel_key}/demo/hello/`)}`
  return [
    '',
    `Emitter, at the front door: the master key is ${bold(emitter.master_key)}, a key for demo/#/ ${bold(emitter.channel_key)}:`,
    '',
    `  ${cyan(`mosquitto_sub ${where}`)}`,
    `  ${cyan(`mosquitto_pub ${where} -m ahoy`)}`,
  ]
}

/** The wire of Hologram is plaintext, and its keys have four characters: who opens it to others should know. */
function exposureLines(host: string, { bold }: Paint): string[] {
  if (host === 'localhost' || host === '::1' || host.startsWith('127.')) return []
  const where = host === '0.0.0.0' || host === '::' ? 'all addresses of this machine' : host
  return [
    `${bold('Open to the network')}: it listens on ${where}; keys and messages of Hologram cross it in clear.`,
    '',
  ]
}

/** The token is a sample and stands in the line, as everybody writes it; docs/guide/hub.md tells of ps. */
function apiLines({ ready, host }: Welcome, { bold, cyan }: Paint): string[] {
  if (ready.console === undefined) return []
  const { token } = ready.console
  const url = `http://${bracketed(reachableHost(host))}:${ready.ports.front}/api/`
  return [
    '',
    `The HTTP API is at ${cyan(url)}, its token ${bold(token)}. What has come so far:`,
    '',
    `  ${cyan(`curl -H "Authorization: Bearer ${token}" "${url}messages?last=10"`)}`,
  ]
}

/** A line to paste into another terminal. */
export function sendCommand({ ready, host, command }: Welcome): string | undefined {
  const { hologram, ports } = ready
  if (hologram === undefined || ports.hologram === undefined) return undefined
  const { cloud_id, cloud_key } = hologram
  return `${command} send "hello" --host ${reachableHost(host)} -p ${ports.hologram} --cloud_id ${quote(cloud_id)} --cloud_key ${quote(cloud_key)}`
}

/** The same in the bytes of the wire: docs/protocols/hologram.md */
function rawCommand({ ready, host }: Welcome): string | undefined {
  const { hologram, ports } = ready
  if (hologram === undefined || ports.hologram === undefined) return undefined
  const message = JSON.stringify({ s: hologram.cloud_id, c: hologram.cloud_key, d: 'hello' })
  // printf reads % and \ itself.
  const format = message
    .replaceAll('%', '%%')
    .replaceAll('\\', String.raw`\\`)
    .replaceAll("'", String.raw`'\''`)
  return `printf '${format}\\r\\r' | nc ${reachableHost(host)} ${ports.hologram}`
}

function accountsFile({ data }: HubReady): string | undefined {
  return data === ':memory:' ? undefined : join(data, 'accounts.json')
}

/** Where a program on this machine finds a hub that listens everywhere. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

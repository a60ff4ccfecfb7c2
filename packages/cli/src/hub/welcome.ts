/** What a person is told when the hub is ready. */
import { join } from 'node:path'
import type { HubReady } from '@halyard/hub'
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

export function welcomeLines(welcome: Welcome, { bold, dim, cyan, green }: Paint): string[] {
  const { ready, isFirstStart } = welcome
  const host = reachableHost(welcome.host)
  const lines = [
    `${green('●')} ${bold('The hub is ready')} ${dim(`(halyard ${VERSION}, Ctrl-C ends it)`)}`,
    '',
    ...(ready.ports.hologram === undefined ? [] : [`  Hologram    ${host}:${ready.ports.hologram}`]),
    `  front door  http://${bracketed(host)}:${ready.ports.front}/health`,
    `  data        ${ready.data === ':memory:' ? 'in memory: gone when the hub ends' : ready.data}`,
    '',
  ]
  const { hologram } = ready
  const file = accountsFile(ready)
  if (file !== undefined && !isFirstStart) return [...lines, `The accounts to send with are in ${cyan(file)}.`]
  if (hologram === undefined) return [...lines, 'There is no sample account any more.']
  const { cloud_id, cloud_key } = hologram
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

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

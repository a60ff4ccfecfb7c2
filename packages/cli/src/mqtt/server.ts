/** Which server, as whom: from options and environment. */
import { UsageError } from '@halyard/core'
import type { MqttOptions } from '@halyard/mqtt'
import { readNamedFile } from '../read-named-file.ts'
import { wholeNumber } from '../whole-number.ts'
import type { MqttFlags } from './flags.ts'

export interface Server {
  readonly url: string
  readonly options: MqttOptions
}

type Environment = Readonly<Record<string, string | undefined>>

/** As people and mosquitto write them. */
const VERSIONS: Readonly<Record<string, 4 | 5>> = { '4': 4, '311': 4, mqttv311: 4, '5': 5, mqttv5: 5 }

/** @throws {UsageError} `ERR_USAGE`; {StorageError} `ERR_CONFIG_FILE` for a file that cannot be read */
export async function readServer(flags: MqttFlags, environment: Environment): Promise<Server> {
  const { id, protocolVersion, disableCleanSession, sessionExpiry, keepalive } = flags
  const version = protocolVersion === undefined ? undefined : VERSIONS[protocolVersion]
  if (protocolVersion !== undefined && version === undefined) {
    throw new UsageError('ERR_USAGE', `--protocol-version is 5 or 4, not ${protocolVersion}`)
  }
  const isKept = disableCleanSession === true || sessionExpiry !== undefined
  if (isKept && id === undefined) {
    throw new UsageError('ERR_USAGE', 'a session that is kept needs a name; give one with --id')
  }
  const username = flags.username ?? environment['HALYARD_MQTT_USERNAME']
  const password = flags.pw ?? environment['HALYARD_MQTT_PASSWORD']
  return {
    url: urlOf(flags, environment),
    options: {
      ...(version !== undefined && { version }),
      ...(id !== undefined && { clientId: id }),
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(keepalive !== undefined && { keepalive: wholeNumber('--keepalive', keepalive) }),
      ...(isKept && { clean: false, sessionExpiry: expiryOf(sessionExpiry) }),
      ...(flags.willTopic !== undefined && { will: willOf(flags, flags.willTopic) }),
      tls: await tlsOf(flags),
    },
  }
}

export function qosOf(text: string | undefined, name = '--qos'): 0 | 1 | 2 {
  if (text === undefined) return 1
  if (text !== '0' && text !== '1' && text !== '2')
    throw new UsageError('ERR_USAGE', `${name} is 0, 1 or 2, not ${text}`)
  return Number(text) as 0 | 1 | 2
}

function expiryOf(text: string | undefined): number {
  return text === undefined ? Infinity : wholeNumber('--session-expiry', text)
}

function urlOf({ url, host, port, ws, tls, cafile, cert, key }: MqttFlags, environment: Environment): string {
  const parts = [host, port].some((part) => part !== undefined) || ws === true || tls === true
  if (url !== undefined && parts) {
    throw new UsageError('ERR_USAGE', '--url says it all; leave out --host, --port, --ws and --tls')
  }
  const given = url ?? (parts ? undefined : environment['HALYARD_MQTT_URL'])
  const isTls = [cafile, cert, key].some((file) => file !== undefined)
  // Else the password would go out in clear, to whoever answers.
  if (given !== undefined && isTls && !/^(?:mqtts|ssl|tls|wss):/iu.test(given)) {
    throw new UsageError('ERR_USAGE', '--cafile, --cert and --key are of TLS: use an address of mqtts:// or wss://')
  }
  if (given !== undefined) return given
  const isSecure = tls === true || cafile !== undefined || cert !== undefined || port === '8883'
  const scheme = ws === true ? (isSecure ? 'wss' : 'ws') : isSecure ? 'mqtts' : 'mqtt'
  const name = host ?? '127.0.0.1'
  return `${scheme}://${name.includes(':') && !name.startsWith('[') ? `[${name}]` : name}${port === undefined ? '' : `:${port}`}`
}

function willOf(flags: MqttFlags, topic: string): NonNullable<MqttOptions['will']> {
  const { willPayload = '', willQos = '0', willRetain = false } = flags
  return { topic, payload: willPayload, qos: qosOf(willQos, '--will-qos'), retain: willRetain }
}

async function tlsOf({ cafile, cert, key, insecure }: MqttFlags): Promise<MqttOptions['tls']> {
  if (cert !== undefined && key === undefined) throw new UsageError('ERR_USAGE', '--cert needs its --key')
  return {
    ...(cafile !== undefined && { ca: await readNamedFile('--cafile', cafile) }),
    ...(cert !== undefined && { cert: await readNamedFile('--cert', cert) }),
    ...(key !== undefined && { key: await readNamedFile('--key', key) }),
    ...(insecure === true && { rejectUnauthorized: false }),
  }
}

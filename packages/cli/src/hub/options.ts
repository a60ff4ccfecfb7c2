/** What the words of the command line mean for the hub: options first, then the environment. */
import { UsageError } from '@halyard/core'
import { loadConfig, portSetting, readConfigFile, textSetting } from '@halyard/core/node'
import type { HubOptions } from '@halyard/hub'
import type { HubFlags } from './flags.ts'

const SETTINGS = {
  data: textSetting({ variable: 'HALYARD_HUB_DATA' }),
  host: textSetting({ variable: 'HALYARD_HUB_HOST' }),
  config: textSetting({ variable: 'HALYARD_HUB_CONFIG' }),
  'emitter-license': textSetting({ variable: 'HALYARD_HUB_EMITTER_LICENSE' }),
  'emitter-matcher': textSetting({ variable: 'HALYARD_HUB_EMITTER_MATCHER' }),
  'port-front': portSetting({ variable: 'HALYARD_HUB_PORT_FRONT', least: 0 }),
  'port-hologram': portSetting({ variable: 'HALYARD_HUB_PORT_HOLOGRAM', least: 0 }),
  'port-mqtt': portSetting({ variable: 'HALYARD_HUB_PORT_MQTT', least: 0 }),
}

/** Services that are to come: their options are known, so that scripts are told what is missing. */
const NOT_YET: readonly (readonly [flag: keyof HubFlags, option: string, service: string])[] = [
  ['portExp', '--port-exp', 'EXP'],
  ['portExpGateway', '--port-exp-gateway', 'EXP'],
]

/** @throws {UsageError} `ERR_USAGE`, `ERR_CONFIG_VALUE` */
export async function readHubOptions(
  flags: HubFlags,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<HubOptions> {
  const missing = NOT_YET.find(([flag]) => flags[flag] !== undefined)
  if (missing !== undefined) {
    const [, option, service] = missing
    throw new UsageError('ERR_USAGE', `this version of the hub has no ${service} service yet; leave ${option} out`)
  }
  if (flags.demo === true && flags.json === true) {
    throw new UsageError('ERR_USAGE', '--demo is for people and --json for programs; leave one of them out')
  }
  const { data, host, config, portFront, portHologram, portMqtt, ephemeral, mqttAnonymous, acceptForeignKeys } = flags
  const ports = { 'port-front': portFront, 'port-hologram': portHologram, 'port-mqtt': portMqtt }
  const emitter = { 'emitter-license': flags.emitterLicense, 'emitter-matcher': flags.emitterMatcher }
  const options = { data, host, config, ...emitter, ...ports }
  const found = await loadConfig(SETTINGS, { options, environment })
  const free = ephemeral === true ? 0 : undefined
  return {
    ...(await withFile(found)),
    ports: {
      front: found['port-front'] ?? free,
      hologram: found['port-hologram'] ?? free,
      mqtt: found['port-mqtt'] ?? free,
    },
    ...(mqttAnonymous === true && { mqttAnonymous }),
    ...(found['emitter-license'] !== undefined && { emitterLicense: found['emitter-license'] }),
    ...(found['emitter-matcher'] !== undefined && { emitterMatcher: matcherOf(found['emitter-matcher']) }),
    ...(acceptForeignKeys === true && { acceptForeignKeys }),
  }
}

function matcherOf(name: string): 'emitter' | 'mqtt' {
  if (name === 'emitter' || name === 'mqtt') return name
  throw new UsageError('ERR_USAGE', `--emitter-matcher is emitter or mqtt, not ${name}`)
}

/** Where a hub is, and what it is started with, for the commands that change it. */
export async function readHubPlace(
  { data, config, emitterLicense }: Pick<HubFlags, 'data' | 'config' | 'emitterLicense'>,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Pick<HubOptions, 'data' | 'config' | 'emitterLicense'>> {
  const { data: place, config: file, 'emitter-license': license } = SETTINGS
  const settings = { data: place, config: file, 'emitter-license': license }
  const { 'emitter-license': found, ...others } = await loadConfig(settings, {
    ...{ options: { data, config, 'emitter-license': emitterLicense }, environment },
  })
  return { ...others, ...(found !== undefined && { emitterLicense: found }) }
}

type Place = Pick<HubOptions, 'data' | 'host' | 'config'>

/** The file's too: what is shown is told from them. A value of the wrong kind is the hub's to refuse. */
async function withFile({ data, host, config }: Place): Promise<Place> {
  const file = config === undefined ? {} : await readConfigFile(config)
  return { data: data ?? textOf(file['data']), host: host ?? textOf(file['host']), config }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

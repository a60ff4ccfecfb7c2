import { resolve } from 'node:path'
import { UsageError } from '@halyard/core'
import type { Logger } from '@halyard/core'
import { defaultConfig, readConfig } from './config.ts'
import type { HubConfig } from './config.ts'

export type PortName = 'front' | 'mqtt' | 'hologram' | 'exp' | 'expGateway'

export interface HubOptions {
  /** A directory, made at the first start, or `':memory:'`; `./halyard-data` */
  data?: string
  /** The address to listen on; 127.0.0.1. Anything else opens the hub to the network. */
  host?: string
  /** `'ephemeral'`: free ports; a number that is left out is the default (front 8080, mqtt 1883, hologram 9999), 0 a free port. */
  ports?: 'ephemeral' | Partial<Record<PortName, number>>
  /** Lets clients without a password in on the MQTT port, with all rights; only on a loopback address. false */
  mqttAnonymous?: boolean
  /**
   * Emitter's licence, of any version, or `@` and the path of a file that holds one; the hub's own, made at its first start.
   */
  emitterLicense?: string
  /**
   * Takes keys of that licence that this hub has not issued: for moving from another broker, since anybody who has one such
   * key can forge others. false
   */
  acceptForeignKeys?: boolean
  /** Path of an HJSON file; docs/guide/hub.md lists its keys. What is given here wins over it. */
  config?: string
  logger?: Logger
}

export const MEMORY = ':memory:'

const PORT_NAMES: readonly PortName[] = ['front', 'mqtt', 'hologram', 'exp', 'expGateway']
const OPTION_NAMES: readonly string[] = [
  ...['data', 'host', 'ports', 'mqttAnonymous', 'emitterLicense', 'acceptForeignKeys', 'config', 'logger'],
]

export interface CheckedOptions {
  /** An absolute path, or `':memory:'`. */
  readonly data: string
  readonly host: string
  readonly ports: { readonly front: number; readonly hologram: number; readonly mqtt: number }
  readonly mqttAnonymous: boolean
  /** None: the hub's own. */
  readonly emitterLicense: string | undefined
  readonly acceptForeignKeys: boolean
  /** Ports that were given for services which this version does not have. */
  readonly unused: readonly PortName[]
}

/**
 * What is given wins over the configuration file, that over the defaults.
 *
 * @throws {UsageError} `ERR_USAGE`, `ERR_USAGE_PORT`, `ERR_HUB_MQTT_ANONYMOUS`, `ERR_CONFIG_FILE`, `ERR_HUB_CONFIG`
 */
export async function resolveOptions(
  options: HubOptions,
): Promise<{ readonly checked: CheckedOptions; readonly config: HubConfig }> {
  const given = checkOptions(options)
  const config = given.config === undefined ? defaultConfig() : await readConfig(given.config)
  const data = given.data ?? config.data ?? './halyard-data'
  const checked = {
    data: data === MEMORY ? data : resolve(data),
    host: given.host ?? config.host ?? '127.0.0.1',
    ports: {
      front: given.ports.front ?? config.ports.front,
      hologram: given.ports.hologram ?? config.ports.hologram,
      mqtt: given.ports.mqtt ?? config.ports.mqtt,
    },
    mqttAnonymous: options.mqttAnonymous === true,
    emitterLicense: given.emitterLicense ?? config.emitter.license,
    acceptForeignKeys: options.acceptForeignKeys ?? config.emitter.acceptForeignKeys,
    unused: PORT_NAMES.filter((name) => !(name in config.ports) && isGiven(options.ports, name)),
  }
  if (checked.mqttAnonymous && !isLoopback(checked.host)) {
    throw new UsageError(
      'ERR_HUB_MQTT_ANONYMOUS',
      `mqttAnonymous (--mqtt-anonymous) would let the network of ${checked.host} in without a password; leave it out, or listen on 127.0.0.1`,
    )
  }
  return { checked, config }
}

/** Only programs of this machine reach it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127[.]/.test(host)
}

interface GivenOptions {
  readonly data: string | undefined
  readonly host: string | undefined
  readonly ports: { readonly front?: number; readonly hologram?: number; readonly mqtt?: number }
  readonly config: string | undefined
  readonly emitterLicense: string | undefined
}

function checkOptions(options: HubOptions): GivenOptions {
  const stranger = Object.keys(options).find((name) => !OPTION_NAMES.includes(name))
  if (stranger !== undefined) {
    throw new UsageError('ERR_USAGE', `createHub() has no option '${stranger}'; it has ${OPTION_NAMES.join(', ')}`)
  }
  if (!['boolean', 'undefined'].includes(typeof options.acceptForeignKeys)) {
    throw new UsageError('ERR_USAGE', 'acceptForeignKeys must be true or false')
  }
  return {
    data: checkText('data', options.data),
    host: checkText('host', options.host),
    ports: checkPorts(options.ports ?? {}),
    config: checkText('config', options.config),
    emitterLicense: checkText('emitterLicense', options.emitterLicense),
  }
}

function checkText(name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value === '' || value.includes('\0')) {
    throw new UsageError('ERR_USAGE', `${name} must be a text that is not empty`)
  }
  return value
}

function isGiven(ports: HubOptions['ports'], name: PortName): boolean {
  return typeof ports === 'object' && ports[name] !== undefined
}

function checkPorts(ports: NonNullable<HubOptions['ports']>): GivenOptions['ports'] {
  if (ports === 'ephemeral') return { front: 0, hologram: 0, mqtt: 0 }
  if (typeof ports !== 'object') {
    throw new UsageError('ERR_USAGE', `ports must be 'ephemeral' or an object such as { front: 8080, hologram: 0 }`)
  }
  for (const [name, port] of Object.entries(ports)) {
    if (!(PORT_NAMES as readonly string[]).includes(name)) {
      throw new UsageError('ERR_USAGE', `there is no port '${name}'; there are ${PORT_NAMES.join(', ')}`)
    }
    if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
      throw new UsageError(
        'ERR_USAGE_PORT',
        `ports.${name} must be from 0 to 65535 (0: a free port), not ${String(port)}`,
      )
    }
  }
  return ports
}

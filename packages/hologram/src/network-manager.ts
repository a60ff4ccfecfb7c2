import {
  ConnectionError,
  describeError,
  HalyardError,
  secondsToMilliseconds,
  throwIfAborted,
  UsageError,
} from '@halyard/core'
import type { Network, NetworkManager, NetworkName } from './types.ts'

const NAMES: readonly NetworkName[] = ['cellular-e303', 'wifi', 'cellular-iota', 'ble', 'ethernet', 'cellular-ms2131']

const DEFAULT_CONNECT_SECONDS = 15

const DISCONNECTED = 0
const CONNECTED = 1

export interface NetworkEvents {
  connected(): void
  disconnected(): void
}

interface ConnectOptions {
  timeout?: number
  signal?: AbortSignal
}

/**
 * Checks the `network` of a cloud's options.
 *
 * @throws {UsageError} `ERR_HOLOGRAM_NETWORK` for a name (its package does not exist yet) and for what is no network.
 */
export function readNetworks(network: unknown): readonly Network[] {
  const given: readonly unknown[] = Array.isArray(network) ? network : [network]
  return given.filter((one) => one !== undefined && one !== '').map(readNetwork)
}

function readNetwork(network: unknown): Network {
  if (typeof network === 'string') {
    const known = network === 'cellular' || (NAMES as readonly string[]).includes(network)
    throw complaint(
      known
        ? `network '${network}' needs @halyard/network, which does not exist yet in this version; leave network out`
        : `Invalid network type: ${JSON.stringify(network)}; known are ${NAMES.join(', ')}, and '' for none`,
    )
  }
  const candidate = network as Partial<Network> | null
  const methods = ['connect', 'disconnect', 'isConnected', 'getConnectionStatus'] as const
  if (typeof candidate === 'object' && candidate && methods.every((name) => typeof candidate[name] === 'function')) {
    return candidate as Network
  }
  throw complaint('network must be a name, an object with the methods of Network, or a list of those')
}

/**
 * The way to the network. Without an interface (non-network mode) the machine is taken to be connected, and
 * `disconnect()` holds what is sent until the next `connect()`. With interfaces, the first that connects is the active one.
 */
export class CloudNetworkManager implements NetworkManager {
  readonly #networks: readonly Network[]
  readonly #events: NetworkEvents
  #active: Network | null
  #up: boolean
  #lastError: HalyardError | null = null

  constructor(networks: readonly Network[], events: NetworkEvents) {
    this.#networks = networks
    this.#events = events
    this.#active = networks.find((network) => network.isConnected()) ?? null
    this.#up = networks.length === 0 || this.#active !== null
  }

  async connect(options: ConnectOptions = {}): Promise<boolean> {
    const { timeout = DEFAULT_CONNECT_SECONDS, signal } = options
    secondsToMilliseconds('timeout', timeout)
    throwIfAborted(signal)
    if (this.#networks.length > 0 && !(await this.#connectFirst({ timeout, signal }))) return false
    this.#up = true
    this.#lastError = null
    this.#events.connected()
    return true
  }

  async disconnect(): Promise<boolean> {
    if (this.#active && !(await this.#attempt(() => this.#active?.disconnect()))) return false
    this.#active = null
    this.#up = false
    this.#events.disconnected()
    return true
  }

  async reconnect(options: ConnectOptions = {}): Promise<boolean> {
    return (await this.disconnect()) && (await this.connect(options))
  }

  listAvailableInterfaces(): NetworkName[] {
    return [...NAMES]
  }

  getConnectionStatus(): number {
    if (this.#active) return this.#active.getConnectionStatus()
    return this.#up ? CONNECTED : DISCONNECTED
  }

  isConnected(): boolean {
    return this.#up && (this.#active?.isConnected() ?? true)
  }

  get localIPAddress(): string | null {
    return addressOf(this.#active, 'localIPAddress')
  }

  get remoteIPAddress(): string | null {
    return addressOf(this.#active, 'remoteIPAddress')
  }

  get lastError(): HalyardError | null {
    return this.#lastError
  }

  get active(): Network | null {
    return this.#active
  }

  async #connectFirst(options: ConnectOptions): Promise<boolean> {
    for (const network of this.#networks) {
      if (!(await this.#attempt(() => network.connect(options)))) continue
      this.#active = network
      return true
    }
    return false
  }

  /** What the caller must mend is thrown; what the network did is `false`, and `lastError` says why. */
  async #attempt(action: () => Promise<boolean> | undefined): Promise<boolean> {
    try {
      if (await action()) return true
      this.#lastError = new ConnectionError('ERR_NETWORK_FAILED', 'the network did not do it and did not say why')
    } catch (error) {
      if (error instanceof UsageError || (error as { name?: unknown } | null)?.name === 'AbortError') throw error
      this.#lastError =
        error instanceof HalyardError
          ? error
          : new ConnectionError('ERR_NETWORK_FAILED', describeError(error), { cause: error })
    }
    return false
  }
}

/** Interfaces that have addresses (a cellular one has) show them; the others have none to show. */
function addressOf(network: Network | null, name: 'localIPAddress' | 'remoteIPAddress'): string | null {
  const address = (network as Partial<Record<typeof name, unknown>> | null)?.[name]
  return typeof address === 'string' ? address : null
}

function complaint(message: string): UsageError {
  return new UsageError('ERR_HOLOGRAM_NETWORK', message)
}

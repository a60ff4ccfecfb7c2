import type { History } from './ports.ts'

/** Devices held in memory; the one heard of longest ago is forgotten first (the history still knows it). */
const REMEMBERED = 10_000

/** What a device is known by once it has proved itself. */
export interface Peer {
  /** Whom limits hold for: the IPv4 address, or the /64 of an IPv6 address. */
  readonly address: string
  /** Where it can be reached. */
  readonly host: string
}

export interface Device extends Peer {
  readonly lastSeenAt: Date
}

export type Sighting = Pick<Device, 'host' | 'lastSeenAt'>

/** Where the devices of a service were last seen. */
export class Devices {
  readonly #space: string
  readonly #history: Pick<History, 'query'>
  readonly #devices = new Map<string, Device>()
  readonly #listeners = new Set<(account: string) => void>()

  constructor(space: string, history: Pick<History, 'query'>) {
    this.#space = space
    this.#history = history
  }

  seen(account: string, device: Device): void {
    this.#devices.delete(account)
    this.#devices.set(account, device)
    for (const listener of this.#listeners) listener(account)
    if (this.#devices.size <= REMEMBERED) return
    for (const oldest of this.#devices.keys()) {
      this.#devices.delete(oldest)
      break
    }
  }

  /** If memory knows. */
  find(account: string): Device | undefined {
    return this.#devices.get(account)
  }

  /** Also of a device that was heard of before the hub was started, for as long as the history has a message of it. */
  async locate(account: string): Promise<Sighting | undefined> {
    const device = this.#devices.get(account)
    if (device) return device
    const { messages } = await this.#history.query({ space: this.#space, account, direction: 'in', last: 1 })
    const [message] = messages
    if (message?.source === undefined) return undefined
    return { host: message.source, lastSeenAt: message.receivedAt }
  }

  /** Called whenever a device is heard of: it can be reached now if ever. The function given back ends it. */
  onSeen(listener: (account: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** Devices held in memory; the one heard of longest ago is forgotten first (the history still knows it). */
const REMEMBERED = 10_000

export interface Device {
  /** The address it last proved itself from. */
  readonly address: string
  readonly lastSeenAt: Date
}

/** Where the devices of a service were last seen. */
export class Devices {
  readonly #devices = new Map<string, Device>()

  seen(account: string, device: Device): void {
    this.#devices.delete(account)
    this.#devices.set(account, device)
    if (this.#devices.size <= REMEMBERED) return
    for (const oldest of this.#devices.keys()) {
      this.#devices.delete(oldest)
      break
    }
  }

  find(account: string): Device | undefined {
    return this.#devices.get(account)
  }
}

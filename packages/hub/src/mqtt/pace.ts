import type { Transport } from '../domain/transport.ts'
import type { ClientOutput } from './client-output.ts'
import type { MqttLimits } from './limits.ts'

/** The connection whose pace it is. */
export interface Paced {
  readonly output: ClientOutput
  readonly transport: Transport
  /** So much waits for the disk that no more should come. */
  readonly isBusy: boolean
}

/** Whether a client reads what it is owed: one that asks and does not read is not heard, one that takes nothing is closed. */
export class Pace {
  readonly #client: Paced
  readonly #limits: MqttLimits
  #isHeld = false
  #takenBefore = 0
  /** Sweeps at which it had taken nothing since the one before. */
  #stuckFor = 0

  constructor(client: Paced, limits: MqttLimits) {
    this.#client = client
    this.#limits = limits
  }

  /** Nothing is read of it. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  /** Deliveries end at `outputBytes`: beyond it are answers to a client that asks and does not read. */
  hold(): void {
    const client = this.#client
    if (this.#isHeld || (client.output.waiting <= 2 * this.#limits.outputBytes && !client.isBusy)) return
    this.#isHeld = true
    client.transport.pause()
  }

  /** What it was held for may be over. */
  look(): void {
    if (this.#isHeld && this.#client.output.waiting <= this.#limits.outputBytes) this.readOn()
  }

  readOn(): void {
    if (!this.#isHeld || this.#client.isBusy) return
    this.#isHeld = false
    this.#client.transport.resume()
  }

  /** Once a second. True: it has taken nothing for too long. */
  isStuck(): boolean {
    const { waiting, taken } = this.#client.output
    // A transport that took everything at once had nothing to tell.
    this.look()
    this.#stuckFor = waiting === 0 || taken !== this.#takenBefore ? 0 : this.#stuckFor + 1
    this.#takenBefore = taken
    return this.#stuckFor >= this.#limits.stuckTimeout
  }
}

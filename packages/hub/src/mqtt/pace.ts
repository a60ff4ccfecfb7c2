import type { Transport } from '../domain/transport.ts'
import type { ClientOutput } from './client-output.ts'
import type { MqttLimits } from './limits.ts'

/** Whether a client reads what it is owed: one that asks and does not read is not heard, one that takes nothing is closed. */
export class Pace {
  readonly #output: ClientOutput
  readonly #transport: Transport
  readonly #limits: MqttLimits
  readonly #isBusy: () => boolean
  #isHeld = false
  #takenBefore = 0
  #stuckSince = Infinity

  /** `isBusy`: so much waits for the disk that no more should come. */
  constructor(output: ClientOutput, transport: Transport, limits: MqttLimits, isBusy: () => boolean) {
    this.#output = output
    this.#transport = transport
    this.#limits = limits
    this.#isBusy = isBusy
  }

  /** Nothing is read of it. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  /** Deliveries end at `outputBytes`: beyond it are answers to a client that asks and does not read. */
  hold(): void {
    if (this.#isHeld || (this.#output.waiting <= 2 * this.#limits.outputBytes && !this.#isBusy())) return
    this.#isHeld = true
    this.#transport.pause()
  }

  /** What it was held for may be over. */
  look(): void {
    if (this.#isHeld && this.#output.waiting <= this.#limits.outputBytes) this.readOn()
  }

  readOn(): void {
    if (!this.#isHeld || this.#isBusy()) return
    this.#isHeld = false
    this.#transport.resume()
  }

  /** Once a second. True: it has taken nothing for too long. */
  isStuck(now: number): boolean {
    const { waiting, taken } = this.#output
    // A transport that took everything at once had nothing to tell.
    this.look()
    if (waiting === 0 || taken !== this.#takenBefore) this.#stuckSince = now
    this.#takenBefore = taken
    return now - this.#stuckSince >= this.#limits.stuckTimeout * 1000
  }
}

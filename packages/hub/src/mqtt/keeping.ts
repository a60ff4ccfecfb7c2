import type { ReasonCode } from './dialect.ts'

/**
 * Messages of QoS 2 that a session has handed in and that do not last yet. One that comes again meanwhile, perhaps over
 * another connection, is acknowledged when the first one is kept, and not before.
 */
export class Keeping {
  readonly #waiting = new Map<number, ((reason: ReasonCode) => void)[]>()

  isWaiting(packetId: number): boolean {
    return this.#waiting.has(packetId)
  }

  /** `told`: called with the reason code of the PUBREC, behind those that wait for the same already. */
  begin(packetId: number, told: (reason: ReasonCode) => void): void {
    const others = this.#waiting.get(packetId)
    if (others === undefined) this.#waiting.set(packetId, [told])
    else others.push(told)
  }

  settle(packetId: number, reason: ReasonCode): void {
    const waiting = this.#waiting.get(packetId) ?? []
    this.#waiting.delete(packetId)
    for (const tell of waiting) tell(reason)
  }
}

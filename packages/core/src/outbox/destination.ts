/** One service and account to which messages go: who delivers, whether the link is up, which messages wait. */
import type { Timer } from '../clock.ts'
import { Lane } from './item.ts'
import type { Deliver } from './types.ts'

export class Destination {
  readonly name: string
  /** by priority: high, normal, low */
  readonly lanes: readonly [Lane, Lane, Lane] = [new Lane(), new Lane(), new Lane()]
  deliver: Deliver | undefined = undefined
  held = false
  /** runs while a failed delivery is waited out */
  backoff: Timer | undefined = undefined
  /** deliveries that failed since the last that did not */
  failures = 0

  constructor(name: string) {
    this.name = name
  }

  lane(priority: number): Lane {
    return this.lanes[priority] ?? this.lanes[1]
  }

  /** Whether a message may go out now, as far as the link is concerned. */
  get open(): boolean {
    return this.deliver !== undefined && !this.held && this.backoff === undefined
  }

  /** The link works: no waiting any more. */
  recover(): void {
    this.failures = 0
    this.backoff?.cancel()
    this.backoff = undefined
  }
}

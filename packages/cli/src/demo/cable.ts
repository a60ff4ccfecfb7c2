/** The link between sensor and hub: it is cut for a while now and then, or when somebody pulls it. */
import { describeError, sleep } from '@halyard/core'
import type { Clock } from '@halyard/core'
import type { FaultProxy } from '@halyard/testkit'
import type { Story } from './story.ts'

/** Seconds, from and to. */
const FIRST_CUT = [7, 9] as const
const UP = [13, 19] as const
const DOWN = [5, 8] as const

export interface CableParts {
  readonly proxy: FaultProxy
  readonly story: Story
  readonly clock: Clock
  /** 0 ≤ x < 1 */
  readonly random: () => number
  /** The device notices that its network is back; that it is gone it learns from failures alone. */
  readonly onBack: () => Promise<unknown>
}

export class Cable {
  readonly #parts: CableParts
  #down = false
  #pulled = false
  #switching: Promise<void> = Promise.resolve()

  constructor(parts: CableParts) {
    this.#parts = parts
  }

  /** Cuts and mends until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    for (let range: readonly [number, number] = FIRST_CUT; ; range = UP) {
      await this.#wait(range, signal)
      if (signal.aborted) return
      if (this.#pulled) continue
      this.#cut(false)
      await this.#wait(DOWN, signal)
      if (signal.aborted) return
      if (!this.#pulled) await this.#mend()
    }
  }

  /** A hand on the cable: pulled, it stays so until it is plugged in again. */
  async toggle(): Promise<void> {
    if (this.#down) {
      this.#pulled = false
      await this.#mend()
    } else {
      this.#pulled = true
      this.#cut(true)
    }
  }

  #cut(byHand: boolean): void {
    if (this.#down) return
    this.#down = true
    this.#parts.proxy.link.down('reset')
    this.#parts.story.linkCut(new Date(), byHand)
  }

  #mend(): Promise<void> {
    this.#switching = this.#switching.then(async () => {
      if (!this.#down) return
      const { proxy, story, onBack } = this.#parts
      try {
        await proxy.link.up()
      } catch (error) {
        // Somebody took the proxy's port meanwhile: the link stays down, and the next try comes with the next round.
        story.note('bad', describeError(error), new Date())
        return
      }
      this.#down = false
      story.linkBack(new Date())
      await onBack()
    })
    return this.#switching
  }

  async #wait([from, to]: readonly [number, number], signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts
    await sleep((from + random() * (to - from)) * 1000, clock, signal).catch(() => {})
  }
}

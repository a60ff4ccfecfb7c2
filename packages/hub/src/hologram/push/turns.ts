/**
 * When which device is tried: so many at once, each one in its turn, and those that fail after a rest.
 *
 * ```
 * idle ──message──▶ ready ──place free──▶ trying ──delivered, nothing left──▶ idle
 *                     ▲  ▲                │    │
 *                     │  └─ others wait ──┘    └──failed──▶ resting
 *                     └────── time is over, or the device is heard of ──┘
 * ```
 *
 * A device that was not reached last time, or was never heard of, is doubtful. An address that swallows packets keeps a
 * place for the whole time of an attempt, and a thousand of them would keep all places for ever: so doubtful devices
 * have half of the places at most, and those of them that have said nothing since their last attempt a quarter. Who was
 * heard of does not wait for a thousand that are gone.
 */
import { backoff } from '@halyard/core'
import type { BackoffOptions, Clock, Timer } from '@halyard/core'

/** Milliseconds from one connection to the next for a device that is heard of again and again. */
const HEARD_INTERVAL = 1000
/** Milliseconds after a failure for which it stands as the answer to whoever hands over another message. */
const FRESH = 10_000

/** What is owed to one device. One that is owed nothing has none. */
export class DeviceQueue {
  readonly cloudId: string
  /** The ids of the messages. */
  readonly owed: Set<string> = new Set()
  /** Why the last attempt failed. */
  reason: string | undefined
  isDoubtful: boolean
  state: 'idle' | 'ready' | 'trying' | 'resting' = 'idle'
  failures = 0
  /** When the last connection began; monotonic, ms. */
  connectedAt: number = -Infinity
  /** When the last attempt failed; monotonic, ms. */
  failedAt: number = -Infinity
  /** It was heard of since the last attempt began. */
  wasHeard = false
  /** It has one of the places of those that are doubtful and silent. */
  isSilent = false
  /** While it has a place. */
  attachment: Disposable | undefined
  /** While it rests. */
  timer: Timer | undefined

  constructor(cloudId: string, isDoubtful: boolean) {
    this.cloudId = cloudId
    this.isDoubtful = isDoubtful
  }
}

export interface TurnsOptions {
  readonly clock: Clock
  /** 0 ≤ x < 1; `Math.random` */
  readonly random?: () => number
  /** devices tried at once */
  readonly places: number
  /** Lets a device's messages go out, until what it gives is disposed. */
  readonly attach: (queue: DeviceQueue) => Disposable
}

export class Turns {
  readonly #options: TurnsOptions
  readonly #placesForDoubtful: number
  readonly #placesForSilent: number
  /** In the order of their turns. */
  readonly #ready = new Set<DeviceQueue>()
  readonly #heardReady = new Set<DeviceQueue>()
  readonly #silentReady = new Set<DeviceQueue>()
  #trying = 0
  #doubtfulTrying = 0
  #silentTrying = 0
  #closed = false

  constructor(options: TurnsOptions) {
    this.#options = options
    this.#placesForDoubtful = Math.max(1, Math.floor(options.places / 2))
    this.#placesForSilent = Math.max(1, Math.floor(options.places / 4))
  }

  /** Devices that have a place. */
  get trying(): number {
    return this.#trying
  }

  /**
   * Something is owed: its turn comes, unless it is on its way to one. Who hands over a message wants to know how things
   * are now, not how they were before a rest of minutes.
   */
  want(queue: DeviceQueue): void {
    const isStale = queue.state === 'resting' && this.#options.clock.monotonic() - queue.failedAt >= FRESH
    if (queue.state === 'idle' || isStale) this.#makeReady(queue)
  }

  /** An attempt begins: from now on it is news if the device is heard of. */
  began(queue: DeviceQueue): void {
    queue.wasHeard = false
  }

  /** It has come to a connection. */
  connecting(queue: DeviceQueue): void {
    queue.connectedAt = this.#options.clock.monotonic()
  }

  /** It goes on with its next message, unless others wait for its place. */
  delivered(queue: DeviceQueue): void {
    const { owed } = queue
    queue.failures = 0
    queue.reason = undefined
    this.#trust(queue)
    if (owed.size > 1 && this.#next(this.#trying - 1) !== undefined) {
      this.#leave(queue)
      this.#makeReady(queue)
    }
    this.#fill()
  }

  failed(queue: DeviceQueue, reason: string, rest: BackoffOptions): void {
    queue.reason = reason
    if (this.#closed || queue.state !== 'trying') return
    this.#leave(queue)
    queue.isDoubtful = true
    queue.state = 'resting'
    queue.failedAt = this.#options.clock.monotonic()
    // Heard of while it was tried, perhaps at another address: as if that were now. Never in this turn of the event loop,
    // in which the outbox has yet to take the message back.
    const { random } = this.#options
    const pause = backoff(queue.failures++, { ...rest, random })
    this.#restFor(queue, queue.wasHeard ? Math.min(pause, this.#untilHeardAgain(queue)) : pause)
    this.#fill()
  }

  /** It can be reached now if ever. Called for every message of every device that is owed something. */
  heard(queue: DeviceQueue): void {
    if (queue.wasHeard) return
    queue.wasHeard = true
    // It is not silent any more: it has its turn among those that are heard of.
    if (this.#silentReady.delete(queue)) return this.#makeReady(queue)
    if (queue.state !== 'resting') return
    const pause = this.#untilHeardAgain(queue)
    if (pause === 0) this.#makeReady(queue)
    else this.#restFor(queue, pause)
  }

  /** Nothing is owed any more. */
  end(queue: DeviceQueue): void {
    if (queue.state === 'trying') this.#leave(queue)
    queue.timer?.cancel()
    this.#unready(queue)
    queue.state = 'idle'
    this.#fill()
  }

  /** Nobody's turn comes any more. Who has a place keeps it. */
  close(queues: Iterable<DeviceQueue>): void {
    this.#closed = true
    for (const queue of queues) queue.timer?.cancel()
  }

  #restFor(queue: DeviceQueue, milliseconds: number): void {
    queue.timer?.cancel()
    queue.timer = this.#options.clock.setTimer(milliseconds, () => this.#makeReady(queue))
  }

  #untilHeardAgain({ connectedAt }: DeviceQueue): number {
    return Math.max(0, connectedAt + HEARD_INTERVAL - this.#options.clock.monotonic())
  }

  #makeReady(queue: DeviceQueue): void {
    queue.timer?.cancel()
    queue.timer = undefined
    queue.state = 'ready'
    const doubtful = queue.wasHeard ? this.#heardReady : this.#silentReady
    const ready = queue.isDoubtful ? doubtful : this.#ready
    ready.add(queue)
    this.#fill()
  }

  #unready(queue: DeviceQueue): void {
    this.#ready.delete(queue)
    this.#heardReady.delete(queue)
    this.#silentReady.delete(queue)
  }

  #fill(): void {
    for (let queue = this.#next(); queue !== undefined; queue = this.#next()) {
      queue.isSilent = this.#silentReady.has(queue)
      this.#unready(queue)
      this.#trying++
      if (queue.isDoubtful) this.#doubtfulTrying++
      if (queue.isSilent) this.#silentTrying++
      queue.state = 'trying'
      queue.attachment = this.#options.attach(queue)
    }
  }

  /** Silent ones first, up to their quarter, and all doubtful ones up to their half: no sort can keep another out. */
  #next(trying: number = this.#trying): DeviceQueue | undefined {
    if (this.#closed || trying >= this.#options.places) return undefined
    if (this.#doubtfulTrying < this.#placesForDoubtful) {
      const silent = this.#silentTrying < this.#placesForSilent ? first(this.#silentReady) : undefined
      const doubtful = silent ?? first(this.#heardReady)
      if (doubtful !== undefined) return doubtful
    }
    return first(this.#ready)
  }

  #trust(queue: DeviceQueue): void {
    if (queue.state === 'trying') this.#noLongerDoubtful(queue)
    queue.isDoubtful = false
  }

  #leave(queue: DeviceQueue): void {
    this.#trying--
    this.#noLongerDoubtful(queue)
    queue.attachment?.[Symbol.dispose]()
    queue.attachment = undefined
  }

  #noLongerDoubtful(queue: DeviceQueue): void {
    if (queue.isDoubtful) this.#doubtfulTrying--
    if (queue.isSilent) this.#silentTrying--
    queue.isSilent = false
  }
}

function first<T>(values: ReadonlySet<T>): T | undefined {
  for (const value of values) return value
  return undefined
}

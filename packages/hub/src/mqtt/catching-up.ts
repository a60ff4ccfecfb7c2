import { describeError } from '@halyard/core'
import type { Broker } from './broker.ts'
import type { Delivered, DeliveryTerms } from './link.ts'
import { Passing } from './passing.ts'
import type { Publication } from './publication.ts'
import type { HeldSubscription, Holder, Session } from './session.ts'
import type { Position } from '../domain/positions.ts'

/** A new subscription that gets stored messages first. */
export interface Past {
  readonly subscription: HeldSubscription
  /** Its session still has it. */
  readonly isCurrent: () => boolean
  /** Asked when its turn comes; oldest first. */
  readonly before: () => AsyncIterable<Publication>
  readonly send: (message: Publication) => void
  /** All have been sent, or nobody wants them any more: SUBACK may leave. Once. */
  readonly done: () => void
  /** The subscription becomes one like others. */
  readonly release: () => void
}

interface Running {
  readonly past: Past
  iterator: AsyncIterator<Publication> | undefined
}

/** What was published meanwhile. */
interface Live {
  readonly position: Position
  readonly size: number
  /** In the history; 0: it is not there. */
  readonly id: number
  readonly terms: DeliveryTerms
}

/**
 * Stored messages for the new subscriptions of one connection: one history after the other, pulled as fast as the client
 * reads. What is published for these subscriptions meanwhile is held, and follows.
 *
 * ```
 * SUBSCRIBE ──▶ before: 1 2 3 ──▶ SUBACK ──▶ held: 4 5 ──▶ subscribed like others
 *                         4 is held already, and left out here
 * ```
 */
export class CatchingUp implements Holder {
  readonly #broker: Broker
  readonly #session: Session
  readonly #hasRoom: () => boolean
  /** Whose history is not over, in their order. */
  readonly #pasts = new Map<HeldSubscription, Past>()
  /** Whose history is over, while something is held. */
  readonly #told = new Map<HeldSubscription, Past>()
  #running: Running | undefined
  /** The running one waits for room. */
  #wake: (() => void) | undefined
  #held: Live[] = []
  /** The first that has not gone out. */
  #next = 0
  #heldBytes = 0
  readonly #heldIds = new Set<number>()
  readonly #again = new Passing()

  constructor(broker: Broker, session: Session, hasRoom: () => boolean) {
    this.#broker = broker
    this.#session = session
    this.#hasRoom = hasRoom
  }

  /** Nobody waits for a history, and nothing is held. */
  get isOver(): boolean {
    return this.#pasts.size === 0 && this.#told.size === 0 && this.#held.length === 0
  }

  add(past: Past): void {
    this.#pasts.set(past.subscription, past)
    if (this.#running === undefined) this.#start()
  }

  hold(message: Passing, terms: DeliveryTerms): Delivered {
    const { size, id } = message
    if (!this.#makeRoom(size)) return this.#session.overflow === 'reject' ? 'rejected' : this.#lose()
    this.#held.push({ position: message.hold(this.#broker.store), size, id, terms })
    this.#heldBytes += size
    if (id !== 0) this.#heldIds.add(id)
    return 'queued'
  }

  leave(subscription: HeldSubscription): void {
    this.#told.delete(subscription)
    const past = this.#pasts.get(subscription)
    if (past === undefined) return
    this.#pasts.delete(subscription)
    const isRunning = this.#running?.past === past
    if (isRunning) this.#cancel()
    past.done()
    if (isRunning) this.#start()
  }

  /** There is room, or may be. */
  continue(): void {
    if (!this.#hasRoom()) return
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
    if (this.#pasts.size === 0) this.#drain()
  }

  /** The connection is gone. What a session that lasts is owed goes into its queue; the rest of a history does not. */
  end(): void {
    this.#cancel()
    const { lasts } = this.#session
    const subscribed = [...this.#told.values(), ...this.#pasts.values()]
    this.#told.clear()
    this.#pasts.clear()
    if (lasts) for (const { release } of subscribed) release()
    while (this.#next < this.#held.length) {
      // One that is full may end while it is filled: the policy `expire-session`.
      if (lasts && this.#broker.sessions.has(this.#session)) this.#sendHeld()
      else this.#broker.store.release(this.#shift().position)
    }
  }

  #start(): void {
    const [past] = this.#pasts.values()
    if (past === undefined) return this.#drain()
    const running: Running = { past, iterator: undefined }
    this.#running = running
    void this.#run(running)
  }

  /** Never rejects. */
  async #run(running: Running): Promise<void> {
    const { past } = running
    const isWanted = (): boolean => this.#running === running
    // Never in the middle of the packet that asked for it.
    await Promise.resolve()
    if (!isWanted()) return
    try {
      const iterator = (running.iterator = past.before()[Symbol.asyncIterator]())
      while (isWanted()) {
        if (!this.#hasRoom()) await new Promise<void>((resolve) => (this.#wake = resolve))
        if (!isWanted()) return
        const { done, value } = await iterator.next()
        if (!isWanted()) return
        if (done === true) break
        if (!this.#isHeld(value)) past.send(value)
      }
    } catch (error) {
      if (!isWanted()) return
      this.#log('a history has failed, what was read of it has been sent', error)
    }
    this.#running = undefined
    this.#pasts.delete(past.subscription)
    this.#told.set(past.subscription, past)
    this.#broker.guard('the answer behind a history', past.done)
    this.#start()
  }

  #isHeld({ id = 0 }: Publication): boolean {
    return id !== 0 && this.#heldIds.has(id)
  }

  #cancel(): void {
    const iterator = this.#running?.iterator
    this.#running = undefined
    this.#wake = undefined
    // It may be in the middle of a read that never ends: nobody waits for its goodbye.
    const failed = (error: unknown): void => this.#log('a history could not be closed', error)
    try {
      iterator?.return?.().catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  /** All histories are over: what was held goes out, then there is nothing to hold. */
  #drain(): void {
    while (this.#next < this.#held.length) {
      if (!this.#hasRoom()) return
      this.#sendHeld()
    }
    this.#held = []
    this.#next = 0
    const subscribed = [...this.#told.values()]
    this.#told.clear()
    for (const { release } of subscribed) release()
  }

  #sendHeld(): void {
    const { delivery, store } = this.#broker
    const { position, terms } = this.#shift()
    const publication = store.get(position)
    // [MQTT-3.3.2-5]
    if (publication !== undefined && publication.expiresAt > this.#broker.now()) {
      this.#again.beginAgain(publication, position)
      delivery.send(this.#session, this.#again, terms, false)
      this.#again.end()
    }
    store.release(position)
  }

  #shift(): Live {
    const live = this.#held[this.#next++] as Live
    this.#heldBytes -= live.size
    this.#heldIds.delete(live.id)
    if (this.#next >= 1024 && this.#next * 2 > this.#held.length) {
      this.#held = this.#held.slice(this.#next)
      this.#next = 0
    }
    return live
  }

  /** As much as may wait for the session. False: there is none. */
  #makeRoom(size: number): boolean {
    const { limits, delivery, store } = this.#broker
    const { queue, queuedBytes, overflow } = this.#session
    const isFull = (): boolean =>
      this.#held.length - this.#next + queue.length >= limits.queuedMessages ||
      this.#heldBytes + queuedBytes + size > limits.queuedBytes
    while (isFull() && this.#next < this.#held.length) {
      if (overflow !== 'drop-oldest') return false
      store.release(this.#shift().position)
      this.#lose()
    }
    return !isFull() && !delivery.isStoreFull(size)
  }

  #lose(): 'dropped' {
    this.#session.dropped++
    this.#broker.counters.dropped++
    return 'dropped'
  }

  #log(what: string, error: unknown): void {
    const { clientId } = this.#session
    this.#broker.logger.error({ clientId, err: error }, `mqtt: ${what}: ${describeError(error)}`)
  }
}

import { AbortError, throwIfAborted } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import type { Hub, MessageStream, MessagesFilter } from './api.ts'
import type { MessageBus } from './domain/message-bus.ts'
import type { SendToDevice } from './hologram/send-to-device.ts'
import type { HubAccounts, HubReady } from './ready.ts'

/** What is in flight has this long (ms) to finish when the hub closes. */
const DRAIN_TIME = 10_000

/** Something that serves connections. */
export interface Door {
  /** Nothing new; what nobody waits for ends. */
  drain(): void
  /** Resolves when the last connection has ended. */
  drained(): Promise<void>
  /** Ends what is still open. */
  destroy(): void | Promise<void>
}

export interface RunningHubParts {
  readonly ready: HubReady
  readonly accounts: HubAccounts
  readonly bus: MessageBus
  readonly sendToDevice: SendToDevice
  readonly doors: readonly Door[]
  readonly clock: Clock
  readonly logger: Logger
  /** Everything behind the doors. */
  readonly closeStore: () => Promise<void>
}

/** A hub from its ready line to its end. */
export class RunningHub implements Hub {
  readonly #parts: RunningHubParts
  #closed: Promise<void> | undefined

  constructor(parts: RunningHubParts) {
    this.#parts = parts
  }

  get ready(): HubReady {
    return this.#parts.ready
  }

  get ports(): HubReady['ports'] {
    return this.#parts.ready.ports
  }

  get accounts(): HubAccounts {
    return this.#parts.accounts
  }

  get hologram(): Hub['hologram'] {
    return { sendToDevice: this.#parts.sendToDevice }
  }

  messages(filter: MessagesFilter = {}): MessageStream {
    const { bus, logger } = this.#parts
    const { service, channel, signal } = filter
    throwIfAborted(signal)
    const onAbort = (): void => subscription.end(new AbortError(signal?.reason))
    const subscription = bus.subscribe(
      { service, channel },
      {
        onFirstDrop: () =>
          logger.warn({ service, channel }, 'a reader of messages() is too slow: its oldest messages are dropped'),
        onEnd: () => signal?.removeEventListener('abort', onAbort),
      },
    )
    signal?.addEventListener('abort', onAbort, { once: true })
    if (this.#closed) subscription.end()
    return subscription
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const { doors, bus, logger, closeStore } = this.#parts
    logger.info({}, 'the hub is closing: what is in flight finishes first')
    for (const door of doors) door.drain()
    if (!(await this.#drained())) logger.warn({}, 'connections were still open after 10 s; they were cut')
    for (const door of doors) await door.destroy()
    await closeStore()
    bus.close()
    logger.info({}, 'the hub is closed')
  }

  /** False: the time was up first. */
  async #drained(): Promise<boolean> {
    const { doors, clock } = this.#parts
    let cancel = (): void => {}
    const timeUp = new Promise<boolean>((resolve) => {
      // Nothing else may keep the process alive now: this must.
      const keepAlive = setInterval(() => {}, DRAIN_TIME)
      const timer = clock.setTimer(DRAIN_TIME, () => resolve(false))
      cancel = () => {
        timer.cancel()
        clearInterval(keepAlive)
      }
    })
    const drained = Promise.all(doors.map((door) => door.drained())).then(() => true)
    return Promise.race([drained, timeUp]).finally(() => cancel())
  }
}

import type { Logger } from './logger.ts'

export type Callback<Args extends readonly unknown[]> = (...args: Args) => void

/**
 * A typed event bus: callbacks run in the order of their subscription, the same callback twice is one, one that throws
 * or rejects is logged and disturbs nobody, and an `error` without a listener does not throw.
 *
 * @example
 * ```ts
 * import { EventBus } from '@halyard/core'
 * const bus = new EventBus<{ greeting: [name: string] }>()
 * bus.on('greeting', (name) => console.log(`hello ${name}`)) // hello halyard
 * bus.emit('greeting', 'halyard')
 * ```
 */
export class EventBus<Events extends { [E in keyof Events]: readonly unknown[] }> {
  readonly #listeners = new Map<keyof Events, readonly Callback<never>[]>()
  readonly #logger: Logger | undefined

  constructor(logger?: Logger) {
    this.#logger = logger
  }

  on<E extends keyof Events>(event: E, callback: Callback<Events[E]>): void {
    const listeners = this.#listeners.get(event) ?? []
    if (!listeners.includes(callback)) this.#listeners.set(event, [...listeners, callback])
  }

  off<E extends keyof Events>(event: E, callback: Callback<Events[E]>): void {
    const listeners = this.#listeners.get(event) ?? []
    this.#listeners.set(
      event,
      listeners.filter((listener) => listener !== callback),
    )
  }

  /** Whether anyone listens: lets a hot path skip what nobody would see. */
  has(event: keyof Events): boolean {
    return (this.#listeners.get(event)?.length ?? 0) > 0
  }

  emit<E extends keyof Events>(event: E, ...args: Events[E]): void {
    // The list is replaced, never changed: whoever unsubscribes inside a callback makes nobody be skipped.
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        const answer: unknown = (listener as (...args: Events[E]) => unknown)(...args)
        // An async one: what it rejects with would end the process.
        if (answer instanceof Promise) answer.catch((error: unknown) => this.#failed(event, error))
      } catch (error) {
        this.#failed(event, error)
      }
    }
  }

  #failed(event: keyof Events, error: unknown): void {
    this.#logger?.error({ err: error, event }, `a listener of '${String(event)}' threw`)
  }
}

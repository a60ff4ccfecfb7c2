/** Those who wait for an answer of ours: they keep the process alive, nothing else of the outbox does. */
import { AbortError, throwIfAborted } from '../errors.ts'
import { withWaiter, withoutWaiter } from './waiters.ts'
import type { Waiter, Waiters } from './waiters.ts'

/** Those who wait for the same, by the names of what they wait for. */
export type WaitingLists<T, List extends string> = { [L in List]: Waiters<T> }

export class KeepAlive {
  #count = 0
  #resolve: (value: unknown) => void = () => {}
  #reject: (error: Error) => void = () => {}
  #timer: { ref?: () => void; unref?: () => void } | undefined

  stop(): void {
    clearInterval(this.#timer as unknown as number)
    this.#timer = undefined
  }

  /** Somebody begins to wait; `leave` follows for certain. */
  enter(): void {
    if (this.#count++ > 0) return
    // Days; in a browser it does nothing at all.
    this.#timer ??= setInterval(() => {}, 2 ** 30) as unknown as { ref?: () => void; unref?: () => void }
    this.#timer.ref?.()
  }

  leave(): void {
    if (--this.#count === 0) this.#timer?.unref?.()
  }

  /** A promise of what `tell` makes of the answer: joins the waiters, keeps the process alive, and ends early if its signal fires. */
  join<T, Told, List extends string>(
    lists: WaitingLists<T, List>,
    list: List,
    signal: AbortSignal | undefined,
    tell: (value: T) => Told,
  ): Promise<Told> {
    try {
      throwIfAborted(signal)
    } catch (error) {
      return Promise.reject(error)
    }
    const promise = new Promise<Told>(this.#takeSides as Executor<Told>)
    const waiter = new Joined<T, Told>(this, tell, this.#resolve, this.#reject)
    this.enter()
    lists[list] = withWaiter(lists[list], waiter)
    if (signal !== undefined) waiter.watch(signal, () => (lists[list] = withoutWaiter(lists[list], waiter)))
    return promise
  }

  /** The two ends of the promise that is being made: a function for each promise would cost as much as the promise. */
  readonly #takeSides: Executor<unknown> = (resolve, reject) => {
    this.#resolve = resolve
    this.#reject = reject
  }
}

type Executor<T> = (resolve: (value: T) => void, reject: (error: Error) => void) => void

/** One of them. There is one for each send: no functions of its own until a signal asks for them. */
class Joined<T, Told> implements Waiter<T> {
  readonly #keepAlive: KeepAlive
  /** What he is told of it. */
  readonly #tell: (value: T) => Told
  readonly #resolve: (told: Told) => void
  readonly #reject: (error: Error) => void
  #unwatch: (() => void) | undefined

  constructor(
    keepAlive: KeepAlive,
    tell: (value: T) => Told,
    resolve: (told: Told) => void,
    reject: (error: Error) => void,
  ) {
    this.#keepAlive = keepAlive
    this.#tell = tell
    this.#resolve = resolve
    this.#reject = reject
  }

  resolve(value: T): void {
    this.#leave()
    try {
      this.#resolve(this.#tell(value))
    } catch (error) {
      this.#reject(error as Error)
    }
  }

  reject(error: Error): void {
    this.#leave()
    this.#reject(error)
  }

  watch(signal: AbortSignal, leave: () => void): void {
    const onAbort = (): void => {
      leave()
      this.reject(new AbortError(signal.reason))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    this.#unwatch = () => signal.removeEventListener('abort', onAbort)
  }

  #leave(): void {
    this.#unwatch?.()
    this.#keepAlive.leave()
  }
}

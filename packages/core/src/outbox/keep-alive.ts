/** Those who wait for an answer of ours: they keep the process alive, nothing else of the outbox does. */
import { AbortError, throwIfAborted } from '../errors.ts'
import type { Waiter } from './item.ts'

/** Lists of those who wait for the same, by their names; made with the first of them. */
export type WaitingLists<T, List extends string> = { [L in List]: Waiter<T>[] | undefined }

export class KeepAlive {
  #count = 0
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

  /** A promise that joins the waiters, keeps the process alive, and ends early if its signal fires. */
  join<T, List extends string>(lists: WaitingLists<T, List>, list: List, signal: AbortSignal | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      throwIfAborted(signal)
      this.enter()
      const waiter = new Joined(this, resolve, reject)
      const waiters = lists[list]
      // Mostly it is the only one: a first push would make room for seventeen.
      if (waiters === undefined) lists[list] = [waiter]
      else waiters.push(waiter)
      if (signal !== undefined) waiter.watch(signal, () => lists[list])
    })
  }
}

/** One of them. There is one for each send: no functions of its own until a signal asks for them. */
class Joined<T> implements Waiter<T> {
  readonly #keepAlive: KeepAlive
  readonly #resolve: (value: T) => void
  readonly #reject: (error: Error) => void
  #unwatch: (() => void) | undefined

  constructor(keepAlive: KeepAlive, resolve: (value: T) => void, reject: (error: Error) => void) {
    this.#keepAlive = keepAlive
    this.#resolve = resolve
    this.#reject = reject
  }

  resolve(value: T): void {
    this.#leave()
    this.#resolve(value)
  }

  reject(error: Error): void {
    this.#leave()
    this.#reject(error)
  }

  watch(signal: AbortSignal, list: () => Waiter<T>[] | undefined): void {
    const onAbort = (): void => {
      const waiters = list() ?? []
      waiters.splice(waiters.indexOf(this), 1)
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

/** Those who wait for an answer of ours: they keep the process alive, nothing else of the outbox does. */
import { AbortError, throwIfAborted } from '../errors.ts'
import type { Waiter } from './item.ts'

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
  join<T>(waiters: Waiter<T>[], signal: AbortSignal | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      throwIfAborted(signal)
      this.enter()
      const leave = (): void => {
        signal?.removeEventListener('abort', onAbort)
        this.leave()
      }
      const waiter: Waiter<T> = {
        resolve(value) {
          leave()
          resolve(value)
        },
        reject(error) {
          leave()
          reject(error)
        },
      }
      const onAbort = (): void => {
        waiters.splice(waiters.indexOf(waiter), 1)
        waiter.reject(new AbortError(signal?.reason))
      }
      waiters.push(waiter)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }
}

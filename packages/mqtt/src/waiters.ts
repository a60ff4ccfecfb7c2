import { AbortError, holdProcess, throwIfAborted } from '@halyard/core'

/** Those who wait for one thing: each keeps the process alive, and leaves early when its signal fires. */
export class Waiters<T> {
  readonly #waiting = new Set<{ resolve(value: T): void; reject(error: Error): void }>()

  join(signal: AbortSignal | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      throwIfAborted(signal)
      const release = holdProcess()
      const onAbort = (): void => waiter.reject(new AbortError(signal?.reason))
      const leave = (): void => {
        release()
        this.#waiting.delete(waiter)
        signal?.removeEventListener('abort', onAbort)
      }
      const waiter = {
        resolve(value: T): void {
          leave()
          resolve(value)
        },
        reject(error: Error): void {
          leave()
          reject(error)
        },
      }
      this.#waiting.add(waiter)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  resolve(value: T): void {
    for (const waiter of [...this.#waiting]) waiter.resolve(value)
  }

  reject(error: Error): void {
    for (const waiter of [...this.#waiting]) waiter.reject(error)
  }
}

/** The same for one promise: the signal ends the waiting, not what is waited for. */
export function withSignal<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const waiters = new Waiters<T>()
  const joined = waiters.join(signal)
  promise.then(
    (value) => waiters.resolve(value),
    (error: Error) => waiters.reject(error),
  )
  return joined
}

import { AbortError, throwIfAborted } from './errors.ts'
import type { Clock } from './clock.ts'

/** Exponential backoff with full jitter: a random wait between 0 and `min(cap, base * 2^attempt)`. */
export interface BackoffOptions {
  /** seconds; 1 */
  readonly base?: number
  /** seconds; 60 */
  readonly cap?: number
  /** 0 ≤ x < 1; `Math.random` */
  readonly random?: () => number
}

/**
 * Milliseconds to wait before try number `attempt + 2`; `attempt` counts the failures so far, from 0.
 * Full jitter spreads a fleet that lost its hub in the same moment over the whole interval.
 *
 * @example
 * ```ts
 * import { backoff } from '@halyard/core'
 * console.log(backoff(3, { random: () => 0.5 })) // 4000
 * ```
 */
export function backoff(attempt: number, options: BackoffOptions = {}): number {
  const { base = 1, cap = 60, random = Math.random } = options
  return random() * Math.min(cap, base * 2 ** attempt) * 1000
}

export interface RetryOptions extends BackoffOptions {
  readonly clock: Clock
  /** How many failures end it; none: it is tried until it works or is aborted. */
  readonly attempts?: number
  /** False ends it with the error at once. */
  readonly retryable?: (error: unknown) => boolean
  readonly signal?: AbortSignal
}

/**
 * Runs `task` until it works. Rejects with the last error when it may not be tried again, with `ERR_ABORTED` when the
 * signal fires, also in the middle of a wait.
 */
export async function retry<T>(task: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, attempts = Infinity, retryable = () => true, signal } = options
  for (let attempt = 0; ; attempt++) {
    throwIfAborted(signal)
    try {
      return await task(attempt)
    } catch (error) {
      throwIfAborted(signal)
      if (attempt + 1 >= attempts || !retryable(error)) throw error
    }
    await sleep(backoff(attempt, options), clock, signal)
  }
}

/** Resolves after so many milliseconds of `clock`, or rejects with `ERR_ABORTED`. */
export function sleep(milliseconds: number, clock: Clock, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new AbortError(signal.reason))
    const onAbort = (): void => {
      timer.cancel()
      reject(new AbortError(signal?.reason))
    }
    const timer = clock.setTimer(milliseconds, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

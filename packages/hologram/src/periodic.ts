import { describeError, HalyardError, holdProcess, secondsToMilliseconds, sleep, UsageError } from '@halyard/core'
import type { Clock } from '@halyard/core'
import type { SendResult } from './types.ts'

/** @throws {UsageError} `ERR_USAGE_SECONDS`, `ERR_HOLOGRAM_INTERVAL` */
export function readInterval(seconds: unknown): number {
  const milliseconds = secondsToMilliseconds('interval', seconds as number)
  if (milliseconds >= 1000) return milliseconds
  throw new UsageError('ERR_HOLOGRAM_INTERVAL', `the interval is at least 1 second, not ${String(seconds)}`)
}

/** The one periodic message of a cloud. */
export class Periodic {
  readonly #clock: Clock
  readonly #onError: (error: HalyardError) => void
  #job: PeriodicJob | undefined

  constructor(clock: Clock, onError: (error: HalyardError) => void) {
    this.#clock = clock
    this.#onError = onError
  }

  /** @throws {UsageError} `ERR_HOLOGRAM_PERIODIC` while another one runs. */
  start(interval: number, send: () => Promise<SendResult>, signal: AbortSignal | undefined): void {
    if (this.#job) {
      const what = 'this cloud sends a periodic message already; call stopPeriodicMessage() first'
      throw new UsageError('ERR_HOLOGRAM_PERIODIC', what)
    }
    const job = new PeriodicJob({ interval, send, signal, clock: this.#clock, onError: this.#onError })
    this.#job = job
    void job.done.then(() => {
      if (this.#job === job) this.#job = undefined
    })
  }

  /** Resolves when nothing of it is on the wire any more. */
  async stop(): Promise<void> {
    this.#job?.stop()
    await this.#job?.done
  }
}

interface JobOptions {
  /** milliseconds */
  readonly interval: number
  readonly send: () => Promise<SendResult>
  readonly signal: AbortSignal | undefined
  readonly clock: Clock
  readonly onError: (error: HalyardError) => void
}

/**
 * Sends at once, and then every so often after the previous one was done. Whatever is neither taken nor queued ends it;
 * `onError` learns why. Keeps the process alive while it runs.
 */
class PeriodicJob {
  readonly #controller = new AbortController()
  /** Resolves when nothing is being sent any more; never rejects. */
  readonly done: Promise<void>

  constructor(options: JobOptions) {
    const { signal, onError } = options
    const release = holdProcess()
    const onAbort = (): void => this.stop()
    signal?.addEventListener('abort', onAbort, { once: true })
    this.done = this.#run(options)
      .catch((error: unknown) => {
        if (!this.#controller.signal.aborted) onError(ended(error))
      })
      .finally(() => {
        signal?.removeEventListener('abort', onAbort)
        release()
      })
  }

  /** Nothing more is sent; what is on the wire goes on. */
  stop(): void {
    this.#controller.abort()
  }

  async #run({ interval, send, clock }: JobOptions): Promise<void> {
    const { signal } = this.#controller
    while (!signal.aborted) {
      const result = await send()
      if (!result.ok && !result.buffered) throw new Error(`${result.name}: ${result.description}`)
      await sleep(interval, clock, signal)
    }
  }
}

function ended(error: unknown): HalyardError {
  const why = `the periodic message is not sent any more: ${describeError(error)}`
  return new HalyardError('ERR_HOLOGRAM_PERIODIC_ENDED', why, { cause: error })
}

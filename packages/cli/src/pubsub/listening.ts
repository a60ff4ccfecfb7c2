/** What `sub` does alike on every broker: it says that it listens, counts what comes, and knows when it is enough. */
import type { Terminal } from '../terminal.ts'
import { secondsOption } from '../seconds-option.ts'
import { paint } from '../text/paint.ts'
import { wholeNumber } from '../whole-number.ts'

/** As mosquitto_sub has it: the time was over before all had come. */
const TIME_OVER = 27

export interface LimitFlags {
  readonly count?: string
  readonly wait?: string
}

export interface Limits {
  /** messages; `undefined`: without end */
  readonly count: number | undefined
  /** milliseconds */
  readonly wait: number | undefined
}

/** @throws {UsageError} `ERR_USAGE`, `ERR_USAGE_SECONDS` */
export function limitsOf({ count, wait }: LimitFlags): Limits {
  return {
    count: wholeNumber('--count', count),
    wait: wait === undefined ? undefined : secondsOption('--wait', wait),
  }
}

/** From now on until it is disposed. */
export class Listening implements Disposable {
  /** Aborts when the time is over, or with `interrupted`. */
  readonly signal: AbortSignal
  readonly #terminal: Terminal
  readonly #count: number | undefined
  readonly #over = new AbortController()
  readonly #timer: ReturnType<typeof setTimeout> | undefined
  #came = 0

  constructor({ count, wait }: Limits, terminal: Terminal, interrupted: AbortSignal) {
    this.signal = AbortSignal.any([interrupted, this.#over.signal])
    this.#terminal = terminal
    this.#count = count
    if (wait !== undefined) this.#timer = setTimeout(() => this.#over.abort(), wait)
  }

  /** Before a person wonders whether anything happens. */
  sayWhere(where: string): void {
    if (this.#terminal.status.isTerminal) this.say(`listening to ${where}; Ctrl-C ends it`)
  }

  say(text: string): void {
    this.#terminal.error(`${paint(this.#terminal.colour.error).yellow('halyard:')} ${text}`)
  }

  /** A message did; true with the last one that is wanted. */
  came(): boolean {
    this.#came++
    return this.#count !== undefined && this.#came >= this.#count
  }

  get exitCode(): number {
    const isShort = this.#count !== undefined && this.#came < this.#count
    return isShort && this.#over.signal.aborted ? TIME_OVER : 0
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }
}

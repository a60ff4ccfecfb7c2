import { setMaxListeners } from 'node:events'
import { EXIT_CODES } from './terminal.ts'
import type { InterruptSignal, Terminal } from './terminal.ts'

/** Ctrl-C, SIGTERM or SIGHUP from now on until it is disposed. A second Ctrl-C ends the process at once. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController()
  readonly #registration: Disposable
  #by: InterruptSignal | undefined

  constructor(terminal: Terminal) {
    // Each message on its way listens.
    setMaxListeners(0, this.signal)
    this.#registration = terminal.onInterrupt((by) => {
      this.#by = by
      this.#controller.abort()
    })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** With which the command ends then; `undefined` while nobody has interrupted it. */
  get exitCode(): number | undefined {
    return this.#by && EXIT_CODES[this.#by]
  }

  [Symbol.dispose](): void {
    this.#registration[Symbol.dispose]()
  }
}

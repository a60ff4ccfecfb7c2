import { paint } from './text/paint.ts'
import { fit } from './text/width.ts'
import type { Screen, Terminal } from './terminal.ts'

/** Milliseconds before it appears: what is over by then needs no picture of it. */
const AFTER = 1000
/** … and between two drawings. */
const EVERY = 200
/** To the start of the line, and clear what stands there. */
const CLEAR = '\r\u001B[K'

/** Where a command writes lines. */
export interface Output extends Pick<Terminal, 'print' | 'error' | 'colour'> {
  readonly screen: Pick<Screen, 'isTerminal'>
}

/**
 * What a command that takes longer is doing: one line at the end of standard error, drawn again and again. Only on a
 * terminal. Lines that are printed through it push it down, so that the two never mix.
 */
export class StatusLine implements Output, Disposable {
  readonly #terminal: Terminal
  readonly #describe: () => string
  readonly #timer: ReturnType<typeof setInterval> | undefined
  readonly #began = performance.now()
  #shown = ''

  constructor(terminal: Terminal, describe: () => string) {
    this.#terminal = terminal
    this.#describe = describe
    if (!terminal.status.isTerminal) return
    this.#timer = setInterval(() => this.#draw(), EVERY)
    this.#timer.unref()
  }

  get colour(): Terminal['colour'] {
    return this.#terminal.colour
  }

  get screen(): Output['screen'] {
    return this.#terminal.screen
  }

  print(line: string): void {
    this.#clear()
    this.#terminal.print(line)
  }

  error(line: string): void {
    this.#clear()
    this.#terminal.error(line)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#clear()
  }

  #draw(): void {
    if (performance.now() - this.#began < AFTER) return
    const { status, colour } = this.#terminal
    // A line that is full would wrap, and could not be cleared as one.
    const text = fit(this.#describe(), status.columns - 1)
    if (text === this.#shown) return
    this.#shown = text
    status.write(`${CLEAR}${paint(colour.error).dim(text)}`)
  }

  #clear(): void {
    if (this.#shown === '') return
    this.#shown = ''
    this.#terminal.status.write(CLEAR)
  }
}

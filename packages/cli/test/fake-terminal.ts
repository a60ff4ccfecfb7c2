import type { InterruptSignal, Terminal } from '../src/terminal.ts'

/** A terminal that keeps what it is told. */
export class FakeTerminal implements Terminal {
  readonly printed: string[] = []
  readonly errors: string[] = []
  readonly written: string[] = []
  /** What was drawn on standard error. */
  readonly drawn: string[] = []
  readonly environment: Record<string, string | undefined> = {}
  readonly colour = { output: false, error: false }
  exitCode: number | undefined
  size = { columns: 80, rows: 24 }
  isTerminal = false
  inputBytes: string | Uint8Array | AsyncIterable<Uint8Array> | undefined
  status = { isTerminal: false, columns: 80, write: (text: string): void => void this.drawn.push(text) }
  #onKey: ((key: string) => void) | undefined
  #onWrite: () => void = () => {}
  #onInterrupt: ((signal: InterruptSignal) => void) | undefined

  print(line: string): void {
    this.printed.push(line)
  }

  error(line: string): void {
    this.errors.push(line)
  }

  get screen(): Terminal['screen'] {
    return {
      isTerminal: this.isTerminal,
      ...this.size,
      write: (text) => {
        this.written.push(typeof text === 'string' ? text : Buffer.from(text).toString('latin1'))
        this.#onWrite()
      },
      onResize: () => ({ [Symbol.dispose]() {} }),
    }
  }

  get input(): Terminal['input'] {
    const { inputBytes } = this
    return {
      isTerminal: inputBytes === undefined,
      async *bytes({ signal } = {}) {
        if (inputBytes === undefined || typeof inputBytes === 'string' || inputBytes instanceof Uint8Array) {
          yield Buffer.from(inputBytes ?? '')
        } else yield* until(inputBytes, signal)
      },
      onKey: (callback) => {
        this.#onKey = callback
        return { [Symbol.dispose]: () => (this.#onKey = undefined) }
      },
    }
  }

  press(key: string): void {
    this.#onKey?.(key)
  }

  /** Waits until the screen was told such a thing since the last call. */
  async shows(text: string): Promise<void> {
    while (!this.written.join('').includes(text)) await new Promise<void>((resolve) => (this.#onWrite = resolve))
    this.written.length = 0
  }

  onInterrupt(callback: (signal: InterruptSignal) => void): Disposable {
    this.#onInterrupt = callback
    return { [Symbol.dispose]: () => (this.#onInterrupt = undefined) }
  }

  interrupt(signal: InterruptSignal = 'SIGINT'): void {
    this.#onInterrupt?.(signal)
  }

  onExit(): Disposable {
    return { [Symbol.dispose]() {} }
  }

  exit(code: number): void {
    this.exitCode = code
  }
}

/** A stream that ends with the signal, as a process that stops reading its standard input does. */
async function* until(source: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]()
  const stopped = new Promise<{ done: true; value: undefined }>((resolve) => {
    const stop = (): void => resolve({ done: true, value: undefined })
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
  for (;;) {
    const { done, value } = await Promise.race([iterator.next(), stopped])
    if (done === true) return
    yield value
  }
}

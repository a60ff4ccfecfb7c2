/** Where a command reads and writes; the tests have one of their own. */
export interface Terminal {
  /** Writes a line to standard output. */
  print(line: string): void
  /** Writes a line to standard error. */
  error(line: string): void
  /** Standard output as it is, for whoever draws. */
  readonly screen: Screen
  readonly input: Input
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Whether colours may be used: a terminal, no NO_COLOR, not a dumb one. */
  readonly colour: { readonly output: boolean; readonly error: boolean }
  /**
   * Calls back at the first SIGINT, SIGTERM or SIGHUP. Until disposed, a second Ctrl-C ends the process at once with
   * exit code 130.
   */
  onInterrupt(callback: (signal: InterruptSignal) => void): Disposable
  /** Calls back when the process ends, however it does, except by kill -9. */
  onExit(callback: () => void): Disposable
  /** Ends the process at once. */
  exit(code: number): void
}

export type InterruptSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

/** 128 and the number of the signal, as shells have it. */
export const EXIT_CODES: Readonly<Record<InterruptSignal, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }

export interface Screen {
  readonly isTerminal: boolean
  readonly columns: number
  readonly rows: number
  write(text: string): void
  onResize(callback: () => void): Disposable
}

export interface Input {
  readonly isTerminal: boolean
  bytes(): AsyncIterable<Uint8Array>
  /** Hands over each key as it is pressed, without echo; only on a terminal. */
  onKey(callback: (key: string) => void): Disposable
}

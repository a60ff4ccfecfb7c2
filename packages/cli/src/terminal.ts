/** Where a command reads and writes; the tests have one of their own. */
export interface Terminal {
  /** Writes a line to standard output. */
  print(line: string): void
  /** Writes a line to standard error. */
  error(line: string): void
  /** Standard output as it is, for whoever draws. */
  readonly screen: Screen
  /** Standard error as it is, for a line that is drawn again and again. */
  readonly status: Status
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
  /** Bytes go out as they are. */
  write(text: string | Uint8Array): void
  onResize(callback: () => void): Disposable
}

export interface Status {
  /** A terminal that can go back to the start of a line. */
  readonly isTerminal: boolean
  readonly columns: number
  write(text: string): void
}

export interface Input {
  readonly isTerminal: boolean
  /** What comes in until its end, or until the signal ends the reading. */
  bytes(options?: { readonly signal?: AbortSignal }): AsyncIterable<Uint8Array>
  /** Hands over each key as it is pressed, without echo; only on a terminal. */
  onKey(callback: (key: string) => void): Disposable
}

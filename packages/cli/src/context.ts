import type { Terminal } from './terminal.ts'

/** What a command stands on. */
export interface Context {
  readonly terminal: Terminal
  /** The parts of the house that are loaded when a command needs them. */
  readonly load: {
    hologram(): Promise<typeof import('@halyard/hologram')>
    hub(): Promise<typeof import('@halyard/hub')>
    testkit(): Promise<typeof import('@halyard/testkit')>
  }
  /** The exit code with which the process is to end. */
  finish(code: number): void
}

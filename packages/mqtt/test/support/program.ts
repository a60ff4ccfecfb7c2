/** A process that can be killed, of code that imports what is built. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

/** For an `import` in the code of a {@link Program}. */
export const dist = (name: string): string =>
  pathToFileURL(join(import.meta.dirname, `../../../${name}/dist/index.js`)).href

export class Program {
  readonly child: ChildProcess
  readonly #waiting = new Map<string, () => void>()
  /** All that it wrote has been read. */
  readonly #gone: Promise<unknown>

  constructor(code: string, args: readonly string[], onLine: (line: string) => void = () => {}) {
    this.child = spawn(process.execPath, ['--input-type=module', '--eval', code, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.child.stdin!.on('error', () => {})
    const lines = createInterface({ input: this.child.stdout! }).on('line', (line) => {
      const told = this.#waiting.get(line)
      if (told) told()
      else onLine(line)
    })
    this.#gone = Promise.all([once(this.child, 'close'), once(lines, 'close')])
  }

  says(line: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(line, resolve))
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.#gone
  }
}

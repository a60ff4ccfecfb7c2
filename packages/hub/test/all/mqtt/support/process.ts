import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { until } from '../../../support.ts'

/** A program that talks: what it has said, and its end. It does not outlive the test. */
export class Talking {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #closed: Promise<unknown>
  text = ''

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(process.execPath, args, { env: { PATH: process.env['PATH'], ...env } })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.text += text))
    }
    this.#child.stdin.end()
    this.#closed = once(this.#child, 'close')
    onTestFinished(() => void this.#child.kill('SIGKILL'))
  }

  /** The first group of the pattern, once it has been said; fails with all that was, if the program ends before. */
  async says(pattern: RegExp): Promise<string> {
    await until(`it says ${pattern.source}`, () => pattern.test(this.text) || this.#child.exitCode !== null)
    const found = pattern.exec(this.text)
    if (!found) throw new Error(`it has ended: ${this.text}`)
    return found[1] ?? ''
  }

  /** Its exit code. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal)
    await this.#closed
    return this.#child.exitCode
  }
}

import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams, SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export const MAIN: string = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly errors: string
}

/** Permission bits mean nothing to root: without capabilities (setpriv of util-linux) root is a user like any other. */
const ORDINARY =
  process.getuid?.() === 0
    ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all', process.execPath]
    : [process.execPath]

/** The built command as a process of its own. */
export class Command {
  readonly child: ChildProcessWithoutNullStreams
  readonly finished: Promise<Finished>
  out = ''
  errors = ''

  constructor(
    words: readonly string[],
    options: SpawnOptions & {
      /** standard input; null leaves it open */
      readonly input?: string | null
      readonly file?: string
      readonly isOrdinary?: boolean
    } = {},
  ) {
    const { input, file = MAIN, isOrdinary = false, ...rest } = options
    const [program = '', ...before] = isOrdinary ? ORDINARY : [process.execPath]
    const env = { PATH: process.env['PATH'], ...rest.env }
    this.child = spawn(program, [...before, file, ...words], {
      ...rest,
      env,
      stdio: 'pipe',
    })
    this.child.stdout.on('data', (bytes: Buffer) => (this.out += bytes.toString()))
    this.child.stderr.on('data', (bytes: Buffer) => (this.errors += bytes.toString()))
    this.child.stdin.on('error', () => {})
    if (input !== null) this.child.stdin.end(input ?? '')
    this.finished = once(this.child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      out: this.out,
      errors: this.errors,
    }))
  }

  /** Waits until standard output holds it. Rejects with what was said if the process ends first. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.out)
      if (match) return match
      const more = once(this.child.stdout, 'data').then(() => undefined)
      const end = await Promise.race([more, this.finished])
      if (end !== undefined && !pattern.test(this.out)) {
        throw new Error(`ended (${end.code}) before it said ${pattern}: ${end.out}${end.errors}`)
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL')
    await this.finished
  }
}

/** Runs it to its end. */
export function run(
  words: readonly string[],
  options: ConstructorParameters<typeof Command>[1] = {},
): Promise<Finished> {
  return new Command(words, options).finished
}

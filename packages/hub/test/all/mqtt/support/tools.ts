import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { until } from '../../../support.ts'
import type { Certificates } from './certificates.ts'
import type { Served } from './served.ts'

export type ToolVersion = 'mqttv31' | 'mqttv311' | 'mqttv5'

export interface Finished {
  readonly code: number | null
  readonly output: string
  readonly errors: string
}

/** A command-line client that runs. */
export class Tool {
  readonly #child: ReturnType<typeof spawn>
  readonly finished: Promise<Finished>
  output = ''
  errors = ''

  constructor(name: string, args: readonly string[]) {
    // Into a pipe they would write only when 4 KiB are together.
    const child = (this.#child = spawn('stdbuf', ['-oL', name, ...args], { stdio: ['pipe', 'pipe', 'pipe'] }))
    child.stdout?.setEncoding('latin1').on('data', (text: string) => (this.output += text))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.errors += text))
    this.finished = once(child, 'close').then(([code]) => {
      return { code: code as number | null, output: this.output, errors: this.errors }
    })
    onTestFinished(() => this.kill())
  }

  lines(): string[] {
    return this.output.split('\n').slice(0, -1)
  }

  /** What it wrote so far, once it is so many lines. */
  async wrote(count: number): Promise<string[]> {
    await until(`${count} lines, not ${this.output}${this.errors}`, () => this.lines().length >= count)
    return this.lines()
  }

  async said(text: string): Promise<void> {
    await until(`'${text}' in ${this.output}`, () => this.output.includes(text))
  }

  write(text: string): void {
    this.#child.stdin?.end(text, 'latin1')
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal)
  }
}

/** mosquitto_pub, mosquitto_sub and mosquitto_rr against one hub. */
export class Tools {
  readonly #common: readonly string[]

  constructor(served: Served, version: ToolVersion, secure?: Certificates) {
    const { username, password } = served.account
    this.#common = [
      ...['-h', 'localhost', '-p', String(served.mqttPort), '-u', username, '-P', password, '-V', version],
      ...(secure ? ['--cafile', secure.ca] : []),
    ]
  }

  start(name: 'pub' | 'sub' | 'rr', ...args: string[]): Tool {
    return new Tool(`mosquitto_${name}`, [...this.#common, ...args])
  }

  /** To its end. */
  run(name: 'pub' | 'sub' | 'rr', ...args: string[]): Promise<Finished> {
    return this.start(name, ...args).finished
  }

  async publish(...args: string[]): Promise<void> {
    const { code, errors } = await this.run('pub', ...args)
    if (code !== 0) throw new Error(`mosquitto_pub ended with ${String(code)}: ${errors}`)
  }

  /** Resolves when its subscriptions are granted: it says so with `-d`. */
  async subscribe(...args: string[]): Promise<Tool> {
    const tool = this.start('sub', '-d', ...args)
    await tool.said('Subscribed (mid: 1)')
    return tool
  }
}

/** What `-d` adds to its messages left out. */
export function messagesOf(lines: readonly string[]): string[] {
  return lines.filter((line) => !/^(Client|Subscribed|Unsubscribed) /.test(line))
}

import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { Driver } from './client.ts'

export const interop: string = join(import.meta.dirname, '../../../../../../interop')

/** What interop/package.json names, installed before the file's tests if it is not there or older than its lockfile. */
export function useClients(): void {
  beforeAll(() => installClients(interop), 300_000)
}

/** The same of interop/node-red/package.json. */
export function useNodeRed(): void {
  beforeAll(() => installClients(join(interop, 'node-red')), 300_000)
}

function installClients(cwd: string): void {
  const installed = join(cwd, 'node_modules/.package-lock.json')
  const isFresh =
    existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(cwd, 'package-lock.json')).mtimeMs
  if (isFresh) return
  execFileSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd,
    stdio: 'inherit',
  })
}

/** A client's program: JSON lines in, JSON lines out. */
export class Program extends Driver {
  readonly #child: ChildProcessWithoutNullStreams
  #errors = ''

  constructor(command: string, args: readonly string[]) {
    super()
    this.#child = spawn(command, args, { cwd: join(interop, 'mqtt'), stdio: 'pipe' })
    this.#child.stdin.on('error', () => {})
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#errors += text))
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.read(line))
    this.#child.on('error', (error) => this.over(error.message))
    this.#child.on('close', (code) => this.over(`${args.join(' ')} ended with ${String(code)}: ${this.#errors}`))
  }

  protected override write(line: string): void {
    this.#child.stdin.write(`${line}\n`)
  }

  override kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** It sleeps, and its connections with it. */
  stop(): void {
    this.#child.kill('SIGSTOP')
  }
}

export type ClientKind = 'MQTT.js 5.16.0' | 'MQTT.js 1.11.2' | 'paho-mqtt 1.6.1'

/** Debian's Python: paho is a package of Debian. */
const PYTHON = '/usr/bin/python3'

/** One for all tests of a `describe`, started by the first. */
export function sharedProgram(kind: ClientKind): () => Program {
  let program: Program | undefined
  afterAll(() => program?.kill())
  return () => (program ??= start(kind))
}

/** For one test. */
export function startProgram(kind: ClientKind): Program {
  const program = start(kind)
  onTestFinished(() => program.kill())
  return program
}

function start(kind: ClientKind): Program {
  if (kind === 'paho-mqtt 1.6.1') return new Program(PYTHON, ['paho_client.py'])
  return new Program(process.execPath, ['mqttjs-node.mjs', kind === 'MQTT.js 1.11.2' ? 'mqtt1' : 'mqtt'])
}

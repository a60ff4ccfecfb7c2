/** The hub of the soak: the real command in a process of its own, on disk, killed and started again on the ports that are in use. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { HubReady } from '@halyard/hub'
import type { SeededRandom } from '@halyard/testkit'
import { ending } from '../runner/run-proof.ts'

const MAIN = join(import.meta.dirname, '../../packages/cli/dist/main.js')
const HEAP = join(import.meta.dirname, 'heap.mjs')
/** characters of what it says on standard error, for the report of a failure */
const KEPT_ERRORS = 4000

export interface HubProcessOptions {
  readonly directory: string
  readonly random: SeededRandom
  /** seconds between two figures of its heap */
  readonly beat: number
  readonly onHeap: (bytes: number) => void
}

export class HubProcess {
  readonly #options: HubProcessOptions
  readonly #words: readonly string[]
  #child: ChildProcess | undefined
  #ready: HubReady | undefined
  #errors = ''
  #stopping = false
  /** Called when it ends though nobody asked for it. */
  onUnexpected: (error: Error) => void = () => {}

  private constructor(options: HubProcessOptions, words: readonly string[]) {
    this.#options = options
    this.#words = words
  }

  static async start(options: HubProcessOptions): Promise<HubProcess> {
    const config = join(options.directory, 'hub.hjson')
    // All devices of the soak come from one address.
    writeFileSync(config, '{ hologram: { limits: { connectionsPerAddress: 5000 } } }\n')
    const front = await freePort(options.random)
    const hologram = await freePort(options.random)
    const hub = new HubProcess(options, [
      ...['hub', '--json', '--data', join(options.directory, 'data'), '--config', config],
      ...['--port-front', String(front), '--port-hologram', String(hologram), '--port-mqtt', '0'],
    ])
    await hub.start()
    return hub
  }

  get ready(): HubReady {
    if (this.#ready === undefined) throw new Error('the hub was never ready')
    return this.#ready
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, ['--import', HEAP, MAIN, ...this.#words], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', SOAK_BEAT: String(this.#options.beat) },
    })
    this.#child = child
    this.#stopping = false
    this.#errors = ''
    child.stderr?.on('data', (text: Buffer) => (this.#errors = (this.#errors + String(text)).slice(-KEPT_ERRORS)))
    createInterface({ input: child.stdio[3] as Readable }).on('line', (line) => this.#options.onHeap(Number(line)))
    this.#ready = await new Promise<HubReady>((resolve, reject) => {
      createInterface({ input: child.stdout ?? process.stdin }).once('line', (line) => resolve(JSON.parse(line)))
      child.once('error', reject)
      child.once('close', (code, signal) => {
        if (this.#stopping) return
        const error = new Error(`the hub ended ${ending(code, signal)}: ${this.#errors}`)
        reject(error)
        this.onUnexpected(error)
      })
    })
  }

  /** SIGKILL, as from a power cut of the process. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** As `Ctrl-C` does; it must end well. */
  async stop(): Promise<void> {
    const code = await this.#end('SIGTERM')
    if (code !== 0) throw new Error(`the hub was asked to stop and ended with ${code}: ${this.#errors}`)
  }

  /** At once, without waiting. */
  destroy(): void {
    this.#stopping = true
    this.#child?.kill('SIGKILL')
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child
    this.#stopping = true
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
    child.kill(signal)
    return await closed
  }
}

/**
 * A port that is free now, from a range that the kernel gives to nobody: one of its own choice could be the near end of
 * somebody's connection when the hub is started again.
 */
async function freePort(random: SeededRandom): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const server = createServer()
    const listening = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(20_000 + random.integer(10_000), '127.0.0.1', () => resolve(true))
    })
    if (!listening) continue
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    return port
  }
  throw new Error('no port from 20000 to 29999 is free')
}

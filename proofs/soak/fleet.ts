/** The processes in which the devices of the soak live. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ending } from '../runner/run-proof.ts'

const DEVICES = join(import.meta.dirname, 'devices.mjs')
const KEPT_ERRORS = 4000

export interface DevicePlan {
  /** `d017` */
  readonly name: string
  readonly cloudId: string
  readonly cloudKey: string
  /** Where it sends to: its link. */
  readonly host: string
  readonly port: number
  readonly receiveHost: string
  /** 0: a free one */
  readonly receivePort: number
  /** of its outbox; none: in memory */
  readonly path: string | undefined
}

/** What `devices.mjs` is told. Times in seconds. */
export interface DevicesPlan {
  readonly devices: readonly DevicePlan[]
  /** How often this process was started. */
  readonly generation: number
  readonly seed: number
  /** Between two messages of a device, on average. */
  readonly interval: number
  /** One of so many is an SMS. */
  readonly smsShare: number
  readonly beat: number
}

export interface FleetEvents {
  said(what: string, rest: string): void
  unexpected(error: Error): void
}

/** One process with some devices; after a kill it is started again with the same devices and their outboxes. */
export class Fleet {
  /** Its devices, as the next start has them. */
  devices: readonly DevicePlan[]
  readonly #plan: Omit<DevicesPlan, 'devices' | 'generation'>
  readonly #events: FleetEvents
  #generation = 0
  #child: ChildProcess | undefined
  #closed: Promise<string> = Promise.resolve('')
  #errors = ''
  #stopping = false
  /** Told when it says this word. */
  readonly #awaited = new Map<string, () => void>()

  constructor(plan: Omit<DevicesPlan, 'generation'>, events: FleetEvents) {
    const { devices, ...rest } = plan
    this.devices = devices
    this.#plan = rest
    this.#events = events
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Resolves when all devices listen. */
  async start(): Promise<void> {
    const generation = ++this.#generation
    const plan: DevicesPlan = { ...this.#plan, seed: this.#plan.seed + generation, generation, devices: this.devices }
    const child = spawn(process.execPath, [DEVICES, JSON.stringify(plan)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    this.#child = child
    this.#stopping = false
    // A process that was killed does not read what is written to it.
    child.stdin.on('error', () => {})
    child.stderr.on('data', (text: Buffer) => (this.#errors = (this.#errors + String(text)).slice(-KEPT_ERRORS)))
    let failStart = (_error: Error): void => {}
    this.#closed = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        resolve(code === 0 ? '' : ending(code, signal))
        if (this.#stopping) return
        const error = new Error(`the devices' process ended ${ending(code, signal)}: ${this.#errors}`)
        failStart(error)
        this.#events.unexpected(error)
      })
    })
    let left = this.devices.length
    await new Promise<void>((resolve, reject) => {
      failStart = reject
      createInterface({ input: child.stdout }).on('line', (line) => {
        const space = line.indexOf(' ')
        const [what, rest] = space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)]
        if (what === 'open') {
          this.#opened(rest)
          if (--left === 0) resolve()
        } else if (this.#awaited.has(what)) this.#awaited.get(what)?.()
        else this.#events.said(what, rest)
      })
    })
  }

  /** SIGKILL; resolves when everything it had said has been heard. */
  async kill(): Promise<void> {
    this.#stopping = true
    this.#child?.kill('SIGKILL')
    await this.#closed
  }

  /** Nothing new is made; resolves when everything has gone out. */
  async finish(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#awaited.set('idle', resolve)
      this.#child?.stdin?.write('finish\n')
    })
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#child?.stdin?.end()
    const badly = await this.#closed
    if (badly !== '') throw new Error(`the devices' process was to stop and ended ${badly}: ${this.#errors}`)
  }

  /** At once, without waiting. */
  destroy(): void {
    this.#stopping = true
    this.#child?.kill('SIGKILL')
  }

  #opened(rest: string): void {
    const [name, port] = rest.split(' ')
    this.devices = this.devices.map((device) =>
      device.name === name ? { ...device, receivePort: Number(port) } : device,
    )
  }
}

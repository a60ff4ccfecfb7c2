/** Devices with flapping links beside a hub, for so many minutes; then every message is accounted for. */
import { setMaxListeners } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { seededRandom } from '@halyard/testkit'
import type { SeededRandom } from '@halyard/testkit'
import type { Progress } from '../proof.ts'
import { Book } from './book.ts'
import type { Settlement } from './book.ts'
import { Field } from './field.ts'
import type { Device } from './field.ts'
import type { Course } from './vitals.ts'

export interface SoakOptions {
  readonly devices: number
  readonly minutes: number
  readonly seed: number
  /** Messages to devices, in a second. */
  readonly pushes: number
  /** Seconds between two messages of a device, on average. */
  readonly interval: number
  readonly progress?: Progress
}

export interface SoakResult extends Settlement {
  readonly accidents: number
  readonly hubKills: number
  readonly deviceKills: number
  readonly vitals: Readonly<Record<'hub' | 'devices on disk' | 'devices in memory', Course>>
}

/** Below that a process is still warming up in its second third. */
const JUDGED_MINUTES = 10
/** What an outbox and its client keep of a settled message (id, times, result). Seen: 300 bytes in memory, 980 on disk. */
const LEDGER_BYTES = 1000
/** Everything has to be out so long (s) after the last accident; a try that failed before it waits 60 s at most. */
const DRAIN = 180

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const directory = await mkdtemp(join(tmpdir(), 'halyard-soak-'))
  const stage = new Stage(options, directory)
  const abandon = (): void => {
    stage.destroy()
    rmSync(directory, { recursive: true, force: true })
  }
  process.once('exit', abandon)
  try {
    return await stage.run()
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error)
    throw new Error(`seed ${options.seed}: ${what}`, { cause: error })
  } finally {
    stage.destroy()
    process.off('exit', abandon)
    await stage.close()
    await rm(directory, { recursive: true, force: true, maxRetries: 3 })
  }
}

class Stage {
  readonly #options: SoakOptions
  readonly #random: SeededRandom
  readonly #field: Field
  readonly #book = new Book()
  readonly #over = new AbortController()
  /** Rejects when something ends that should not. */
  readonly #broken: Promise<never>
  #break: (error: Error) => void = () => {}
  /** seconds */
  readonly #beat: number
  readonly #seconds: number
  #begun = 0
  readonly #busy = new Set<string>()
  readonly #numbers = new Map<string, number>()
  #hubIsUp = true
  #hubKills = 0
  #deviceKills = 0

  constructor(options: SoakOptions, directory: string) {
    const { seed, devices, interval } = options
    this.#options = options
    this.#random = seededRandom(seed)
    this.#seconds = options.minutes * 60
    this.#beat = Math.min(5, this.#seconds / 60)
    this.#broken = new Promise((_, reject) => (this.#break = reject))
    this.#broken.catch(() => {})
    setMaxListeners(0, this.#over.signal)
    this.#field = new Field({
      directory,
      devices,
      interval,
      beat: this.#beat,
      random: this.#random.fork(),
      said: (what, rest) => this.#book.said(what, rest),
      broken: this.#break,
    })
  }

  async run(): Promise<SoakResult> {
    const field = this.#field
    this.#options.progress?.('the start')
    await field.open()
    this.#begun = performance.now()
    const { signal } = this.#over
    const links = field.links.map((link) => link.live(signal))
    const acts = [this.#pushes(), this.#kills(), this.#watch(), wait(this.#seconds * 1000, undefined, { signal })]
    // Acts end by the clock, links when they are told; the first that fails ends all.
    await Promise.race([Promise.all(acts), this.#broken, ...links.map(failing)])
    this.#over.abort()
    await Promise.all([...links, ...acts])
    await within(DRAIN, this.#drain(), this.#broken, 'messages are still under way')
    for (const fleet of field.fleets) await fleet.stop()
    const vitals = this.#courses()
    const settlement = await this.#book.settle(field.devices, field.api.history())
    await field.hub.stop()
    const { accidents } = field
    return { ...settlement, accidents, hubKills: this.#hubKills, deviceKills: this.#deviceKills, vitals }
  }

  destroy(): void {
    this.#field.destroy()
  }

  async close(): Promise<void> {
    this.#over.abort()
    await this.#field.closeLinks()
  }

  #courses(): SoakResult['vitals'] {
    const { minutes, interval, devices } = this.#options
    const { hub, onDisk, inMemory } = this.#field.vitals
    const owed = (this.#seconds / 3 / interval) * (devices / 2) * LEDGER_BYTES
    const judged = minutes >= JUDGED_MINUTES
    const vitals = {
      // The hub's ledger of messages to devices is full before the second third begins.
      hub: hub.course(judged ? 0 : undefined),
      'devices on disk': onDisk.course(judged ? owed : undefined),
      'devices in memory': inMemory.course(judged ? owed : undefined),
    }
    for (const { problems } of Object.values(vitals)) problems.forEach((problem) => this.#book.problem(problem))
    return vitals
  }

  /** One after the other for each device, many devices at once. */
  async #pushes(): Promise<void> {
    const { pushes } = this.#options
    const random = this.#random.fork()
    const running = new Set<Promise<void>>()
    while (await this.#pause(1 / pushes)) {
      const device = random.pick(this.#field.devices)
      if (this.#busy.has(device.name)) continue
      const one = this.#push(device, random.integer(60)).finally(() => running.delete(one))
      running.add(one)
    }
    await Promise.all(running)
  }

  async #push({ name, cloudId, toDevice }: Device, padding: number): Promise<void> {
    const number = (this.#numbers.get(name) ?? 0) + 1
    this.#numbers.set(name, number)
    const id = `${name.replace('d', 'p')}.${number}`
    const pushed = this.#book.push(name, id)
    this.#busy.add(name)
    const { host, port } = toDevice.proxy
    const kills = this.#hubKills
    try {
      pushed.taken = await this.#field.api.push({ cloudId, host, port }, `${id} ${'.'.repeat(padding)}!`)
    } catch (error) {
      // Its answer went with the hub: whether it was taken nobody knows.
      if (kills === this.#hubKills && this.#hubIsUp) this.#break(error as Error)
    } finally {
      this.#busy.delete(name)
    }
  }

  /**
   * All kills but one fall into the first third: what comes after is one life of each process, whose memory is watched.
   * The last one meets a hub with a long history, and no message comes after its restart but what waits.
   */
  async #kills(): Promise<void> {
    const often = this.#options.minutes >= 5
    const plan: readonly (readonly [at: number, what: 'hub' | 'devices'])[] = [
      [0.06, 'hub'],
      [0.1, 'devices'],
      ...(often
        ? ([
            [0.14, 'hub'],
            [0.2, 'devices'],
            [0.24, 'hub'],
          ] as const)
        : []),
      [0.97, 'hub'],
    ]
    for (const [at, what] of plan) {
      const due = this.#begun + (at + this.#random.float() * 0.02) * this.#seconds * 1000
      if (!(await this.#pause((due - performance.now()) / 1000))) return
      if (what === 'hub') await this.#killHub()
      else await this.#killDevices()
    }
  }

  async #killHub(): Promise<void> {
    this.#hubIsUp = false
    this.#hubKills++
    const names = new Set(this.#field.devices.map(({ name }) => name))
    const from = performance.now()
    await this.#field.hub.kill()
    const heard = performance.now()
    await this.#field.hub.start()
    this.#book.killed({ what: 'hub', names, from, heard, to: performance.now() })
    this.#hubIsUp = true
  }

  async #killDevices(): Promise<void> {
    const { onDisk: fleet } = this.#field
    const names = new Set(fleet.devices.map(({ name }) => name))
    this.#deviceKills++
    const from = performance.now()
    await fleet.kill()
    const heard = performance.now()
    // A slow link may still hold what they had sent: its answer comes to nobody.
    for (const { name, toHub } of this.#field.devices) if (names.has(name)) toHub.disturb()
    await fleet.start()
    this.#book.killed({ what: 'devices', names, from, heard, to: performance.now() })
  }

  async #watch(): Promise<void> {
    const { minutes, progress } = this.#options
    while (await this.#pause(this.#beat)) {
      const passed = (performance.now() - this.#begun) / 1000
      // After 0.96 comes the last kill.
      const at = passed / this.#seconds
      const { vitals, accidents } = this.#field
      if (at < 0.96) for (const one of Object.values(vitals)) one.sample(at)
      const { sent, acknowledged, pushed } = this.#book
      progress?.(
        `minute ${(passed / 60).toFixed(1)} of ${minutes}: ${sent} sent, ${acknowledged} acknowledged, ` +
          `${accidents} accidents, ${pushed} pushed, hub ${(vitals.hub.rss / 1e6).toFixed(0)} MB`,
      )
    }
  }

  /** All links are mended: what waits goes out. */
  async #drain(): Promise<void> {
    this.#options.progress?.('the end: what waits goes out')
    await Promise.all(this.#field.fleets.map((fleet) => fleet.finish()))
    while ((await this.#field.api.queued()) > 0) await wait(200)
  }

  /** False when the soak is over. */
  async #pause(seconds: number): Promise<boolean> {
    const left = this.#seconds - (performance.now() - this.#begun) / 1000
    const { signal } = this.#over
    await wait(Math.max(0, Math.min(seconds, left)) * 1000, undefined, { signal }).catch(() => undefined)
    return seconds < left && !signal.aborted
  }
}

/** Of a promise that may end when it likes only the failure. */
function failing(promise: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => void promise.catch(reject))
}

async function within(seconds: number, task: Promise<void>, broken: Promise<never>, what: string): Promise<void> {
  const over = new AbortController()
  const time = wait(seconds * 1000, undefined, { signal: over.signal }).then(() => {
    throw new Error(`${what} ${seconds} s after the last accident`)
  })
  time.catch(() => {})
  try {
    await Promise.race([task, time, broken])
  } finally {
    over.abort()
  }
}

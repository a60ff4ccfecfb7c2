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
import { HubApi } from './api.ts'
import type { Account } from './api.ts'
import { Book } from './book.ts'
import type { Settlement } from './book.ts'
import { Fleet } from './fleet.ts'
import { HubProcess } from './hub.ts'
import { Link, TO_DEVICE, TO_HUB } from './link.ts'
import { Vitals } from './vitals.ts'
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

interface Device {
  readonly name: string
  readonly cloudId: string
  readonly toHub: Link
  readonly toDevice: Link
}

/** Below that a process is still warming up in its second third. */
const JUDGED_MINUTES = 10
/** What the outbox of a device and its client keep of a settled message: id, destination, times, result; measured, rounded up. */
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
    await stage.closeLinks()
    await rm(directory, { recursive: true, force: true, maxRetries: 3 })
  }
}

class Stage {
  readonly #options: SoakOptions
  readonly #directory: string
  readonly #random: SeededRandom
  readonly #book = new Book()
  readonly #over = new AbortController()
  readonly #broken: Promise<never>
  #break: (error: Error) => void = () => {}
  readonly #beat: number
  readonly #seconds: number
  #begun = 0
  #hub: HubProcess | undefined
  #fleets: readonly Fleet[] = []
  #devices: readonly Device[] = []
  #links: Link[] = []
  readonly #hubVitals: Vitals
  #fleetVitals: readonly Vitals[] = []
  readonly #busy = new Set<string>()
  readonly #numbers = new Map<string, number>()
  #hubKills = 0
  #deviceKills = 0

  constructor(options: SoakOptions, directory: string) {
    this.#options = options
    this.#directory = directory
    this.#random = seededRandom(options.seed)
    this.#seconds = options.minutes * 60
    this.#beat = Math.min(5, this.#seconds / 60)
    this.#broken = new Promise((_, reject) => (this.#break = reject))
    this.#broken.catch(() => {})
    setMaxListeners(0, this.#over.signal)
    this.#hubVitals = new Vitals('hub', () => this.#hub?.pid)
  }

  async run(): Promise<SoakResult> {
    await this.#open()
    const { interval, devices, minutes } = this.#options
    this.#begun = performance.now()
    const signal = this.#over.signal
    const work = [
      ...this.#links.map((link) => link.live(signal)),
      this.#pushes(),
      this.#kills(),
      this.#watch(),
      wait(this.#seconds * 1000, undefined, { signal }),
    ]
    // Each of them ends by the clock; the first that fails ends all.
    const all = Promise.all(work.slice(this.#links.length))
    await Promise.race([all, this.#broken, ...work.slice(0, this.#links.length).map(failing)])
    this.#over.abort()
    await Promise.all(work)
    await within(DRAIN, this.#drain(), this.#broken, 'messages are still under way')
    for (const fleet of this.#fleets) await fleet.stop()
    const owed = (this.#seconds / 3 / interval) * (devices / 2) * LEDGER_BYTES
    const judged = minutes >= JUDGED_MINUTES
    // The hub's ledger of pushes is full before the second third begins.
    const hub = this.#hubVitals.course(judged ? 0 : undefined)
    const [onDisk, inMemory] = this.#fleetVitals.map((vitals) => vitals.course(judged ? owed : undefined))
    if (!onDisk || !inMemory) throw new Error('there are two processes with devices')
    for (const { problems } of [hub, onDisk, inMemory]) problems.forEach((problem) => this.#book.problem(problem))
    const settlement = await this.#book.settle(this.#devices, this.#api().history())
    await this.#hub?.stop()
    return {
      ...settlement,
      accidents: this.#links.reduce((sum, link) => sum + link.accidents, 0),
      hubKills: this.#hubKills,
      deviceKills: this.#deviceKills,
      vitals: { hub, 'devices on disk': onDisk, 'devices in memory': inMemory },
    }
  }

  destroy(): void {
    for (const fleet of this.#fleets) fleet.destroy()
    this.#hub?.destroy()
  }

  async closeLinks(): Promise<void> {
    this.#over.abort()
    for (const { proxy } of this.#links) await proxy.close()
  }

  /** The hub, accounts, links to it, devices, links to them. */
  async #open(): Promise<void> {
    const { devices: count, interval, seed, progress } = this.#options
    progress?.('the start')
    this.#hub = await HubProcess.start({
      directory: this.#directory,
      random: this.#random.fork(),
      beat: this.#beat,
      onHeap: (bytes) => (this.#hubVitals.heap = bytes),
    })
    this.#hub.onUnexpected = this.#break
    const { ports } = this.#hub.ready
    // Every link has an address of its own: nobody's near end of a connection takes its port while it refuses.
    const net = `127.${20 + (process.pid % 200)}`
    const address = (kind: number, index: number): string => `${net}.${kind * 50 + (index >> 7)}.${1 + (index & 127)}`
    const seeds = this.#random.fork()
    const link = async (form: typeof TO_HUB, host: string, target: { host?: string; port: number }): Promise<Link> => {
      const proxy = { host, target, seed: seeds.integer(2 ** 32) }
      const one = await Link.open({ proxy, form, random: seeds.fork(), calm: 6 * interval })
      this.#links.push(one)
      return one
    }
    const planned: { plan: Fleet['devices'][number]; account: Account; toHub: Link }[] = []
    for (let index = 0; index < count; index++) {
      const name = `d${String(index).padStart(3, '0')}`
      const account = await this.#api().createAccount()
      const toHub = await link(TO_HUB, address(1, index), { port: ports.hologram ?? 0 })
      const { host, port } = toHub.proxy
      // Those whose process is killed have their outbox on disk: memory goes with its process, and that is no fault.
      const path = index % 2 === 0 ? join(this.#directory, 'outbox', name) : undefined
      const plan = { name, ...account, host, port, receiveHost: address(2, index), receivePort: 0, path }
      planned.push({ plan, account, toHub })
    }
    const isOnDisk = ({ plan }: (typeof planned)[number]): boolean => plan.path !== undefined
    const groups = [planned.filter(isOnDisk), planned.filter((one) => !isOnDisk(one))]
    const shared = { interval, smsShare: 0.02, beat: this.#beat }
    this.#fleets = groups.map((group, index) => {
      const plan = { ...shared, seed: seed * 100 + index * 50, devices: group.map((one) => one.plan) }
      return new Fleet(plan, { said: (what, rest) => this.#said(index, what, rest), unexpected: this.#break })
    })
    this.#fleetVitals = this.#fleets.map((fleet, index) => new Vitals(`devices ${index}`, () => fleet.pid))
    await Promise.all(this.#fleets.map((fleet) => fleet.start()))
    const listening = new Map(this.#fleets.flatMap(({ devices }) => devices.map((device) => [device.name, device])))
    const devices: Device[] = []
    for (const [index, { plan, account, toHub }] of planned.entries()) {
      const { receiveHost: host = '', receivePort: port = 0 } = listening.get(plan.name) ?? {}
      const toDevice = await link(TO_DEVICE, address(3, index), { host, port })
      devices.push({ name: plan.name, cloudId: account.cloudId, toHub, toDevice })
    }
    this.#devices = devices
  }

  #api(): HubApi {
    return new HubApi(() => {
      if (!this.#hub) throw new Error('there is no hub yet')
      return this.#hub.ready
    })
  }

  #said(fleet: number, what: string, rest: string): void {
    const vitals = this.#fleetVitals[fleet]
    if (what === 'heap' && vitals) vitals.heap = Number(rest)
    else this.#book.said(what, rest)
  }

  /** One after the other for each device, many devices at once. */
  async #pushes(): Promise<void> {
    const { pushes } = this.#options
    const random = this.#random.fork()
    const running = new Set<Promise<void>>()
    while (await this.#pause(1 / pushes)) {
      const device = random.pick(this.#devices)
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
      pushed.taken = await this.#api().push({ cloudId, host, port }, `${id} ${'.'.repeat(padding)}!`)
    } catch (error) {
      // Its answer went with the hub: whether it was taken nobody knows.
      if (kills === this.#hubKills && this.#hubIsUp) this.#break(error as Error)
    } finally {
      this.#busy.delete(name)
    }
  }

  #hubIsUp = true

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
    const names = new Set(this.#devices.map(({ name }) => name))
    const from = performance.now()
    await this.#hub?.kill()
    await this.#hub?.start()
    this.#book.killed({ what: 'hub', names, from, to: performance.now() })
    this.#hubIsUp = true
  }

  async #killDevices(): Promise<void> {
    const [fleet] = this.#fleets
    const names = new Set(fleet?.devices.map(({ name }) => name))
    this.#deviceKills++
    const from = performance.now()
    await fleet?.kill()
    await fleet?.start()
    this.#book.killed({ what: 'devices', names, from, to: performance.now() })
  }

  async #watch(): Promise<void> {
    const { minutes, progress } = this.#options
    while (await this.#pause(this.#beat)) {
      const passed = (performance.now() - this.#begun) / 1000
      // After 0.96 comes the last kill.
      const at = passed / this.#seconds
      if (at < 0.96) for (const vitals of [this.#hubVitals, ...this.#fleetVitals]) vitals.sample(at)
      const { sent, acknowledged, pushed } = this.#book
      const accidents = this.#links.reduce((sum, link) => sum + link.accidents, 0)
      progress?.(
        `minute ${(passed / 60).toFixed(1)} of ${minutes}: ${sent} sent, ${acknowledged} acknowledged, ` +
          `${accidents} accidents, ${pushed} pushed, hub ${(this.#hubVitals.rss / 1e6).toFixed(0)} MB`,
      )
    }
  }

  /** All links are mended: what waits goes out. */
  async #drain(): Promise<void> {
    this.#options.progress?.('the end: what waits goes out')
    await Promise.all(this.#fleets.map((fleet) => fleet.finish()))
    while ((await this.#api().queued()) > 0) await wait(200)
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

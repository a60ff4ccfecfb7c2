/** What stands in the field of the soak: a hub, devices in two processes, and two flapping links to each of them. */
import { join } from 'node:path'
import type { SeededRandom } from '@halyard/testkit'
import { HubApi } from './api.ts'
import { Fleet } from './fleet.ts'
import type { DevicePlan } from './fleet.ts'
import { HubProcess } from './hub.ts'
import { Link, TO_DEVICE, TO_HUB } from './link.ts'
import type { Form } from './link.ts'
import { Vitals } from './vitals.ts'

const SMS_SHARE = 0.02

export interface FieldOptions {
  readonly directory: string
  readonly random: SeededRandom
  readonly devices: number
  /** Seconds between two messages of a device, on average. */
  readonly interval: number
  /** Seconds between two figures of memory. */
  readonly beat: number
  /** A line of the devices. */
  readonly said: (what: string, rest: string) => void
  /** A process ended though nobody asked for it. */
  readonly broken: (error: Error) => void
}

/** One device and its links. */
export interface Device {
  readonly name: string
  readonly cloudId: string
  readonly toHub: Link
  readonly toDevice: Link
}

export class Field {
  readonly api: HubApi = new HubApi(() => this.hub.ready)
  devices: readonly Device[] = []
  readonly links: Link[] = []
  readonly vitals: { readonly hub: Vitals; readonly onDisk: Vitals; readonly inMemory: Vitals }
  readonly #options: FieldOptions
  readonly #random: SeededRandom
  #hub: HubProcess | undefined
  #onDisk: Fleet | undefined
  #inMemory: Fleet | undefined

  constructor(options: FieldOptions) {
    this.#options = options
    this.#random = options.random
    this.vitals = {
      hub: new Vitals('hub', () => this.#hub?.pid),
      onDisk: new Vitals('devices on disk', () => this.#onDisk?.pid),
      inMemory: new Vitals('devices in memory', () => this.#inMemory?.pid),
    }
  }

  get hub(): HubProcess {
    if (this.#hub === undefined) throw new Error('there is no hub yet')
    return this.#hub
  }

  /** Whose process may be killed: what they have queued is on disk, where memory would go with its process. */
  get onDisk(): Fleet {
    if (this.#onDisk === undefined) throw new Error('there are no devices yet')
    return this.#onDisk
  }

  get fleets(): readonly Fleet[] {
    return [this.#onDisk, this.#inMemory].filter((fleet) => fleet !== undefined)
  }

  /** The hub, accounts, links to it, devices, links to them. */
  async open(): Promise<void> {
    const { directory, beat, broken } = this.#options
    const { hub: vitals } = this.vitals
    const onHeap = (bytes: number): void => void (vitals.heap = bytes)
    this.#hub = await HubProcess.start({ directory, random: this.#random.fork(), beat, onHeap })
    this.#hub.onUnexpected = broken
    const planned: { readonly plan: DevicePlan; readonly toHub: Link }[] = []
    for (let index = 0; index < this.#options.devices; index++) planned.push(await this.#plan(index))
    const plans = planned.map(({ plan }) => plan)
    this.#onDisk = this.#fleet(
      plans.filter(({ path }) => path !== undefined),
      this.vitals.onDisk,
    )
    this.#inMemory = this.#fleet(
      plans.filter(({ path }) => path === undefined),
      this.vitals.inMemory,
    )
    await Promise.all(this.fleets.map((fleet) => fleet.start()))
    const ports = new Map(this.fleets.flatMap(({ devices }) => devices.map((one) => [one.name, one.receivePort])))
    const devices: Device[] = []
    for (const [index, { plan, toHub }] of planned.entries()) {
      const { name, cloudId, receiveHost: host } = plan
      const toDevice = await this.#link(TO_DEVICE, address(3, index), { host, port: ports.get(name) ?? 0 })
      devices.push({ name, cloudId, toHub, toDevice })
    }
    this.devices = devices
  }

  get accidents(): number {
    return this.links.reduce((sum, link) => sum + link.accidents, 0)
  }

  /** Ends all processes at once, without waiting. */
  destroy(): void {
    for (const fleet of this.fleets) fleet.destroy()
    this.#hub?.destroy()
  }

  async closeLinks(): Promise<void> {
    for (const { proxy } of this.links) await proxy.close()
  }

  async #plan(index: number): Promise<{ readonly plan: DevicePlan; readonly toHub: Link }> {
    const name = `d${String(index).padStart(3, '0')}`
    const account = await this.api.createAccount()
    const toHub = await this.#link(TO_HUB, address(1, index), { port: this.hub.ready.ports.hologram ?? 0 })
    const { host, port } = toHub.proxy
    const path = index % 2 === 0 ? join(this.#options.directory, 'outbox', name) : undefined
    return { plan: { name, ...account, host, port, receiveHost: address(2, index), receivePort: 0, path }, toHub }
  }

  async #link(form: Form, host: string, target: { readonly host?: string; readonly port: number }): Promise<Link> {
    const random = this.#random.fork()
    const proxy = { host, target, seed: random.integer(2 ** 32) }
    const link = await Link.open({ proxy, form, random, calm: 6 * this.#options.interval })
    this.links.push(link)
    return link
  }

  #fleet(devices: readonly DevicePlan[], vitals: Vitals): Fleet {
    const { interval, beat, said, broken } = this.#options
    // Room for the next starts, which add one each.
    const seed = this.#random.integer(2 ** 31)
    return new Fleet(
      { devices, interval, beat, seed, smsShare: SMS_SHARE },
      {
        said: (what, rest) => (what === 'heap' ? (vitals.heap = Number(rest)) : said(what, rest)),
        unexpected: broken,
      },
    )
  }
}

/**
 * Every link has an address of its own: nobody's near end of a connection takes its port while it refuses. Two soaks at
 * once have different ones.
 */
function address(kind: number, index: number): string {
  return `127.${20 + (process.pid % 200)}.${kind * 50 + (index >> 7)}.${1 + (index & 127)}`
}

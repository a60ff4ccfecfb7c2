/** Who sits where: a seat is taken again when its client has gone. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect } from 'vitest'
import { nameOf } from './broker-model.ts'
import type { BrokerModel, ModelClient, ModelKey } from './broker-model.ts'
import { pick, randomOf } from './key-ring.ts'
import type { Random } from './key-ring.ts'
import { SoakClient } from './soak-client.ts'

export interface Seat {
  readonly client: SoakClient
  readonly model: ModelClient
  /** The process that its bytes go through. */
  readonly through: ChildProcess | undefined
}

interface Parts {
  readonly port: number
  readonly clients: number
  readonly model: BrokerModel
  /** Of everybody's seat. */
  readonly key: ModelKey
  readonly control: SoakClient
}

/** Who sits behind one process. */
const TOGETHER = 3

export class Seats {
  readonly #parts: Parts
  readonly #taken = new Map<number, Seat>()
  readonly #relays = new Set<ChildProcess>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  get taken(): readonly Seat[] {
    return [...this.#taken.values()]
  }

  async fill(random: Random): Promise<void> {
    const free = Array.from({ length: this.#parts.clients }, (_, i) => i).filter((i) => !this.#taken.has(i))
    const behind = free.length > TOGETHER && this.#relays.size < 3 ? free.splice(0, TOGETHER) : []
    const relay = behind.length > 0 ? await this.#relay() : undefined
    const { port } = this.#parts
    const comes = (number: number, at: number, through?: ChildProcess): Promise<void> =>
      this.#take(number, at, randomOf(random(2 ** 31)), through)
    await Promise.all([
      ...free.map((number) => comes(number, port)),
      ...behind.map((number) => comes(number, relay?.port ?? port, relay?.child)),
    ])
  }

  /** All at once, each in its way, and the hub has noticed when this resolves. */
  async leave(random: Random): Promise<{ readonly ended: number; readonly killed: number }> {
    const { model } = this.#parts
    const left: number[] = []
    const end = (seat: Seat, isAbnormal: boolean): void => {
      const { number } = seat.model
      this.#taken.delete(number)
      left.push(number)
      model.end(seat.model, isAbnormal)
    }
    for (const seat of this.taken) {
      if (seat.through !== undefined || random(15) > 0) continue
      const way = pick(random, ['disconnect', 'fin', 'rst', 'rst'])
      if (way === 'disconnect') seat.client.socket.end(Buffer.of(0xe0, 0))
      else if (way === 'fin') seat.client.socket.end()
      else seat.client.socket.resetAndDestroy()
      end(seat, way !== 'disconnect')
    }
    const ended = left.length
    const [relay] = random(3) === 0 ? this.#relays : []
    if (relay !== undefined) {
      relay.kill('SIGKILL')
      this.#relays.delete(relay)
      for (const seat of this.taken) if (seat.through === relay) end(seat, true)
    }
    await Promise.all(left.map((number) => this.#isFree(number)))
    return { ended, killed: left.length - ended }
  }

  namesOf(who: unknown): readonly string[] {
    const names = (who as readonly { readonly id: string; readonly username?: string }[]).map(nameOf)
    return names.toSorted((a, b) => a.localeCompare(b))
  }

  async close(): Promise<void> {
    for (const { client } of this.taken) client.socket.destroy()
    for (const relay of this.#relays) relay.kill('SIGKILL')
  }

  async #take(number: number, port: number, random: Random, through: ChildProcess | undefined): Promise<void> {
    const { model, key } = this.#parts
    const username = random(2) === 0 ? `user${number}` : undefined
    const hasWill = random(3) === 0
    const will = hasWill
      ? { key, channel: `seat/${number}/will/`, payload: `will ${number} ${random(1e9)}` }
      : undefined
    // A key for reading alone, or for writing too: a will that may not be published is nobody's.
    const last = will && { topic: `${key.text}/${will.channel}`, payload: will.payload }
    const client = await SoakClient.open(port, username, last)
    const { id } = await client.ask('me', {})
    const one: ModelClient = {
      number,
      id: id as string,
      username,
      will,
      owed: [],
      subscriptions: new Map(),
      watches: new Map(),
      links: new Map(),
    }
    model.clients.add(one)
    this.#taken.set(number, { client, model: one, through })
    const channel = `seat/${number}/`
    expect(model.subscribe(one, key, channel, 0)).toEqual([])
    expect(await client.subscribe(`${key.text}/${channel}?last=0`, 0)).toMatchObject({ code: 0, before: [] })
  }

  /** Nobody is at its channel but those who are by a wider one: the hub has noticed. */
  async #isFree(number: number): Promise<void> {
    const { control, key, model } = this.#parts
    const channel = `seat/${number}/`
    for (const expected = model.presence(key, channel); ;) {
      const { who } = await control.ask('presence', { key: key.text, channel, status: true })
      if (this.namesOf(who).join('\n') === (expected as readonly string[]).join('\n')) return
      // At once, but for the time that the system takes.
      await new Promise<void>((resolve) => void setImmediate(resolve))
    }
  }

  async #relay(): Promise<{ readonly child: ChildProcess; readonly port: number }> {
    const program = join(import.meta.dirname, 'relay.mjs')
    const child = spawn(process.execPath, [program, String(this.#parts.port)], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#relays.add(child)
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    return { child, port: Number(line) }
  }
}

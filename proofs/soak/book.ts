/** What was promised, what passed and what arrived; at the end each message is held against it. */
import type { KeptMessage } from './api.ts'
import { isCut } from './link.ts'
import type { Crossing } from './link.ts'

interface Sent {
  /** Told as kept by its outbox: it must arrive. */
  promised: boolean
  dropped: string | undefined
  /** When (monotonic, ms) its outbox told that it was delivered: from then on it may not go out again. */
  deliveredAt: number
}

interface Pushed {
  readonly device: string
  readonly number: number
  /** Taken by the hub, refused by it, or (undefined) its answer was lost with a hub that was killed. */
  taken: boolean | undefined
  arrived: number
}

/** As much of a device as is needed to account for its messages. */
export interface Traffic {
  readonly name: string
  readonly cloudId: string
  readonly toHub: { readonly crossings: readonly Crossing[] }
  readonly toDevice: { readonly crossings: readonly Crossing[] }
}

/** A process was killed. */
export interface Kill {
  readonly what: 'hub' | 'devices'
  /** Whose links ended there. */
  readonly names: ReadonlySet<string>
  /** On the monotonic clock, ms: when it was killed, when its last word was heard, and when it was there again. */
  readonly from: number
  readonly heard: number
  readonly to: number
}

/** What a device acknowledged so shortly (ms) before a kill of the hub may not have been written down there. */
const SETTLING = 3000
/** Lines of a report; a thousand times the same says no more. */
const SHOWN = 12

export class Book {
  readonly #sent = new Map<string, Sent>()
  readonly #pushed = new Map<string, Pushed>()
  /** Of each device, in the order in which pushes came the first time. */
  readonly #arrivals = new Map<string, number[]>()
  readonly #kills: Kill[] = []
  readonly #problems: string[] = []
  #pieces = 0
  #told: (id: string) => string = () => ''
  acknowledged = 0

  get sent(): number {
    return this.#sent.size
  }

  get pushed(): number {
    return this.#pushed.size
  }

  problem(what: string): void {
    this.#problems.push(what)
  }

  /** A line of the devices. */
  said(what: string, rest: string): void {
    const [id = '', ...words] = rest.split(' ')
    if (what === 'received') return this.#received(id, words.join(' '))
    if (what === 'error') return this.problem(rest)
    const sent = this.#message(id)
    if (what === 'dropped') sent.dropped = words.join(' ')
    else sent.promised = true
    if (what === 'delivered') {
      sent.deliveredAt = Math.min(sent.deliveredAt, performance.now())
      this.acknowledged++
    }
  }

  /** A message is on its way to the hub's API. */
  push(device: string, id: string): Pushed {
    const pushed: Pushed = { device, number: Number(id.split('.')[1]), taken: undefined, arrived: 0 }
    this.#pushed.set(id, pushed)
    return pushed
  }

  killed(kill: Kill): void {
    this.#kills.push(kill)
  }

  /** @throws {Error} that lists what does not agree. */
  async settle(devices: readonly Traffic[], history: AsyncIterable<KeptMessage>): Promise<Settlement> {
    const kept = await this.#read(devices, history)
    const cuts = this.#cuts(devices)
    this.#told = (id) => this.#course(id, devices)
    const settlement = { ...this.#settleSent(kept.in, cuts), ...this.#settlePushed(kept.out, cuts) }
    for (const [device, numbers] of this.#arrivals) {
      if (!isAscending(numbers)) this.problem(`${device}: messages of the hub came out of order`)
    }
    this.#report()
    return { ...settlement, pieces: this.#pieces }
  }

  #settleSent(kept: ReadonlyMap<string, number>, cuts: ReadonlyMap<string, number>): SentSettlement {
    const total = { messages: 0, repeated: 0, cut: 0, sms: 0 }
    for (const [id, { promised, dropped }] of this.#sent) {
      const copies = kept.get(id) ?? 0
      const cut = cuts.get(id) ?? 0
      total.cut += cut
      if (isSms(id)) {
        if (copies > 1) this.problem(`the SMS ${id} arrived ${copies} times`)
        // One of which nobody can know whether it went is not sent again.
        if (copies === 0 && promised && dropped === undefined) this.problem(`the SMS ${id} is lost`)
        total.sms += copies
        continue
      }
      if (dropped !== undefined) this.problem(`${id} was dropped: ${dropped}`)
      if (promised && copies === 0) this.problem(`${id} is lost`)
      if (copies > 1 + cut)
        this.problem(`${id} arrived ${copies} times, its acknowledgement was cut ${cut} times${this.#told(id)}`)
      if (copies > 0) total.messages++
      total.repeated += Math.max(0, copies - 1)
    }
    return total
  }

  #settlePushed(kept: ReadonlyMap<string, number>, cuts: ReadonlyMap<string, number>): PushedSettlement {
    const total = { pushes: 0, repeatedPushes: 0, cutPushes: 0 }
    for (const [id, { taken, arrived }] of this.#pushed) {
      const copies = kept.get(id) ?? 0
      const cut = cuts.get(id) ?? 0
      total.cutPushes += cut
      if (taken === true && arrived === 0) this.problem(`${id} never arrived at its device`)
      if (taken === true && copies === 0) this.problem(`${id} is not in the history as sent`)
      if (taken === false && arrived > 0) this.problem(`${id} was refused and arrived`)
      if (arrived > 1 + cut)
        this.problem(`${id} arrived ${arrived} times, its acknowledgement was cut ${cut} times${this.#told(id)}`)
      if (copies > 1 + cut)
        this.problem(`${id} is ${copies} times in the history, its acknowledgement was cut ${cut} times`)
      if (arrived > 0) total.pushes++
      total.repeatedPushes += Math.max(0, arrived - 1)
    }
    return total
  }

  /** How often the acknowledgement of each message was cut, by its link or by the end of who was to hear it. */
  #cuts(devices: readonly Traffic[]): Map<string, number> {
    const cuts = new Map<string, number>()
    const count = (crossing: Crossing, unheard: (crossing: Crossing) => boolean): void => {
      const { id } = crossing
      if (id !== undefined && (isCut(crossing) || unheard(crossing))) cuts.set(id, (cuts.get(id) ?? 0) + 1)
    }
    for (const { name, toHub, toDevice } of devices) {
      const kills = this.#kills.filter(({ names }) => names.has(name))
      const unsettled = ({ completeAt }: Crossing): boolean =>
        kills.some(({ from, to }) => completeAt >= from - SETTLING && completeAt <= to)
      for (const crossing of toHub.crossings) count(crossing, () => false)
      this.#countUntold(name, kills, cuts)
      for (const crossing of toDevice.crossings) count(crossing, unsettled)
    }
    return cuts
  }

  /**
   * A device that was killed may have had one attempt of each message that it owed on the wire, in the backlog of its
   * link even, and never heard the answer: one copy for each kill that its message lived through. What the hub
   * acknowledges lasts: its own kill excuses no copy of what it was sent.
   */
  #countUntold(name: string, kills: readonly Kill[], cuts: Map<string, number>): void {
    const ofDevices = kills.filter(({ what }) => what === 'devices')
    if (ofDevices.length === 0) return
    for (const [id, { deliveredAt }] of this.#sent) {
      const [device, generation] = id.split('.')
      if (device !== name) continue
      // The first kill ended the first process.
      const lived = ofDevices.filter(({ heard }, kill) => kill + 1 >= Number(generation) && deliveredAt > heard)
      if (lived.length > 0) cuts.set(id, (cuts.get(id) ?? 0) + lived.length)
    }
  }

  /** For whoever looks for the cause: seconds since the start of the process. */
  #course(id: string, devices: readonly Traffic[]): string {
    const at = (time: number): string => `${(time / 1000).toFixed(3)} s`
    const crossings = devices.flatMap(({ toHub, toDevice }) => [...toHub.crossings, ...toDevice.crossings])
    const passed = crossings.filter((crossing) => crossing.id === id)
    const delivered = this.#sent.get(id)?.deliveredAt ?? Infinity
    return [
      ...passed.map((one) => `, ${isCut(one) ? 'cut' : 'acknowledged'} at ${at(one.completeAt)}`),
      ...(delivered < Infinity ? [`, told as delivered at ${at(delivered)}`] : []),
      ...this.#kills.map(({ what, from, to }) => `, ${what} killed at ${at(from)} and back at ${at(to)}`),
    ].join('')
  }

  async #read(
    devices: readonly Traffic[],
    history: AsyncIterable<KeptMessage>,
  ): Promise<{ in: Map<string, number>; out: Map<string, number> }> {
    const accounts = new Map(devices.map(({ name, cloudId }) => [name, cloudId]))
    const copies = { in: new Map<string, number>(), out: new Map<string, number>() }
    const last = new Map<string, readonly [generation: number, number: number]>()
    const ids = new Set<string>()
    for await (const { id: messageId, account, channel, direction, text } of history) {
      if (ids.has(messageId)) this.problem(`the history gives ${messageId} twice`)
      ids.add(messageId)
      const [id = ''] = /^[dp]\d+(?:\.\d+)+s?/.exec(text) ?? []
      const [device = '', ...numbers] = id.split('.')
      // Of devices also what they could not say before they were killed.
      const known = direction === 'in' ? accounts.has(device) : this.#pushed.has(id)
      if (!known) this.problem(`the history has '${text.slice(0, 60)}', which nobody sent`)
      if (accounts.get(device.replace('p', 'd')) !== account) this.problem(`${id} is kept under ${account}`)
      copies[direction].set(id, (copies[direction].get(id) ?? 0) + 1)
      if (direction === 'out' || copies.in.get(id) !== 1) continue
      this.#message(id)
      if (channel.startsWith('sms:') !== isSms(id)) this.problem(`${id} is kept in '${channel}'`)
      // One that was given up may come late, through a link that was silent.
      if (isSms(id)) continue
      if (channel !== `soak,${device}`) this.problem(`${id} is kept in '${channel}'`)
      const [generation = 0, number = 0] = numbers.map(Number)
      const [lastGeneration, lastNumber] = last.get(device) ?? [0, 0]
      const inOrder = generation > lastGeneration || (generation === lastGeneration && number > lastNumber)
      if (!inOrder) this.problem(`${id} came behind ${device}.${lastGeneration}.${lastNumber}`)
      last.set(device, [generation, number])
    }
    return copies
  }

  #received(device: string, text: string): void {
    // A connection that brought nothing, as one that an accident befell.
    if (text === '') return
    const id = text.endsWith('!') ? (/^p\d+\.\d+/.exec(text)?.[0] ?? '') : ''
    const pushed = this.#pushed.get(id)
    if (pushed === undefined) {
      // There is no frame: a reset that comes together with the first bytes looks like an end behind them.
      if (this.#isPiece(device, text)) this.#pieces++
      else this.problem(`${device} received '${text.slice(0, 60)}', which nobody sent`)
      return
    }
    if (pushed.device !== device) this.problem(`${id} was for ${pushed.device} and came to ${device}`)
    if (++pushed.arrived > 1) return
    const arrivals = this.#arrivals.get(device) ?? []
    arrivals.push(pushed.number)
    this.#arrivals.set(device, arrivals)
  }

  /** The first bytes of something that was for this device. */
  #isPiece(device: string, text: string): boolean {
    const prefix = `${device.replace('d', 'p')}.`
    const [id = ''] = text.split(' ')
    return prefix.startsWith(text) || (id.startsWith(prefix) && /^p\d+\.\d+(?: \.*)?$/.test(text))
  }

  #message(id: string): Sent {
    let sent = this.#sent.get(id)
    if (sent === undefined) {
      sent = { promised: false, dropped: undefined, deliveredAt: Infinity }
      this.#sent.set(id, sent)
    }
    return sent
  }

  #report(): void {
    if (this.#problems.length === 0) return
    const shown = this.#problems.slice(0, SHOWN)
    const more = this.#problems.length - shown.length
    throw new Error([...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('; '))
  }
}

interface SentSettlement {
  /** Different messages in the history, SMS apart. */
  readonly messages: number
  /** Copies beyond the first. */
  readonly repeated: number
  /** Acknowledgements that were cut, of messages and SMS. */
  readonly cut: number
  readonly sms: number
}

interface PushedSettlement {
  /** Different messages of the hub that arrived. */
  readonly pushes: number
  readonly repeatedPushes: number
  readonly cutPushes: number
}

export interface Settlement extends SentSettlement, PushedSettlement {
  /** First bytes of a message of the hub that was cut in its middle. */
  readonly pieces: number
}

function isSms(id: string): boolean {
  return id.endsWith('s')
}

function isAscending(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0))
}

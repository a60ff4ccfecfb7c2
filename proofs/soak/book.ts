/** What was promised, what passed and what arrived; at the end each message is held against it. */
import type { KeptMessage } from './api.ts'
import { isCut } from './link.ts'
import type { Crossing, Link } from './link.ts'

interface Sent {
  readonly device: string
  /** Told as kept by its outbox: it must arrive. */
  promised: boolean
  settled: 'delivered' | 'dropped' | undefined
}

interface Pushed {
  readonly device: string
  readonly number: number
  /** Taken by the hub, refused by it, or (undefined) its answer was lost with a hub that was killed. */
  taken: boolean | undefined
  arrived: number
}

export interface Device {
  readonly name: string
  readonly cloudId: string
  readonly toHub: Link
  readonly toDevice: Link
}

/** A push that arrived so shortly (ms) before a kill of the hub may not be settled there. */
const SETTLING = 3000
/** Lines of a report; a thousand times the same says no more. */
const SHOWN = 12

export class Book {
  readonly #sent = new Map<string, Sent>()
  readonly #pushed = new Map<string, Pushed>()
  /** Of each device, in the order in which pushes came the first time. */
  readonly #arrivals = new Map<string, number[]>()
  /** Copies beyond those of cut acknowledgements: a process was killed between an acknowledgement and its settlement. */
  readonly #excused = new Map<string, number>()
  readonly #problems: string[] = []
  /** SMS are told apart when they pass, or when they are kept. */
  readonly #sms = new Set<string>()
  #pieces = 0
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
    if (what === 'queued') sent.promised = true
    if (what === 'delivered') {
      sent.promised = true
      sent.settled = 'delivered'
      this.acknowledged++
    }
    if (what === 'dropped') {
      sent.settled = 'dropped'
      // An SMS of which nobody knows whether it went is not sent again.
      this.#sms.add(id)
    }
  }

  /** A message is on its way to the hub's API. */
  push(device: string, id: string): Pushed {
    const pushed: Pushed = { device, number: Number(id.split('.')[1]), taken: undefined, arrived: 0 }
    this.#pushed.set(id, pushed)
    return pushed
  }

  /** A process of devices was killed, and all that it had said is written here. */
  devicesKilled(devices: readonly Device[]): void {
    for (const { toHub } of devices) {
      const unsettled = toHub.crossings.flatMap((crossing) => {
        const { id } = crossing
        return id !== undefined && !isCut(crossing) && this.#message(id).settled === undefined ? [id] : []
      })
      for (const id of new Set(unsettled)) this.#excuse(id)
    }
  }

  hubKilled(devices: readonly Device[]): void {
    const since = performance.now() - SETTLING
    for (const { toDevice } of devices) {
      for (const { id, completeAt } of toDevice.crossings.slice(-10)) {
        if (id !== undefined && completeAt >= since) this.#excuse(id)
      }
    }
  }

  /** @throws {Error} that lists what does not agree. */
  async settle(devices: readonly Device[], history: AsyncIterable<KeptMessage>): Promise<Settlement> {
    const kept = await this.#read(devices, history)
    const cut = new Map<string, number>()
    const count = (crossing: Crossing): void => {
      if (isCut(crossing) && crossing.id !== undefined) cut.set(crossing.id, (cut.get(crossing.id) ?? 0) + 1)
    }
    for (const { toHub, toDevice } of devices) {
      toHub.crossings.forEach(count)
      toDevice.crossings.forEach(count)
    }
    const allowed = (id: string): number => 1 + (cut.get(id) ?? 0) + (this.#excused.get(id) ?? 0)
    let repeated = 0
    for (const [id, { promised, settled }] of this.#sent) {
      const copies = kept.in.get(id) ?? 0
      const sms = this.#sms.has(id)
      if (settled === 'dropped' && !kept.sms.has(id) && copies > 0) this.problem(`${id} was dropped and arrived`)
      if (promised && settled !== 'dropped' && copies === 0) this.problem(`${id} is lost`)
      if (copies > (sms ? 1 : allowed(id))) this.problem(`${id} arrived ${copies} times, ${allowed(id) - 1} cuts`)
      repeated += Math.max(0, copies - 1)
    }
    let repeatedPushes = 0
    for (const [id, { taken, arrived }] of this.#pushed) {
      const out = kept.out.get(id) ?? 0
      if (taken === true && arrived === 0) this.problem(`${id} never arrived at its device`)
      if (taken === true && out === 0) this.problem(`${id} is not in the history as sent`)
      if (taken === false && arrived > 0) this.problem(`${id} was refused and arrived`)
      const most = allowed(id)
      if (arrived > most || out > most) this.problem(`${id} arrived ${arrived} times (kept ${out}), ${most - 1} cuts`)
      repeatedPushes += Math.max(0, arrived - 1)
    }
    for (const [device, numbers] of this.#arrivals) {
      if (!isAscending(numbers)) this.problem(`${device}: pushes came out of order`)
    }
    this.#report()
    return {
      messages: [...kept.in.keys()].length - kept.sms.size,
      repeated,
      cut: [...cut].reduce((sum, [id, times]) => sum + (id.startsWith('d') ? times : 0), 0),
      sms: kept.sms.size,
      pushes: [...this.#pushed.values()].filter(({ arrived }) => arrived > 0).length,
      repeatedPushes,
      cutPushes: [...cut].reduce((sum, [id, times]) => sum + (id.startsWith('p') ? times : 0), 0),
      pieces: this.#pieces,
    }
  }

  async #read(
    devices: readonly Device[],
    history: AsyncIterable<KeptMessage>,
  ): Promise<{ in: Map<string, number>; out: Map<string, number>; sms: Set<string> }> {
    const accounts = new Map(devices.map(({ name, cloudId }) => [name, cloudId]))
    const copies = { in: new Map<string, number>(), out: new Map<string, number>() }
    const sms = new Set<string>()
    const last = new Map<string, readonly [generation: number, number: number]>()
    const ids = new Set<string>()
    for await (const { id: messageId, account, channel, direction, text } of history) {
      if (ids.has(messageId)) this.problem(`the history gives ${messageId} twice`)
      ids.add(messageId)
      const [id = ''] = /^[dp]\d+(?:\.\d+)+/.exec(text) ?? []
      const [device = '', ...numbers] = id.split('.')
      const known = direction === 'in' ? this.#sent.has(id) || id.startsWith('d') : this.#pushed.has(id)
      if (!known) this.problem(`the history has '${text.slice(0, 60)}', which nobody sent`)
      if (accounts.get(device.replace('p', 'd')) !== account) this.problem(`${id} is kept under ${account}`)
      copies[direction].set(id, (copies[direction].get(id) ?? 0) + 1)
      if (direction === 'out' || copies.in.get(id) !== 1) continue
      // What the device sent and could not say before it was killed.
      this.#message(id)
      if (channel.startsWith('sms:')) {
        this.#sms.add(id)
        sms.add(id)
        continue
      }
      if (channel !== `soak,${device}`) this.problem(`${id} is kept in '${channel}'`)
      const [generation = 0, number = 0] = numbers.map(Number)
      const [lastGeneration, lastNumber] = last.get(device) ?? [0, 0]
      const inOrder = generation > lastGeneration || (generation === lastGeneration && number > lastNumber)
      if (!inOrder) this.problem(`${id} came behind ${device}.${lastGeneration}.${lastNumber}`)
      last.set(device, [generation, number])
    }
    return { ...copies, sms }
  }

  #received(device: string, text: string): void {
    // A connection that brought nothing, as one that an accident befell.
    if (text === '') return
    const id = text.endsWith('!') ? (/^p\d+\.\d+/.exec(text)?.[0] ?? '') : ''
    const pushed = this.#pushed.get(id)
    if (pushed === undefined) {
      // There is no frame: a reset that comes together with the first bytes looks like an end behind them.
      if ([...this.#pushed.keys()].some((known) => `${known} `.startsWith(text) || text.startsWith(`${known} `))) {
        this.#pieces++
      } else this.problem(`${device} received '${text.slice(0, 60)}', which nobody sent`)
      return
    }
    if (pushed.device !== device) this.problem(`${id} was for ${pushed.device} and came to ${device}`)
    if (++pushed.arrived > 1) return
    const arrivals = this.#arrivals.get(device) ?? []
    arrivals.push(pushed.number)
    this.#arrivals.set(device, arrivals)
  }

  #message(id: string): Sent {
    let sent = this.#sent.get(id)
    if (sent === undefined) {
      sent = { device: id.split('.')[0] ?? '', promised: false, settled: undefined }
      this.#sent.set(id, sent)
    }
    return sent
  }

  #excuse(id: string): void {
    this.#excused.set(id, (this.#excused.get(id) ?? 0) + 1)
  }

  #report(): void {
    if (this.#problems.length === 0) return
    const shown = this.#problems.slice(0, SHOWN)
    const more = this.#problems.length - shown.length
    throw new Error([...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('; '))
  }
}

export interface Settlement {
  /** Different messages in the history, SMS apart. */
  readonly messages: number
  readonly repeated: number
  /** Acknowledgements that were cut, of messages and SMS. */
  readonly cut: number
  readonly sms: number
  readonly pushes: number
  readonly repeatedPushes: number
  readonly cutPushes: number
  /** First bytes of a push that was cut in its middle. */
  readonly pieces: number
}

function isAscending(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0))
}

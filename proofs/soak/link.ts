/**
 * The link between one device and the hub, in one direction of connecting: a fault proxy that has accidents, and a
 * record of every connection that went through, from which follows whose acknowledgement was cut.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { FaultProxy } from '@halyard/testkit'
import type { FaultProxyOptions, PassedBytes, ProxiedConnection, SeededRandom } from '@halyard/testkit'

/** One connection, which carries one message. */
export interface Crossing {
  /** Known when all of the message has passed. */
  id: string | undefined
  /** What passed before that. */
  text: string
  /** On the monotonic clock, ms: its first sign of life, and the last byte of the message. */
  readonly beganAt: number
  completeAt: number
  /** Bytes of the acknowledgement that are still to pass. */
  owed: number
  /** An accident befell it: whether the far ends saw the last bytes is not known. */
  disturbed: boolean
}

/** The message has passed and its acknowledgement may not have been seen. */
export function isCut({ id, owed, disturbed }: Crossing): boolean {
  return id !== undefined && (owed > 0 || disturbed)
}

/** How messages are told apart in what passes. */
export interface Form {
  /** The name of the message, once its last byte is there. */
  idOf(text: string): string | undefined
  /** Bytes of an acknowledgement; 0: it is the end of the connection, which shows no bytes. */
  acknowledgement(text: string): number
  /** An acknowledgement that comes later (ms) may meet nobody who waits for it. */
  readonly patience: number
  readonly accidents: readonly Accident[]
}

type Accident =
  /** Connections are refused. */
  | 'refused'
  /** Cut in the middle of the message. */
  | 'middle'
  /** The message arrives, its acknowledgement does not, or in part. */
  | 'no answer'
  | 'half an answer'
  /** Reset in the moment in which the last byte has passed: of the message, or of the answer. */
  | 'behind the message'
  | 'behind the answer'
  /** Nothing passes, and nobody is told. */
  | 'silence'
  | 'reset'
  | 'slow'

/** The device connects: a frame, a reply of five bytes or, to an SMS, two. */
export const TO_HUB: Form = {
  idOf: (text) => (text.endsWith('\r\r') ? /d\d+\.\d+\.\d+s?/.exec(text)?.[0] : undefined),
  acknowledgement: (text) => (text.startsWith('{') ? 5 : 2),
  // Devices wait 3 s, counted from a moment before the first byte is here.
  patience: 2500,
  accidents: [
    ...['refused', 'middle', 'no answer', 'half an answer', 'behind the message'],
    ...['behind the answer', 'silence', 'reset', 'slow'],
  ] as Accident[],
}

/** The hub connects: bytes and an end, answered with an end. Without a frame nothing may hold its middle for long. */
export const TO_DEVICE: Form = {
  idOf: (text) => (text.endsWith('!') ? /p\d+\.\d+/.exec(text)?.[0] : undefined),
  acknowledgement: () => 0,
  patience: Infinity,
  accidents: ['refused', 'middle', 'behind the message', 'silence', 'reset'],
}

export interface LinkOptions {
  readonly proxy: Omit<FaultProxyOptions, 'onPassed'>
  readonly form: Form
  readonly random: SeededRandom
  /** Seconds from one accident to the next, on average. */
  readonly calm: number
}

export class Link {
  readonly crossings: Crossing[] = []
  readonly proxy: FaultProxy
  accidents = 0
  readonly #options: LinkOptions
  readonly #open: WeakMap<ProxiedConnection, Crossing>
  /** Connections that begin now are disturbed from the start. */
  #down = false
  #resetBehind: 'message' | 'answer' | undefined

  private constructor(options: LinkOptions, proxy: FaultProxy, open: WeakMap<ProxiedConnection, Crossing>) {
    this.#options = options
    this.proxy = proxy
    this.#open = open
  }

  static async open(options: LinkOptions): Promise<Link> {
    const passed = (piece: PassedBytes): void => link.#passed(piece)
    const proxy = await FaultProxy.open({ ...options.proxy, onPassed: passed })
    const link = new Link(options, proxy, new WeakMap())
    return link
  }

  /** Accidents until the signal, then none. */
  async live(signal: AbortSignal): Promise<void> {
    const { random, calm, form } = this.#options
    const pause = (seconds: number): Promise<unknown> =>
      wait(seconds * 1000, undefined, { signal }).catch(() => undefined)
    try {
      for (;;) {
        await pause(-Math.log(1 - random.float()) * calm)
        if (signal.aborted) return
        this.#begin(random.pick(form.accidents))
        await pause(random.float() * Math.min(8, calm))
        await this.#mend()
      }
    } finally {
      await this.#mend()
    }
  }

  /** Whoever it connects was killed, or cannot be heard: an answer to what is open meets nobody. */
  disturb(): void {
    for (const connection of this.proxy.connections) this.#crossing(connection).disturbed = true
  }

  #begin(accident: Accident): void {
    const { random } = this.#options
    const { proxy } = this
    this.accidents++
    if (accident === 'refused') proxy.refuse()
    else if (accident === 'middle') proxy.toTarget.set({ cutAfter: 1 + random.integer(12) })
    else if (accident === 'no answer') proxy.toClient.set({ cutAfter: 0 })
    else if (accident === 'half an answer') proxy.toClient.set({ cutAfter: 1 })
    else if (accident === 'behind the message') this.#resetBehind = 'message'
    else if (accident === 'behind the answer') this.#resetBehind = 'answer'
    else if (accident === 'slow') {
      proxy.toTarget.set({ rate: 100, delay: 0.3 })
      proxy.toClient.set({ delay: 0.3 })
    } else {
      this.disturb()
      this.#down = true
      proxy.link.down(accident === 'silence' ? 'silent' : 'reset')
    }
  }

  async #mend(): Promise<void> {
    const { proxy } = this
    this.#resetBehind = undefined
    proxy.toTarget.clear()
    proxy.toClient.clear()
    // Those who came meanwhile met a link that was down, though nothing of them has passed yet.
    if (this.#down) this.disturb()
    this.#down = false
    await proxy.link.up()
  }

  #passed({ connection, to, bytes }: PassedBytes): void {
    const crossing = this.#crossing(connection)
    if (to === 'target') this.#message(crossing, bytes)
    else this.#answer(crossing, bytes)
    const message = to === 'target' && crossing.id !== undefined
    const answer = to === 'client' && crossing.owed <= 0
    if (!(this.#resetBehind === 'message' && message) && !(this.#resetBehind === 'answer' && answer)) return
    crossing.disturbed = true
    connection.reset()
  }

  #message(crossing: Crossing, bytes: Uint8Array): void {
    const { form } = this.#options
    if (crossing.id !== undefined) return
    crossing.text += Buffer.from(bytes).toString('latin1')
    crossing.id = form.idOf(crossing.text)
    if (crossing.id === undefined) return
    crossing.owed = form.acknowledgement(crossing.text)
    crossing.completeAt = performance.now()
    crossing.text = ''
    // A cut that was meant for its middle may fall behind the end of a short one.
    if (this.proxy.toTarget.faults.cutAfter !== undefined) crossing.disturbed = true
  }

  #answer(crossing: Crossing, bytes: Uint8Array): void {
    crossing.owed -= bytes.length
    if (performance.now() - crossing.beganAt > this.#options.form.patience) crossing.disturbed = true
  }

  #crossing(connection: ProxiedConnection): Crossing {
    let crossing = this.#open.get(connection)
    if (crossing === undefined) {
      crossing = { id: undefined, text: '', beganAt: performance.now(), completeAt: 0, owed: 0, disturbed: this.#down }
      this.#open.set(connection, crossing)
      this.crossings.push(crossing)
    }
    return crossing
  }
}

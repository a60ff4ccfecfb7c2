/** A place for outboxes, with a clock and a disk of its own, and a peer that answers when the test says so. */
import { FaultDisk, VirtualClock } from '@halyard/testkit'
import { Outbox } from '@halyard/core'
import type {
  Deliver,
  Delivery,
  Logger,
  OutboxEntry,
  OutboxMessage,
  OutboxOptions,
  OutboxPorts,
  SendControl,
} from '@halyard/core'

export const DEMO = 'demo:me'

/** Both kinds of outbox, for `describe.each`. */
export const KINDS = ['memory', 'path'] as const
export type Kind = (typeof KINDS)[number]

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const textOf = (body: Uint8Array): string => new TextDecoder().decode(body)

export interface Line {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly object: object
  readonly message: string
}

/** What stays when an outbox is closed and opened again. */
export class Home {
  readonly clock: VirtualClock = new VirtualClock()
  readonly disk: FaultDisk
  readonly log: Line[] = []
  readonly #kind: Kind

  constructor(kind: Kind, disk: FaultDisk = new FaultDisk()) {
    this.#kind = kind
    this.disk = disk
  }

  open(options: OutboxOptions = {}, ports: OutboxPorts = {}): Promise<Outbox> {
    const path = this.#kind === 'path' ? { path: '/outbox' } : {}
    return Outbox.open({ ...path, ...options }, { ...this.ports, ...ports })
  }

  get ports(): OutboxPorts {
    return { clock: this.clock, disk: this.disk, logger: this.logger, random: () => 0.5 }
  }

  readonly logger: Logger = {
    debug: (object, message) => this.log.push({ level: 'debug', object, message }),
    info: (object, message) => this.log.push({ level: 'info', object, message }),
    warn: (object, message) => this.log.push({ level: 'warn', object, message }),
    error: (object, message) => this.log.push({ level: 'error', object, message }),
  }

  /** Texts of what was logged at these levels. */
  logged(...levels: Line['level'][]): string[] {
    return this.log.filter(({ level }) => levels.includes(level)).map(({ message }) => message)
  }
}

/** An attempt that waits for the test's answer. */
export interface Attempt {
  readonly message: OutboxMessage
  readonly text: string
  readonly signal: AbortSignal
  answer(delivery: Delivery): void
  fail(error: unknown): void
}

export const DELIVERED: Delivery = { outcome: 'delivered' }
export const refused = (reason: string): Delivery => ({ outcome: 'refused', reason })
export const again = (reason: string): Delivery => ({ outcome: 'retry', reason })

/** A peer whose answers the test gives one by one, or all the same by `always`. */
export class Peer {
  /** what waits for an answer, oldest first */
  readonly pending: Attempt[] = []
  /** every body that was handed over, in order */
  readonly seen: string[] = []
  #always: ((message: OutboxMessage) => Delivery) | undefined

  readonly deliver: Deliver = (message, { signal }) => {
    const text = textOf(message.body)
    this.seen.push(text)
    if (this.#always !== undefined) return Promise.resolve(this.#always(message))
    return new Promise((resolve, reject) => {
      if (signal === undefined) throw new TypeError('a delivery has a signal')
      const attempt = { message, text, signal, answer: resolve, fail: reject }
      this.pending.push(attempt)
    })
  }

  /** From now on every attempt ends so at once. */
  always(delivery: Delivery | ((message: OutboxMessage) => Delivery)): this {
    this.#always = typeof delivery === 'function' ? delivery : () => delivery
    return this
  }

  /** The next attempt, when it is there. */
  async next(): Promise<Attempt> {
    await until(() => this.pending.length > 0, 'an attempt')
    return this.pending.shift() as Attempt
  }

  /** Waits for the next attempt and answers it; gives its text. */
  async answer(delivery: Delivery = DELIVERED): Promise<string> {
    const attempt = await this.next()
    attempt.answer(delivery)
    return attempt.text
  }
}

/** Sends a text to {@link DEMO} or elsewhere. */
export function send(
  outbox: Outbox,
  text: string,
  control: SendControl & { readonly to?: string; readonly atMostOnce?: boolean } = {},
): Promise<OutboxEntry> {
  const { to = DEMO, atMostOnce, ...rest } = control
  const submission = { destination: to, kind: 'text', body: bytes(text), ...(atMostOnce && { atMostOnce }) }
  return outbox.submit(submission, rest)
}

/** Lets everything run that waits for promises and the disk, but no timer, until the condition holds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let turn = 0; turn < 2_000; turn++) {
    if (condition()) return
    await turnOver()
  }
  throw new Error(`waited in vain for ${what}`)
}

/** Many turns of the event loop: enough for whatever would happen now to have happened. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 60; turn++) await turnOver()
}

function turnOver(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** What has become of a promise so far. */
export async function stateOf<T>(promise: Promise<T>): Promise<'pending' | 'resolved' | 'rejected'> {
  let state: 'pending' | 'resolved' | 'rejected' = 'pending'
  promise.then(
    () => (state = 'resolved'),
    () => (state = 'rejected'),
  )
  await quiet()
  return state
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** The events of an outbox, one line each: `queued a`, `dropped a expired`. Keeps what the test is told of bodies. */
export function record(outbox: Outbox): string[] {
  const lines: string[] = []
  for (const event of ['queued', 'delivered', 'dropped'] as const) {
    outbox.on(event, ({ id, reason }) => lines.push([event, id, ...(reason === undefined ? [] : [reason])].join(' ')))
  }
  return lines
}

/** The error a promise rejects with. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('it did not reject')
}

import { loggerFor } from '@halyard/core'
import type { Outbox, OutboxEntry } from '@halyard/core'
import type { SendResult } from '@halyard/hologram'
import { dryRun } from '../account/dry-run.ts'
import type { Context } from '../context.ts'
import { Attempts } from './attempts.ts'
import { openClient } from './client.ts'
import type { Client, Message } from './client.ts'
import type { Kind } from './kind.ts'
import type { Outcome } from './report.ts'
import type { Target } from './settings.ts'

/** How long what is queued is waited for while nothing moves, in seconds, if nothing else is said. */
const PATIENCE = 5

/** A client at work for one command: it hands messages over and knows what became of them, and of older ones. */
export class Courier implements AsyncDisposable {
  readonly outbox: Outbox
  readonly #client: Client
  readonly #attempts: Attempts
  readonly #patience: number
  /** Queued by an earlier command. */
  readonly #older: Set<string>
  /** Told as queued by this one, and not settled since. */
  readonly #waiting = new Set<string>()
  #olderDelivered = 0
  #deliveredLater = 0
  #refusedLater = 0
  #closing: Promise<void> | undefined
  /** An attempt failed since it began. */
  #failed: AbortSignal

  private constructor(client: Client, outbox: Outbox, older: Set<string>, attempts: Attempts, patience: number) {
    this.outbox = outbox
    this.#client = client
    this.#older = older
    this.#attempts = attempts
    this.#failed = attempts.nextFailure()
    this.#patience = patience
    outbox.on('delivered', (entry) => this.#onSettled(entry))
    outbox.on('dropped', (entry) => this.#onSettled(entry))
  }

  /** @throws {HalyardError} what the client and the outbox say about their arguments, the disk, and who has it open */
  static async open(target: Target, kind: Kind, context: Context): Promise<Courier> {
    const attempts = new Attempts(loggerFor(target.credentials ? 'HologramCloud' : 'CustomCloud'))
    const client = await openClient(target, kind, attempts.logger, context)
    try {
      const outbox = await client.cloud.outbox
      const older = new Set<string>()
      for await (const { id } of outbox.entries({ state: 'queued' })) older.add(id)
      return new Courier(client, outbox, older, attempts, target.timeout ?? PATIENCE)
    } catch (error) {
      await client.cloud.close()
      throw error
    }
  }

  /** Older messages that have gone out meanwhile. */
  get olderDelivered(): number {
    return this.#olderDelivered
  }

  /** Those that were told as queued first. */
  get deliveredLater(): number {
    return this.#deliveredLater
  }
  get refusedLater(): number {
    return this.#refusedLater
  }

  /** Throws what a send would, and sends nothing. */
  check(message: Message): Promise<void> {
    return dryRun((options) => this.#client.send(message, options))
  }

  /** Its fate, or that it is queued because it cannot go now. */
  async hand(message: Message): Promise<Outcome> {
    const result = await this.#client.send(message)
    if (!result.buffered) return { result, reason: undefined }
    const entry = this.outbox.why(result.id)
    if (entry?.state === 'queued') this.#waiting.add(result.id)
    return { result, reason: entry?.reason }
  }

  /** The same, but what is queued behind older messages, which go out right now, is waited for: its turn comes. */
  async send(message: Message): Promise<Outcome> {
    const outcome = await this.hand(message)
    const { id, buffered } = outcome.result
    if (!buffered || !(await this.#settles(id))) return outcome
    // The same id again sends nothing: it gives the result that is known by now.
    const result: SendResult = await this.#client.send(message, { id })
    return { result, reason: undefined }
  }

  /** Sends what is queued, as long as that goes on without a failure. */
  async drain(): Promise<void> {
    if (this.#waiting.size === 0) return
    this.#failed = this.#attempts.nextFailure()
    await this.#client.cloud.network.connect()
    for (const id of this.#waiting) if (!(await this.#settles(id))) return
  }

  /** Waits for what is on the wire, and sends nothing more: whoever still waits learns that his message is queued. */
  close(): Promise<void> {
    return (this.#closing ??= this.#client.cloud.close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** False if an attempt failed, nothing moved for too long, or all is closed: then it stays queued for now. */
  async #settles(id: string): Promise<boolean> {
    const quiet = new Silence(this.outbox, this.#patience)
    try {
      await this.outbox.settled(id, { signal: AbortSignal.any([this.#failed, quiet.signal]) })
      return true
    } catch {
      return false
    } finally {
      quiet[Symbol.dispose]()
    }
  }

  #onSettled({ id, state, reason }: OutboxEntry): void {
    // In memory, at the end: neither the service nor anybody else has judged it.
    if (reason === 'closed') return
    if (this.#older.delete(id)) this.#olderDelivered += state === 'delivered' ? 1 : 0
    else if (!this.#waiting.delete(id)) return
    else if (state === 'delivered') this.#deliveredLater += 1
    else this.#refusedLater += 1
  }
}

/** Fires when an outbox has settled nothing for so many seconds. */
class Silence implements Disposable {
  readonly #controller = new AbortController()
  readonly #outbox: Outbox
  readonly #seconds: number
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(outbox: Outbox, seconds: number) {
    this.#outbox = outbox
    this.#seconds = seconds
    outbox.on('delivered', this.#again).on('dropped', this.#again)
    this.#again()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  readonly #again = (): void => {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#controller.abort(), this.#seconds * 1000)
  };

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#outbox.off('delivered', this.#again).off('dropped', this.#again)
  }
}

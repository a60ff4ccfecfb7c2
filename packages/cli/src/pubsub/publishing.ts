/** What `pub` does alike on every broker: message after message, a word on each, and one on what waits. */
import { AbortError } from '@halyard/core'
import type { Outbox, Receipt } from '@halyard/core'
import { describeFailure } from '../failure.ts'
import { Window } from '../send/window.ts'
import { StatusLine } from '../status-line.ts'
import type { Terminal } from '../terminal.ts'
import { paint } from '../text/paint.ts'
import { count } from '../text/units.ts'
import { messagesOf } from './messages.ts'
import type { MessageFlags } from './messages.ts'

/** On its way at once. */
const WINDOW = 1000
const WINDOW_BYTES: number = 16 * 1024 * 1024

export interface PublishingFlags extends MessageFlags {
  readonly json?: true
}

export class Publishing implements Disposable {
  readonly #flags: PublishingFlags
  readonly #terminal: Terminal
  readonly #signal: AbortSignal
  readonly #status: StatusLine
  readonly #tally: Record<Receipt['state'], number> = { delivered: 0, queued: 0 }
  #failure: unknown

  /** @param signal ends it between two messages */
  constructor(flags: PublishingFlags, terminal: Terminal, signal: AbortSignal) {
    this.#flags = flags
    this.#terminal = terminal
    this.#signal = signal
    this.#status = new StatusLine(terminal, () => `${count(this.#tally.delivered, 'message')} published`)
  }

  /** What failed first; `undefined` while nothing has. */
  get failure(): unknown {
    return this.#failure
  }

  get queued(): number {
    return this.#tally.queued
  }

  /** Until there are no more, or one fails. Resolves when each that was begun is delivered, queued, or told of. */
  async all(publish: (message: Uint8Array) => Promise<Receipt>): Promise<void> {
    const window = new Window<Receipt>(WINDOW, WINDOW_BYTES)
    for await (const message of messagesOf(this.#flags, this.#terminal.input, this.#signal)) {
      await window.room(message.length)
      if (this.#failure !== undefined || this.#signal.aborted) break
      window.add(message.length, publish(message), (result) => this.#settled(result))
    }
    await window.empty()
  }

  /** Says what failed. */
  fail(error: unknown): void {
    this.#failure ??= error
    const { colour, environment } = this.#terminal
    this.#status.error(`${paint(colour.error).red('halyard:')} ${describeFailure(error, environment)}`)
  }

  /**
   * Says how many messages wait.
   *
   * @param peer what has not acknowledged them: `broker`
   * @param knownBy what the next command has to name besides the outbox: `host`
   */
  sayOwed(messages: number, outbox: string | undefined, peer: string, knownBy: string): void {
    const what = count(messages, 'message')
    const { red, yellow } = paint(this.#terminal.colour.error)
    if (outbox === undefined) {
      this.#status.error(
        `${red('halyard:')} the ${peer} has not acknowledged ${what}; with --outbox they would be kept`,
      )
      return
    }
    const kept = `${what} ${messages === 1 ? 'is' : 'are'} kept in ${outbox}: the ${peer} has not acknowledged`
    this.#status.error(
      `${yellow('halyard:')} ${kept}; the next pub that names this outbox and ${knownBy} sends what waits`,
    )
  }

  [Symbol.dispose](): void {
    this.#status[Symbol.dispose]()
  }

  #settled(result: PromiseSettledResult<Receipt>): void {
    if (result.status === 'fulfilled') {
      this.#tally[result.value.state]++
      if (this.#flags.json === true) this.#status.print(JSON.stringify(result.value))
    } else if (!(result.reason instanceof AbortError)) this.fail(result.reason)
  }
}

/** How many are left when all that waited have gone, an earlier command's too, or the signal says that it is enough. */
export async function owedAfter(outbox: Outbox, signal: AbortSignal): Promise<number> {
  try {
    await outbox.idle({ signal })
  } catch (error) {
    if (!(error instanceof AbortError)) throw error
  }
  return outbox.depth
}

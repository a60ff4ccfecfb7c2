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
import { Silence } from './silence.ts'

/** On its way at once. */
const WINDOW = 1000
const WINDOW_BYTES: number = 16 * 1024 * 1024

export interface PublishingFlags extends MessageFlags {
  readonly json?: true
  readonly outbox?: string
}

export class Publishing implements Disposable {
  readonly #flags: PublishingFlags
  readonly #terminal: Terminal
  readonly #silence: Silence
  readonly #status: StatusLine
  readonly #tally: Record<Receipt['state'], number> = { delivered: 0, queued: 0 }
  #failure: unknown

  /**
   * @param timeout milliseconds within which a message has to be acknowledged, or one before it
   * @param interrupted ends it between two messages
   */
  constructor(flags: PublishingFlags, terminal: Terminal, timeout: number, interrupted: AbortSignal) {
    this.#flags = flags
    this.#terminal = terminal
    this.#silence = new Silence(timeout, interrupted)
    this.#status = new StatusLine(terminal, () => `${count(this.#tally.delivered, 'message')} published`)
  }

  /** What failed first; `undefined` while nothing has. */
  get failure(): unknown {
    return this.#failure
  }

  /** Nothing was acknowledged for too long; what waits need not be waited for any longer. */
  get isTooLate(): boolean {
    return this.#silence.isOver
  }

  get queued(): number {
    return this.#tally.queued
  }

  /**
   * Until there are no more, one fails, or nothing is acknowledged for too long. Resolves when each that was begun is
   * delivered, queued, or told of. With an outbox the input is read to its end: what is not acknowledged is kept.
   */
  async all(publish: (message: Uint8Array, signal: AbortSignal) => Promise<Receipt>): Promise<void> {
    const window = new Window<Receipt>(WINDOW, WINDOW_BYTES)
    const { signal } = this.#silence
    if (this.#flags.outbox === undefined) this.#silence.watch()
    for await (const message of messagesOf(this.#flags, this.#terminal.input, signal)) {
      await window.room(message.length)
      if (this.#failure !== undefined || signal.aborted) break
      this.#silence.wait()
      window.add(message.length, publish(message, signal), (result) => this.#settled(result))
    }
    this.#silence.watch()
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
        `${red('halyard:')} the ${peer} has not acknowledged ${what}; with --outbox ${messages === 1 ? 'it' : 'they'} would be kept`,
      )
      return
    }
    const kept = `${what} ${messages === 1 ? 'is' : 'are'} kept in ${outbox}: the ${peer} has not acknowledged`
    this.#status.error(
      `${yellow('halyard:')} ${kept}; the next pub that names this outbox and ${knownBy} sends what waits`,
    )
  }

  [Symbol.dispose](): void {
    this.#silence[Symbol.dispose]()
    this.#status[Symbol.dispose]()
  }

  #settled(result: PromiseSettledResult<Receipt>): void {
    this.#silence.heard()
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

import type { Broker } from './broker.ts'
import { CatchingUp } from './catching-up.ts'
import type { Past } from './catching-up.ts'
import type { Publication } from './publication.ts'
import { Replays } from './replays.ts'
import type { FindRetained } from './replays.ts'
import type { Session } from './session.ts'

/** Retained messages that are looked at when a connection ends: its client may have asked for all of them a thousand times. */
const MOST_LOOKS = 100_000

/** The connection whose openings they are. */
export interface OpeningClient {
  readonly session: Session
  /** Bytes that the client has not read. */
  readonly waiting: number
}

/** What new subscriptions of one connection get before, and besides, what is published: stored and retained messages. */
export class Openings {
  readonly #broker: Broker
  readonly #client: OpeningClient
  #catchingUp: CatchingUp | undefined
  #replays: Replays | undefined
  #unanswered = 0

  constructor(broker: Broker, client: OpeningClient) {
    this.#broker = broker
    this.#client = client
  }

  /** For more of what was before. */
  get hasRoom(): boolean {
    const { waiting, session } = this.#client
    return waiting <= this.#broker.limits.outputBytes / 2 && session.queue.length === 0
  }

  /** Filters whose SUBACK waits for a history: a client may not pile them up. */
  get unanswered(): number {
    return this.#unanswered
  }

  /** Nothing of the past is owed. */
  get isOver(): boolean {
    return this.#replays === undefined && this.#unanswered === 0 && (this.#catchingUp?.isOver ?? true)
  }

  get holder(): CatchingUp {
    return (this.#catchingUp ??= new CatchingUp(this.#broker, this.#client.session, () => this.hasRoom))
  }

  /** Stored messages for some of the `count` filters of one SUBSCRIBE; then `answer`. */
  catchUp(pasts: readonly Omit<Past, 'done'>[], count: number, answer: () => void): void {
    let left = pasts.length
    this.#unanswered += count
    const done = (): void => {
      if (--left > 0) return
      this.#unanswered -= count
      answer()
    }
    for (const past of pasts) this.holder.add({ ...past, done })
  }

  /** Retained messages, as fast as the client reads. */
  replay(find: FindRetained, send: (message: Publication) => void): void {
    this.#replays ??= new Replays()
    this.#replays.add(find, send)
    this.#replayOn()
  }

  /** There is room, or may be. */
  continue(): void {
    this.#catchingUp?.continue()
    this.#replayOn()
  }

  #replayOn(): void {
    if (this.#replays?.sendWhile(() => this.hasRoom) === true) this.#replays = undefined
  }

  /** The connection is gone. */
  end(): void {
    const { limits, sessions } = this.#broker
    const { session } = this.#client
    this.#catchingUp?.end()
    if (!session.lasts) return
    const before = session.next
    let looks = MOST_LOOKS
    // What the session keeps goes into its queue, as much as it may have; QoS 0 takes no place there.
    this.#replays?.sendWhile(
      () => session.next - before < limits.queuedMessages && looks-- > 0 && sessions.has(session),
    )
  }
}

import type { Broker } from './broker.ts'
import { CatchingUp } from './catching-up.ts'
import type { Past } from './catching-up.ts'
import type { Publication } from './publication.ts'
import { Replays } from './replays.ts'
import type { FindRetained } from './replays.ts'
import type { Session } from './session.ts'

/** What new subscriptions of one connection get before, and besides, what is published: stored and retained messages. */
export class Openings {
  readonly #broker: Broker
  readonly #session: Session
  readonly #hasRoom: () => boolean
  #catchingUp: CatchingUp | undefined
  #replays: Replays | undefined
  #unanswered = 0

  /** `waiting`: bytes that the client has not read. */
  constructor(broker: Broker, session: Session, waiting: () => number) {
    this.#broker = broker
    this.#session = session
    this.#hasRoom = () => waiting() <= broker.limits.outputBytes / 2 && session.queue.length === 0
  }

  /** Filters whose SUBACK waits for a history: a client may not pile them up. */
  get unanswered(): number {
    return this.#unanswered
  }

  get holder(): CatchingUp {
    return (this.#catchingUp ??= new CatchingUp(this.#broker, this.#session, this.#hasRoom))
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
    this.#replays ??= new Replays(this.#hasRoom)
    this.#replays.add(find, send)
  }

  /** There is room, or may be. */
  continue(): void {
    this.#catchingUp?.continue()
    this.#replays?.continue()
  }

  /** The connection is gone. */
  end(): void {
    const { limits, sessions } = this.#broker
    this.#catchingUp?.end()
    if (!this.#session.lasts) return
    let left = limits.queuedMessages
    this.#replays?.finish(() => left-- > 0 && sessions.has(this.#session))
  }
}

import type { Retained } from '../domain/topics/retained-store.ts'
import type { Publication } from './publication.ts'

interface Replay {
  readonly messages: readonly Retained<Publication>[]
  readonly send: (message: Publication) => void
  next: number
}

/**
 * Retained messages for new subscriptions, sent as fast as the client reads: a hundred thousand at once would be dropped.
 * One that was replaced meanwhile is left out, since the subscription has brought what replaced it: an old one behind a
 * new one would be taken for the newest.
 */
export class Replays {
  readonly #hasRoom: () => boolean
  readonly #waiting: Replay[] = []

  constructor(hasRoom: () => boolean) {
    this.#hasRoom = hasRoom
  }

  add(messages: readonly Retained<Publication>[], send: (message: Publication) => void): void {
    this.#waiting.push({ messages, send, next: 0 })
    this.continue()
  }

  continue(): void {
    this.#sendWhile(this.#hasRoom)
  }

  /** The connection is gone: what the session keeps goes into its queue. */
  finish(): void {
    this.#sendWhile(() => true)
  }

  #sendWhile(mayGoOn: () => boolean): void {
    for (let replay = this.#waiting[0]; replay !== undefined; replay = this.#waiting[0]) {
      while (replay.next < replay.messages.length) {
        if (!mayGoOn()) return
        const retained = replay.messages[replay.next++]
        if (retained?.isCurrent === true) replay.send(retained.message)
      }
      this.#waiting.shift()
    }
  }
}

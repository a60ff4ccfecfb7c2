import type { Retained } from '../domain/topics/retained-store.ts'
import type { Publication } from './publication.ts'

/** Asked when the turn of its filter comes. */
export type FindRetained = () => readonly Retained<Publication>[]

interface Replay {
  readonly find: FindRetained
  /** Only of the replay that is under way: a thousand filters may each fit everything there is. */
  messages: readonly Retained<Publication>[] | undefined
  readonly send: (message: Publication) => void
  next: number
}

/**
 * Retained messages for new subscriptions, sent as fast as the client reads: a hundred thousand at once would be dropped.
 * One that was replaced meanwhile is left out, since the subscription has brought what replaced it: an old one behind a
 * new one would be taken for the newest.
 */
export class Replays {
  readonly #waiting: Replay[] = []

  add(find: FindRetained, send: (message: Publication) => void): void {
    this.#waiting.push({ find, messages: undefined, send, next: 0 })
  }

  /** True: there is no more. */
  sendWhile(mayGoOn: () => boolean): boolean {
    for (let replay = this.#waiting[0]; replay !== undefined; replay = this.#waiting[0]) {
      if (!mayGoOn()) return false
      const messages = (replay.messages ??= replay.find())
      while (replay.next < messages.length) {
        if (!mayGoOn()) return false
        const retained = messages[replay.next++]
        if (retained?.isCurrent === true) replay.send(retained.message)
      }
      this.#waiting.shift()
    }
    return true
  }
}

import type { Publication } from './publication.ts'

interface Replay {
  readonly find: () => readonly Publication[]
  /** Only of the replay that is under way: a thousand filters may each fit everything there is. */
  messages: readonly Publication[] | undefined
  readonly send: (message: Publication) => void
  next: number
}

/** Messages that are there already, sent as fast as the client reads: a hundred thousand at once would be dropped. */
export class Replays {
  readonly #hasRoom: () => boolean
  readonly #waiting: Replay[] = []

  constructor(hasRoom: () => boolean) {
    this.#hasRoom = hasRoom
  }

  add(find: () => readonly Publication[], send: (message: Publication) => void): void {
    this.#waiting.push({ find, messages: undefined, send, next: 0 })
    this.continue()
  }

  continue(): void {
    for (let replay = this.#waiting[0]; replay !== undefined; replay = this.#waiting[0]) {
      if (!this.#hasRoom()) return
      const messages = (replay.messages ??= replay.find())
      while (replay.next < messages.length) {
        if (!this.#hasRoom()) return
        const message = messages[replay.next++]
        if (message) replay.send(message)
      }
      this.#waiting.shift()
    }
  }
}

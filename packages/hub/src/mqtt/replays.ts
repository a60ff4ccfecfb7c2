import type { Publication } from './publication.ts'

interface Replay {
  readonly messages: readonly Publication[]
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

  add(messages: readonly Publication[], send: (message: Publication) => void): void {
    this.#waiting.push({ messages, send, next: 0 })
    this.continue()
  }

  continue(): void {
    for (let replay = this.#waiting[0]; replay !== undefined; replay = this.#waiting[0]) {
      while (replay.next < replay.messages.length) {
        if (!this.#hasRoom()) return
        const message = replay.messages[replay.next++]
        if (message) replay.send(message)
      }
      this.#waiting.shift()
    }
  }
}

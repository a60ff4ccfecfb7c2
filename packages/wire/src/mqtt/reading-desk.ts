import { MAX_CLIENT_ID_CHARACTERS_3_1 } from './connect.ts'
import { Cursor } from './cursor.ts'
import type { ProtocolVersion, Receiver } from './packet.ts'
import { PublishView } from './publish.ts'
import type { TopicName } from './topic-name.ts'

/** How packets are judged. */
export interface ReadingTerms {
  /** Whose packets are taken; both sides' if left out */
  readonly receiver?: Receiver
  /** user properties of one packet; 64 */
  readonly maxUserProperties?: number
  /** characters of the client id in MQTT 3.1, whose own limit is 23; 23 */
  readonly maxClientIdCharacters?: number
}

export const DEFAULT_MAX_USER_PROPERTIES = 64

/**
 * What a reader needs only while it reads. One serves all readers of a process, since they read one after the other: ten
 * thousand that wait hold nothing of the kind. A reader that finds it taken, because the handler of another one has
 * pushed to it, makes one of its own.
 */
export class ReadingDesk {
  readonly cursor: Cursor = new Cursor()
  readonly view: PublishView = new PublishView()
  #isTaken = false

  get isTaken(): boolean {
    return this.#isTaken
  }

  /** `topic`: what {@link leave} gave. */
  take(version: ProtocolVersion | undefined, terms: ReadingTerms, topic: TopicName): void {
    const { cursor } = this
    this.#isTaken = true
    cursor.version = version
    cursor.receiver = terms.receiver
    cursor.maxUserProperties = terms.maxUserProperties ?? DEFAULT_MAX_USER_PROPERTIES
    cursor.maxClientIdCharacters = terms.maxClientIdCharacters ?? MAX_CLIENT_ID_CHARACTERS_3_1
    this.view.topic = topic
  }

  /** Lets go of the caller's chunk. Gives the topic that was read last: most often it is the next one too. */
  leave(): TopicName {
    this.#isTaken = false
    this.cursor.release()
    this.view.release()
    return this.view.topic
  }
}

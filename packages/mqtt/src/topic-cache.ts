/** Of all topics together: 1 MiB at the most, where four thousand of the longest would be 256. */
const MAX_CHARACTERS = 512 * 1024

/**
 * What is known of topics that repeat. Bounded by their number and by their characters, for a peer may send as many and as
 * long ones as it likes: when it is full all are forgotten, which costs those that repeat one more look.
 */
export class TopicCache<Value> {
  readonly #values = new Map<string, Value>()
  readonly #most: number
  #characters = 0

  constructor(most: number) {
    this.#most = most
  }

  get(topic: string): Value | undefined {
    return this.#values.get(topic)
  }

  /** Of a topic that is not known. */
  set(topic: string, value: Value): void {
    if (this.#values.size >= this.#most || this.#characters + topic.length > MAX_CHARACTERS) this.clear()
    this.#values.set(topic, value)
    this.#characters += topic.length
  }

  clear(): void {
    this.#values.clear()
    this.#characters = 0
  }
}

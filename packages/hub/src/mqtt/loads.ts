import type { Counters } from './counters.ts'

const MINUTES = [1, 5, 15] as const

/** What is measured, and the counter that grows with it. */
const MEASURED = {
  sockets: 'sockets',
  connections: 'connectionsEver',
  'messages/received': 'packetsReceived',
  'messages/sent': 'packetsSent',
  'publish/received': 'publishReceived',
  'publish/sent': 'publishSent',
  'publish/dropped': 'dropped',
  'bytes/received': 'bytesReceived',
  'bytes/sent': 'bytesSent',
} as const satisfies Readonly<Record<string, keyof Counters>>

/** How much there is in a minute, each a moving average over 1, 5 and 15 minutes: like the load of a machine. */
export class Loads {
  readonly #interval: number
  readonly #before = new Map<string, number>()
  readonly #averages = new Map<string, number>()

  /** `interval`: seconds between two calls of {@link next}. */
  constructor(interval: number) {
    this.#interval = interval
  }

  next(counters: Counters): Readonly<Record<string, string>> {
    const loads: Record<string, string> = {}
    for (const [name, counter] of Object.entries(MEASURED)) {
      const count = counters[counter]
      const perMinute = ((count - (this.#before.get(name) ?? count)) * 60) / this.#interval
      this.#before.set(name, count)
      for (const minutes of MINUTES) {
        const key = `load/${name}/${minutes}min`
        const share = Math.exp(-this.#interval / (60 * minutes))
        const average = perMinute + share * ((this.#averages.get(key) ?? 0) - perMinute)
        this.#averages.set(key, average)
        loads[key] = average.toFixed(2)
      }
    }
    return loads
  }
}

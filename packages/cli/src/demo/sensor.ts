/** A simulated thermometer in an attic, and how its messages are recognised. */

/** One reading, as it travels. */
export interface Reading {
  readonly celsius: number
  readonly at: Date
}

export const SENSOR_TOPIC = 'halyard-demo'

const MEAN = 21
/** Steps of the walk, and how strongly it is drawn back to the mean. */
const STEP = 0.4
const PULL = 0.05

/** A random walk that does not leave the house. */
export class Thermometer {
  readonly #random: () => number
  #celsius = MEAN

  /** `random`: 0 ≤ x < 1 */
  constructor(random: () => number) {
    this.#random = random
  }

  read(at: Date): Reading {
    this.#celsius += (this.#random() - 0.5) * 2 * STEP + (MEAN - this.#celsius) * PULL
    return { celsius: Math.round(this.#celsius * 10) / 10, at }
  }
}

export function encodeReading({ celsius, at }: Reading): string {
  return JSON.stringify({ sensor: 'attic', celsius, at: at.toISOString() })
}

/** `undefined` for whatever is not a reading: anybody may send with our topic. */
export function decodeReading(payload: Uint8Array): Reading | undefined {
  try {
    const value = JSON.parse(new TextDecoder().decode(payload)) as { celsius?: unknown; at?: unknown } | null
    const at = typeof value?.at === 'string' ? new Date(value.at) : undefined
    if (typeof value?.celsius !== 'number' || at === undefined || Number.isNaN(at.getTime())) return undefined
    return { celsius: value.celsius, at }
  } catch {
    return undefined
  }
}

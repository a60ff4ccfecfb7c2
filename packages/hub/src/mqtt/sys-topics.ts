/** `$SYS`: what the server tells of itself, under the names that dashboards for Mosquitto read. docs/guide/mqtt.md §$SYS */
import type { Clock, Timer } from '@halyard/core'
import { encodeUtf8 } from '@halyard/wire/mqtt'
import type { Broker } from './broker.ts'
import { Loads } from './loads.ts'
import { topicOf } from './publication.ts'

export interface SysTopicsParts {
  readonly broker: Broker
  /** The space in which they are. */
  readonly space: string
  readonly version: string
  /** seconds; 0: none */
  readonly interval: number
  readonly clock: Clock
}

/** Publishes numbers as retained messages: all at the start, then those that have changed. */
export class SysTopics {
  readonly #parts: SysTopicsParts
  readonly #startedAt: number
  readonly #loads: Loads
  readonly #last = new Map<string, string>()
  #heapMost = 0
  #timer: Timer | undefined

  constructor(parts: SysTopicsParts) {
    this.#parts = parts
    this.#startedAt = parts.clock.monotonic()
    this.#loads = new Loads(parts.interval)
    if (parts.interval > 0) this.#tell()
  }

  close(): void {
    this.#timer?.cancel()
  }

  #tell(): void {
    const { broker, clock, interval, version, space } = this.#parts
    this.#timer = clock.setTimer(interval * 1000, () => this.#tell())
    const uptime = Math.floor((clock.monotonic() - this.#startedAt) / 1000)
    const values: Readonly<Record<string, string | number>> = {
      version: `halyard version ${version}`,
      uptime: `${uptime} seconds`,
      ...this.#clients(),
      ...this.#traffic(),
      ...this.#kept(),
      ...this.#loads.next(broker.counters),
      ...this.#heap(),
    }
    const place = broker.space(space)
    for (const [name, value] of Object.entries(values)) {
      const text = String(value)
      if (this.#last.get(name) === text) continue
      this.#last.set(name, text)
      const topic = topicOf(`$SYS/broker/${name}`)
      const what = { payload: encodeUtf8(text), qos: 0, retain: true, properties: undefined } as const
      broker.publish({ topic, ...what, expiresAt: Infinity }, place, topic.text)
    }
  }

  #clients(): Readonly<Record<string, number>> {
    const { counters, sessions } = this.#parts.broker
    const { connections: connected } = counters
    const disconnected = Math.max(0, sessions.size - connected)
    return {
      'clients/connected': connected,
      'clients/active': connected,
      'clients/disconnected': disconnected,
      'clients/inactive': disconnected,
      'clients/total': connected + disconnected,
      'clients/maximum': counters.connectionsMost,
      'clients/expired': counters.expired,
    }
  }

  #traffic(): Readonly<Record<string, number>> {
    const { counters } = this.#parts.broker
    return {
      'messages/received': counters.packetsReceived,
      'messages/sent': counters.packetsSent,
      'publish/messages/received': counters.publishReceived,
      'publish/messages/sent': counters.publishSent,
      'publish/messages/dropped': counters.dropped,
      'publish/bytes/received': counters.publishBytesReceived,
      'publish/bytes/sent': counters.publishBytesSent,
      'bytes/received': counters.bytesReceived,
      'bytes/sent': counters.bytesSent,
    }
  }

  #kept(): Readonly<Record<string, number>> {
    const { broker } = this.#parts
    let [subscriptions, shared, retained, retainedBytes] = [0, 0, 0, 0]
    for (const space of broker.spaces) {
      subscriptions += space.subscriptions
      shared += space.sharedSubscriptions
      retained += space.retained.count
      retainedBytes += space.retained.bytes
    }
    return {
      'subscriptions/count': subscriptions,
      'shared_subscriptions/count': shared,
      'retained messages/count': retained,
      'messages/stored': broker.heldMessages + retained,
      'store/messages/count': broker.heldMessages + retained,
      'store/messages/bytes': broker.heldBytes + retainedBytes,
    }
  }

  #heap(): Readonly<Record<string, number>> {
    const { heapUsed } = process.memoryUsage()
    this.#heapMost = Math.max(this.#heapMost, heapUsed)
    return { 'heap/current': heapUsed, 'heap/maximum': this.#heapMost }
  }
}

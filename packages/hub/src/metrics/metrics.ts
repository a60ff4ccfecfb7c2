/** What `/metrics` shows, in the text format of Prometheus. */
import type { Counter, Gauge, Registry } from 'prom-client'
import type { Distribution } from './commits.ts'
import { FAMILIES } from './families.ts'
import type { Snapshot } from './families.ts'

const COMMIT = 'halyard_journal_commit_seconds'

/** prom-client costs 35 ms at import and watches the garbage collector: it comes with the first who asks. */
export class Metrics {
  readonly #now: () => Snapshot
  readonly #version: string
  #registry: Promise<Registry> | undefined

  constructor(version: string, now: () => Snapshot) {
    this.#version = version
    this.#now = now
  }

  async read(): Promise<{ readonly contentType: string; readonly text: string }> {
    const registry = await (this.#registry ??= this.#build())
    const text = `${await registry.metrics()}\n${histogramText(this.#now().commits.distribution)}`
    return { contentType: registry.contentType, text }
  }

  async #build(): Promise<Registry> {
    const { default: client } = await import('prom-client')
    const registry = new client.Registry()
    const now = this.#now
    client.collectDefaultMetrics({ register: registry })
    new client.Gauge({ name: 'halyard_info', help: 'The version', labelNames: ['version'], registers: [registry] }).set(
      { version: this.#version },
      1,
    )
    for (const { name, help, value } of FAMILIES) {
      if (value(now()) === undefined) continue
      const options = { name, help, registers: [registry] }
      if (name.endsWith('_total')) {
        // A counter of prom-client counts by itself; ours are counted where things happen.
        const counter: Counter = new client.Counter({
          ...options,
          collect: () => {
            counter.reset()
            counter.inc(value(now()) ?? 0)
          },
        })
      } else {
        const gauge: Gauge = new client.Gauge({ ...options, collect: () => gauge.set(value(now()) ?? 0) })
      }
    }
    return registry
  }
}

/** One that is counted elsewhere prom-client does not know. */
function histogramText({ buckets, count, seconds }: Distribution): string {
  return [
    `# HELP ${COMMIT} To write and sync a group of records`,
    `# TYPE ${COMMIT} histogram`,
    ...buckets.map(([end, upTo]) => `${COMMIT}_bucket{le="${end}"} ${upTo}`),
    `${COMMIT}_bucket{le="+Inf"} ${count}`,
    `${COMMIT}_sum ${seconds}`,
    `${COMMIT}_count ${count}`,
    '',
  ].join('\n')
}

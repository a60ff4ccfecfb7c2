import type { Clock, Logger } from '@halyard/core'
import type { Disk } from '@halyard/core/node'
import type { HologramAccounts } from '../../domain/accounts.ts'
import type { Devices } from '../../domain/devices.ts'
import type { MessageLog } from '../../domain/message-log.ts'
import type { Push, PushRequest, PushWait, Pushes } from '../../domain/pushes.ts'
import type { PushLimits } from './limits.ts'

export interface DevicePushesParts {
  /** A directory of its own; none: in memory. */
  readonly path: string | undefined
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: PushLimits
  readonly accounts: HologramAccounts
  readonly devices: Devices
  /** What was delivered is a message of the hub like any other, direction `out`. */
  readonly messages: MessageLog
}

export class DevicePushes implements Pushes {
  static open(_parts: DevicePushesParts): Promise<DevicePushes> {
    return Promise.resolve(new DevicePushes())
  }

  push(_request: PushRequest, _wait?: PushWait): Promise<Push> {
    return Promise.reject(new Error('to be written'))
  }
  keep(_request: PushRequest): Promise<Push> {
    return Promise.reject(new Error('to be written'))
  }
  settled(_cloudId: string, _id: string, _wait?: PushWait): Promise<Push> {
    return Promise.reject(new Error('to be written'))
  }
  list(_cloudId: string): Promise<readonly Push[]> {
    return Promise.resolve([])
  }
  find(_cloudId: string, _id: string): Push | undefined {
    return undefined
  }
  drop(_cloudId: string, _id: string): Promise<boolean> {
    return Promise.resolve(false)
  }
  queued(_cloudId: string): number {
    return 0
  }
  /** Waits for what is on the wire; what is queued stays if there is a path. */
  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** How one message goes out: who may have it, where he is, and what the history says of it. */
import { describeError } from '@halyard/core'
import type { Clock, Logger, OutboxMessage } from '@halyard/core'
import type { HologramAccounts } from '../../domain/accounts.ts'
import type { Devices } from '../../domain/devices.ts'
import type { MessageLog } from '../../domain/message-log.ts'
import { DeviceConnector } from './connection.ts'
import type { PushLimits } from './limits.ts'
import { readOptions } from './request.ts'

export interface PushDeliveryParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: PushLimits
  readonly accounts: Pick<HologramAccounts, 'find'>
  readonly devices: Pick<Devices, 'locate'>
  /** What was delivered is a message of the hub like any other, direction `out`. */
  readonly messages: Pick<MessageLog, 'accept'>
}

export type Attempt =
  | { readonly outcome: 'delivered' }
  | { readonly outcome: 'refused'; readonly reason: string }
  /** `unheard`: there is no address to connect to. */
  | { readonly outcome: 'retry'; readonly reason: string; readonly unheard?: true }

export interface AttemptHooks {
  /** Ends it. */
  readonly signal?: AbortSignal
  readonly onConnecting: () => void
}

export class PushDelivery {
  readonly #parts: PushDeliveryParts
  readonly #connector: DeviceConnector

  constructor(parts: PushDeliveryParts) {
    this.#parts = parts
    this.#connector = new DeviceConnector({ clock: parts.clock, timeout: parts.limits.attemptTimeout })
  }

  /** Never rejects. */
  async attempt(cloudId: string, message: OutboxMessage, hooks: AttemptHooks): Promise<Attempt> {
    const { accounts, devices, limits } = this.#parts
    try {
      if ((await accounts.find(cloudId)) === undefined) {
        return { outcome: 'refused', reason: 'the account of the device was removed' }
      }
      const { host = (await devices.locate(cloudId))?.host, port = limits.port } = readOptions(message.options)
      if (host === undefined) return { outcome: 'retry', reason: UNHEARD, unheard: true }
      hooks.onConnecting()
      const reason = await this.#connector.deliver(message.body, { host, port }, hooks.signal)
      if (reason !== undefined) return { outcome: 'retry', reason }
      await this.#record(cloudId, message.body, host)
      return { outcome: 'delivered' }
    } catch (error) {
      // The index is away for a moment, or no socket can be made of the address.
      return { outcome: 'retry', reason: describeError(error) }
    }
  }

  /** Nothing new; what a device is reading goes on. */
  close(): void {
    this.#connector.close()
  }

  /** The device has it: the history says so, if it can. */
  #record(account: string, payload: Uint8Array, source: string): Promise<void> {
    const { messages, clock, logger } = this.#parts
    return new Promise((resolve) => {
      messages.accept(
        {
          space: 'hologram',
          service: 'hologram',
          account,
          channel: '',
          direction: 'out',
          payload,
          source,
          receivedAt: new Date(clock.now()),
        },
        {
          accepted: () => resolve(),
          failed: (error) => {
            logger.warn({ err: error, account }, 'hologram: a device has a message that the history could not take')
            resolve()
          },
        },
      )
    })
  }
}

const UNHEARD = 'the device was never heard of, so nobody knows where it is; it goes out when it connects'

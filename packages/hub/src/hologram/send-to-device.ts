import { ConnectionError, UsageError } from '@halyard/core'
import type { Pushes } from '../domain/pushes.ts'

export interface SendToDeviceOptions {
  /** where it last connected from */
  readonly host?: string
  /** 4010 */
  readonly port?: number
  /** seconds to wait for the device to have it; 5 */
  readonly timeout?: number
  /** Ends the waiting, not the message. */
  readonly signal?: AbortSignal
}

export type SendToDevice = (
  cloudId: string,
  payload: string | Uint8Array,
  options?: SendToDeviceOptions,
) => Promise<void>

/** {@link Hub.hologram}: queued first, then waited for. */
export function sendToDevice(_pushes: Pushes): SendToDevice {
  return () => Promise.reject(new UsageError('ERR_USAGE', String(ConnectionError.name)))
}

import { AbortError, ConnectionError, UsageError, secondsToMilliseconds, throwIfAborted } from '@halyard/core'
import type { Clock } from '@halyard/core'
import type { Push } from '../domain/pushes.ts'
import type { DevicePushes } from './push/device-pushes.ts'

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

const OPTION_NAMES: readonly string[] = ['host', 'port', 'timeout', 'signal']

/** {@link Hub.hologram}: queued first, then waited for. */
export function sendToDevice(
  pushes: Pick<DevicePushes, 'keep' | 'settled' | 'find' | 'maxAge'>,
  clock: Clock,
): SendToDevice {
  return async (cloudId, payload, options = {}) => {
    const { host, port, timeout = 5, signal } = checkOptions(options)
    const milliseconds = secondsToMilliseconds('timeout', timeout)
    throwIfAborted(signal)
    const { id } = await pushes.keep({ cloudId, payload: bytesOf(payload), host, port })

    const waiting = new AbortController()
    const stop = (): void => waiting.abort()
    const timer = clock.setTimer(milliseconds, stop)
    signal?.addEventListener('abort', stop, { once: true })
    if (signal?.aborted) stop()
    try {
      const push = await pushes.settled(cloudId, id, { signal: waiting.signal })
      if (push.state === 'dropped') throw dropped(push)
    } catch (error) {
      if (!waiting.signal.aborted || !(error instanceof AbortError)) throw error
      if (signal?.aborted) throw new AbortError(signal.reason)
      throw unreachable({ cloudId, id, timeout, maxAge: pushes.maxAge, reason: pushes.find(cloudId, id)?.reason })
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', stop)
    }
  }
}

function checkOptions(options: SendToDeviceOptions): SendToDeviceOptions {
  if (typeof options !== 'object' || options === null) {
    throw new UsageError('ERR_USAGE', `the options of sendToDevice() must be an object, not ${String(options)}`)
  }
  const stranger = Object.keys(options).find((name) => !OPTION_NAMES.includes(name))
  if (stranger === undefined) return options
  throw new UsageError('ERR_USAGE', `sendToDevice() has no option '${stranger}'; it has ${OPTION_NAMES.join(', ')}`)
}

function bytesOf(payload: unknown): Uint8Array {
  if (typeof payload === 'string') return new TextEncoder().encode(payload)
  if (payload instanceof Uint8Array) return payload
  throw new UsageError('ERR_USAGE', `a message to a device is a text or a Uint8Array, not ${typeof payload}`)
}

function dropped({ cloudId, reason = 'no reason is known' }: Push): ConnectionError {
  const why = reason === 'dropped' ? 'it was taken back' : reason === 'closed' ? 'the hub was closed' : reason
  return new ConnectionError('ERR_HUB_PUSH_DROPPED', `device ${cloudId} does not get the message: ${why}`)
}

function unreachable(facts: {
  readonly cloudId: string
  readonly id: string
  readonly timeout: number
  readonly maxAge: number
  readonly reason: string | undefined
}): ConnectionError {
  const { cloudId, id, timeout, maxAge, reason = 'no attempt has come to an end yet' } = facts
  const what = `device ${cloudId} does not have the message after ${timeout} s: ${reason}`
  const next = `it is tried again for ${durationOf(maxAge)}, and at once when the device is heard of`
  return new ConnectionError('ERR_HUB_DEVICE_UNREACHABLE', `${what}. It stays queued as ${id}; ${next}`)
}

/** 604800 → 7 days. */
function durationOf(seconds: number): string {
  for (const [name, length] of [
    ['days', 86_400],
    ['hours', 3600],
    ['minutes', 60],
  ] as const) {
    if (seconds >= 2 * length) return `${Math.round(seconds / length)} ${name}`
  }
  return `${seconds} s`
}

/** What a call must be before it is a message. */
import { UsageError } from '@halyard/core'
import type { PushRequest } from '../../domain/pushes.ts'
import type { PushLimits } from './limits.ts'

/** A name of the DNS has at most 253 characters. */
const MAX_HOST = 253

/** What is kept beside the payload: where to, as far as the call said so. */
export interface PushOptions {
  readonly host?: string
  readonly port?: number
}

/** @throws {HalyardError} `ERR_USAGE`, `ERR_USAGE_PORT`, `ERR_HUB_PUSH_SIZE` */
export function checkRequest(request: PushRequest, limits: PushLimits): PushOptions {
  const { cloudId, payload, host, port } = request
  if (typeof cloudId !== 'string' || cloudId === '') {
    throw new UsageError('ERR_USAGE', 'the cloud id of the device must be a text that is not empty')
  }
  if (!(payload instanceof Uint8Array)) {
    throw new UsageError('ERR_USAGE', `the payload must be a Uint8Array, not ${typeof payload}`)
  }
  if (payload.length === 0) {
    throw new UsageError('ERR_USAGE', 'the payload is empty: a message to a device has at least one byte')
  }
  const most = Math.min(limits.messageBytes, limits.queuedBytes)
  if (payload.length > most) {
    const what = `a message of ${payload.length} bytes is larger than the ${most} that hologram.push.messageBytes allows`
    throw new UsageError('ERR_HUB_PUSH_SIZE', `${what}; send it in parts`)
  }
  return {
    ...(host !== undefined && { host: checkHost(host) }),
    ...(port !== undefined && { port: checkPort(port) }),
  }
}

/** As it was written by {@link checkRequest}: this process's own, or that of a Halyard before it. */
export function readOptions({ host, port }: Readonly<Record<string, unknown>>): PushOptions {
  return {
    ...(typeof host === 'string' && { host }),
    ...(typeof port === 'number' && { port }),
  }
}

export function unknownDevice(cloudId: string): UsageError {
  // A text from outside: shown as it is, but not without end.
  const shown = JSON.stringify(cloudId.slice(0, 64))
  return new UsageError('ERR_HUB_DEVICE_UNKNOWN', `the hub has no device ${shown}; add its account first`)
}

function checkHost(host: unknown): string {
  const isBare = typeof host === 'string' && host !== '' && host.length <= MAX_HOST && !/[\s/@\0[\]]/.test(host)
  // One colon is a port, which belongs elsewhere; several are IPv6.
  if (isBare && !/^[^:]*:[^:]*$/.test(host)) return host
  throw new UsageError(
    'ERR_USAGE',
    'host must be a bare host name or address (192.0.2.7, 2001:db8::7), without scheme, brackets or port',
  )
}

function checkPort(port: unknown): number {
  if (Number.isInteger(port) && (port as number) >= 1 && (port as number) <= 65_535) return port as number
  throw new UsageError('ERR_USAGE_PORT', `port must be a whole number from 1 to 65535, not ${String(port)}`)
}

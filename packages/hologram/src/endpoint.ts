import { UsageError } from '@halyard/core'

/** Where a message goes, or where messages come in. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/**
 * A port as a number: documents write `'9999'` as well as `9999`, and to send 0 stands for "not set".
 *
 * @throws {UsageError} `ERR_HOLOGRAM_ENDPOINT` unless it is a whole number from 0 to 65535.
 */
export function readPort(name: string, port: unknown): number {
  const number = typeof port === 'string' && /^\s*\d+\s*$/.test(port) ? Number(port) : port
  if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= 65_535) return number
  const shown = typeof port === 'string' || typeof port === 'number' ? String(port) : typeof port
  throw complaint(`${name} must be a port from 0 to 65535, not ${shown}`)
}

/**
 * A host name or address; `''` stands for "not set".
 *
 * @throws {UsageError} `ERR_HOLOGRAM_ENDPOINT` for anything that is no text, holds white space, a `/` or an `@`, or ends with a port.
 */
export function readHost(name: string, host: unknown): string {
  if (typeof host !== 'string') throw complaint(`${name} must be a host name or an address, not ${typeof host}`)
  // What follows an @ or a scheme may be a password: it is not repeated.
  if (/[\s/@]/.test(host)) throw complaint(`${name} must be a bare host name or address, without scheme or spaces`)
  // Two colons are IPv6, one is a port that belongs elsewhere.
  if (/^[^:]*:\d*$/.test(host)) throw complaint(`${name} must be a bare host name or address; give the port by itself`)
  return host
}

/** @throws {UsageError} `ERR_HOLOGRAM_ENDPOINT` unless host and port are set. */
export function requireEndpoint({ host, port }: Endpoint): void {
  if (host === '' || port === 0) {
    throw complaint('sendHost and sendPort must be set before a message can be sent')
  }
}

function complaint(message: string): UsageError {
  return new UsageError('ERR_HOLOGRAM_ENDPOINT', message)
}

import { UsageError } from '@halyard/core'
import { readHost, readPort } from './endpoint.ts'
import type { Endpoint } from './endpoint.ts'

/** Where a cloud listens, or would: live properties. Port 0 is one that is free, once it is given; none is not set. */
export class ReceiveAddress {
  #host: string
  #port: number | undefined

  constructor(host: unknown, port: unknown) {
    this.#host = readHost('receiveHost', host ?? '')
    this.#port = port === undefined || port === null ? undefined : readPort('receivePort', port)
  }

  get host(): string {
    return this.#host
  }
  set host(host: unknown) {
    this.#host = readHost('receiveHost', host)
  }

  get port(): number {
    return this.#port ?? 0
  }
  set port(port: unknown) {
    this.#port = readPort('receivePort', port)
  }

  /** @throws {UsageError} `ERR_HOLOGRAM_ENDPOINT` unless host and port are set. */
  required(): Endpoint {
    if (this.#host !== '' && this.#port !== undefined) return { host: this.#host, port: this.#port }
    const what = 'receiveHost and receivePort must be set before messages can be received'
    throw new UsageError('ERR_HOLOGRAM_ENDPOINT', what)
  }
}

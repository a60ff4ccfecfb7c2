import { UsageError } from '@halyard/core'
import { assemble } from './assemble.ts'
import type { CloudPorts } from './assemble.ts'
import { Cloud } from './cloud.ts'
import type { Credentials, CredentialsInit } from './credentials.ts'
import { customService } from './custom-service.ts'
import { readHost, readPort } from './endpoint.ts'
import { LiveAccount } from './live-account.ts'
import type { Sender } from './sender.ts'
import type { CloudOptions, Endpoints, SendOptions, SendResult } from './types.ts'

/**
 * Messages to a TCP server of your own: the bytes as they are, one connection for each, and what the server answers.
 *
 * @example
 * ```ts
 * import { CustomCloud } from '@halyard/hologram'
 *
 * await using cloud = new CustomCloud(null, { sendHost: 'my.example.host.com', sendPort: 9999 })
 * const answer = await cloud.sendMessage('hello', { timeout: 7 })
 * console.log(String(answer), answer.buffered)
 * ```
 */
export class CustomCloud extends Cloud {
  readonly #account: LiveAccount
  readonly #sender: Sender
  #receiveHost: string
  #receivePort: number

  /**
   * Checks what it is given and opens nothing in this turn. `ports` is for tests and other transports.
   *
   * @throws {UsageError} `ERR_HOLOGRAM_ENDPOINT`, `ERR_HOLOGRAM_NETWORK`, `ERR_HOLOGRAM_INBOUND`
   */
  constructor(
    credentials: CredentialsInit | Credentials | null,
    options: CloudOptions & Endpoints = {},
    ports: CloudPorts = {},
  ) {
    const service = ports.service ?? customService
    const account = new LiveAccount(service, credentials, options.sendHost ?? '', options.sendPort ?? 0)
    const receiveHost = readHost('receiveHost', options.receiveHost ?? '')
    const receivePort = readPort('receivePort', options.receivePort ?? 0)
    refuseInbound(options.enableInbound)
    const parts = assemble(service, account, options, ports)
    super(parts)
    this.#account = account
    this.#sender = parts.sender
    this.#receiveHost = receiveHost
    this.#receivePort = receivePort
  }

  get credentials(): CredentialsInit | Credentials | null {
    return this.#account.credentials as CredentialsInit | Credentials | null
  }
  set credentials(credentials: CredentialsInit | Credentials | null) {
    this.#account.credentials = credentials
  }

  get sendHost(): string {
    return this.#account.host
  }
  set sendHost(host: string) {
    this.#account.host = host
  }

  get sendPort(): number {
    return this.#account.port
  }
  /** `'9999'` is a port as well. */
  set sendPort(port: number | string) {
    this.#account.port = port
  }

  /** For a version that listens; this one does not. */
  get receiveHost(): string {
    return this.#receiveHost
  }
  set receiveHost(host: string) {
    this.#receiveHost = readHost('receiveHost', host)
  }

  /** For a version that listens; this one does not. */
  get receivePort(): number {
    return this.#receivePort
  }
  set receivePort(port: number | string) {
    this.#receivePort = readPort('receivePort', port)
  }

  /**
   * Hands a message to the outbox and waits until it is written whole and answered, or has to wait itself. The
   * description of the result is what the peer answered until it closed or was silent for `timeout` seconds.
   *
   * @throws {HalyardError} What the caller must mend: `ERR_HOLOGRAM_MESSAGE`, `ERR_HOLOGRAM_TOPICS`,
   * `ERR_HOLOGRAM_ENDPOINT`, `ERR_USAGE_SECONDS`, `ERR_HOLOGRAM_CLOSED`, `ERR_ABORTED`, and what the outbox throws.
   */
  sendMessage(message: string | Uint8Array, options: SendOptions = {}): Promise<SendResult> {
    return this.#sender.send(message, options)
  }
}

function refuseInbound(enableInbound: unknown): void {
  if (enableInbound !== true) return
  throw new UsageError(
    'ERR_HOLOGRAM_INBOUND',
    'inbound messages are not in this version: nothing would listen; leave enableInbound out',
  )
}

import { UsageError } from '@halyard/core'
import { assemble } from './assemble.ts'
import type { CloudParts, CloudPorts } from './assemble.ts'
import { csrpsk, readAuthentication } from './authentication.ts'
import { Cloud } from './cloud.ts'
import { asCredentials, Credentials } from './credentials.ts'
import type { CredentialsInit } from './credentials.ts'
import { customService } from './custom-service.ts'
import { SEND_HOST, SEND_PORT } from './hologram-cloud.ts'
import { hologramService } from './hologram-service.ts'
import { LiveAccount } from './live-account.ts'
import { readMessage } from './message-body.ts'
import { ReceiveAddress } from './receive-address.ts'
import type { Call, MessageKind, Service } from './service.ts'
import type { Authentication, CloudOptions, SendOptions, SendResult } from './types.ts'

export type MessageMode = 'hologram_cloud' | 'tcp-other'

/**
 * The main interface of the first Python SDK (document 001): one object that sends, either to the Hologram cloud or, with
 * `messageMode: 'tcp-other'`, to a TCP server of your own. It does not listen.
 *
 * @example
 * ```ts
 * import { Credentials, Hologram } from '@halyard/hologram'
 *
 * await using hologram = new Hologram(new Credentials('xxxx', 'xxxx'), { messageMode: 'tcp-other' })
 * hologram.sendHost = 'host.com'
 * hologram.sendPort = '9999'
 * console.log(String(await hologram.sendMessage('msg1')))
 * ```
 */
export class Hologram extends Cloud {
  readonly messageMode: MessageMode
  /** What makes the requests of `hologram_cloud`, with the credentials of the moment. */
  readonly authentication: Authentication
  readonly #service: Service
  readonly #account: LiveAccount
  readonly #parts: CloudParts

  /**
   * Checks what it is given and opens nothing in this turn. A `Credentials` object may be filled later: it counts as it
   * is when a message goes out.
   *
   * @throws {UsageError} `ERR_HOLOGRAM_MODE`, `ERR_HOLOGRAM_CREDENTIALS`, `ERR_HOLOGRAM_AUTHENTICATION`,
   * `ERR_HOLOGRAM_NETWORK`
   */
  constructor(
    credentials: CredentialsInit | Credentials | null,
    options: CloudOptions & { messageMode?: MessageMode } = {},
    ports: CloudPorts = {},
  ) {
    const { messageMode = 'hologram_cloud' } = options
    const authentication = readAuthentication(options.authentication)
    const service = serviceOf(messageMode, authentication)
    const given = messageMode === 'tcp-other' || credentials !== null ? asCredentials(credentials) : null
    const [host, port] = messageMode === 'tcp-other' ? ['', 0] : [SEND_HOST, SEND_PORT]
    const account = new LiveAccount(service, given, host, port)
    const nowhere = new ReceiveAddress(undefined, undefined)
    const parts = assemble(service, account, nowhere, { ...options, enableInbound: false }, ports)
    super(parts)
    this.messageMode = messageMode
    this.authentication = authentication === 'csrpsk' ? csrpsk(() => account.credentials) : authentication
    this.#service = service
    this.#account = account
    this.#parts = parts
  }

  get credentials(): Credentials {
    return this.#account.credentials as Credentials
  }
  set credentials(credentials: CredentialsInit | Credentials) {
    this.#account.credentials = asCredentials(credentials)
  }

  /** `tcp-other` has none before it is set; in `hologram_cloud` it leads to a hub, for instance. */
  get sendHost(): string {
    return this.#account.host
  }
  set sendHost(host: string) {
    this.#account.host = host
  }

  get sendPort(): number {
    return this.#account.port
  }
  set sendPort(port: number | string) {
    this.#account.port = port
  }

  /**
   * As `HologramCloud.sendMessage`, in `tcp-other` as `CustomCloud.sendMessage`, which has no topics.
   *
   * @throws {HalyardError} What the caller must mend: `ERR_HOLOGRAM_MESSAGE`, `ERR_HOLOGRAM_TOPICS`,
   * `ERR_HOLOGRAM_ENDPOINT`, `ERR_HOLOGRAM_CREDENTIALS`, `ERR_USAGE_SECONDS`, `ERR_HOLOGRAM_CLOSED`, `ERR_ABORTED`, and
   * what the outbox throws.
   */
  async sendMessage(message: string | Uint8Array, options: SendOptions = {}): Promise<SendResult> {
    const { topics, ...timing } = options
    return await this.#send(this.#service.message, message, { topics }, timing)
  }

  /**
   * As `HologramCloud.sendSMS`.
   *
   * @throws {HalyardError} `ERR_HOLOGRAM_SMS`, also in `tcp-other`, and what `sendMessage` rejects with
   */
  async sendSMS(
    destinationNumber: string,
    message: string,
    options: Omit<SendOptions, 'topics'> = {},
  ): Promise<SendResult> {
    const { sms } = this.#service
    if (sms) return await this.#send(sms, message, { destination: destinationNumber }, options)
    const what = "message mode 'tcp-other' cannot send an SMS; use messageMode: 'hologram_cloud'"
    throw new UsageError('ERR_HOLOGRAM_SMS', what)
  }

  #send(kind: MessageKind, message: unknown, call: Call, timing: Omit<SendOptions, 'topics'>): Promise<SendResult> {
    return this.#parts.sender.send(kind, readMessage(message), call, timing)
  }
}

function serviceOf(mode: unknown, authentication: 'csrpsk' | Authentication): Service {
  if (mode === 'tcp-other') return customService('Raw')
  if (mode !== 'hologram_cloud') {
    const what = `Invalid message_mode type: ${String(mode)}; use 'hologram_cloud' or 'tcp-other'`
    throw new UsageError('ERR_HOLOGRAM_MODE', what)
  }
  const service = hologramService(authentication)
  return {
    ...service,
    checkCredentials(credentials) {
      // "You can also choose to set these properties directly": before the first message, that is.
      if (!(credentials instanceof Credentials)) service.checkCredentials(credentials)
    },
  }
}

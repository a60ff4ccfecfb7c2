import { UsageError } from '@halyard/core'
import type { WaitOptions } from '@halyard/core'
import { assemble } from './assemble.ts'
import type { CloudParts, CloudPorts } from './assemble.ts'
import { Cloud } from './cloud.ts'
import type { Credentials, CredentialsInit } from './credentials.ts'
import { customService } from './custom-service.ts'
import { LiveAccount } from './live-account.ts'
import { readMessage } from './message-body.ts'
import { readInterval } from './periodic.ts'
import { ReceiveAddress } from './receive-address.ts'
import type { Timing } from './sender.ts'
import type { Call, MessageKind, Service } from './service.ts'
import type { CloudOptions, Endpoints, ReceivedMessage, SendOptions, SendResult } from './types.ts'

/**
 * Messages to a TCP server of your own, and from others to this machine: the bytes as they are, one connection for each,
 * and what the server answers.
 *
 * @example
 * ```ts
 * import { CustomCloud } from '@halyard/hologram'
 *
 * await using cloud = new CustomCloud(null, { sendHost: 'my.example.host.com', sendPort: 9999 })
 * const answer = await cloud.sendMessage('hello', { timeout: 7 })
 * console.log(String(answer), answer.buffered)
 * ```
 *
 * @example
 * ```ts no-run
 * import { CustomCloud } from '@halyard/hologram'
 *
 * await using cloud = new CustomCloud(null, { receiveHost: '0.0.0.0', receivePort: 57750 })
 * await cloud.openReceiveSocket()
 * for await (const { text, remoteAddress } of cloud.receivedMessages()) console.log(remoteAddress, text)
 * ```
 */
export class CustomCloud extends Cloud {
  readonly #service: Service
  readonly #account: LiveAccount
  readonly #receiveAddress: ReceiveAddress
  readonly #parts: CloudParts

  /**
   * Checks what it is given and opens nothing in this turn. `ports` is for tests and other transports.
   *
   * @throws {UsageError} `ERR_HOLOGRAM_ENDPOINT` (also for `enableInbound` without `receiveHost` and `receivePort`),
   * `ERR_HOLOGRAM_NETWORK`
   */
  constructor(
    credentials: CredentialsInit | Credentials | null,
    options: CloudOptions & Endpoints = {},
    ports: CloudPorts = {},
  ) {
    const service = ports.service ?? customService('CustomCloud')
    const account = new LiveAccount(service, credentials, options.sendHost ?? '', options.sendPort ?? 0)
    const receiveAddress = new ReceiveAddress(options.receiveHost, options.receivePort)
    const parts = assemble(service, account, receiveAddress, options, ports)
    super(parts)
    this.#service = service
    this.#account = account
    this.#receiveAddress = receiveAddress
    this.#parts = parts
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

  /** Where it listens; what is set while it does counts from the next `openReceiveSocket()`. */
  get receiveHost(): string {
    return this.#receiveAddress.host
  }
  set receiveHost(host: string) {
    this.#receiveAddress.host = host
  }

  /** 0 is a free one: it stands here once it is known. */
  get receivePort(): number {
    return this.#receiveAddress.port
  }
  set receivePort(port: number | string) {
    this.#receiveAddress.port = port
  }

  /**
   * Hands a message to the outbox and waits until it is written whole and answered, or has to wait itself. The
   * description of the result is what the peer answered until it closed or was silent for `timeout` seconds.
   *
   * @throws {HalyardError} What the caller must mend: `ERR_HOLOGRAM_MESSAGE`, `ERR_HOLOGRAM_TOPICS`,
   * `ERR_HOLOGRAM_ENDPOINT`, `ERR_USAGE_SECONDS`, `ERR_HOLOGRAM_CLOSED`, `ERR_ABORTED`, and what the outbox throws.
   */
  async sendMessage(message: string | Uint8Array, options: SendOptions = {}): Promise<SendResult> {
    const { topics, ...timing } = options
    return await this.dispatch(this.#service.message, message, { topics }, timing)
  }

  /** For the kinds of messages that a derived cloud adds. */
  protected async dispatch(kind: MessageKind, message: unknown, call: Call, timing: Timing): Promise<SendResult> {
    return await this.#parts.sender.send(kind, readMessage(message), call, timing)
  }

  /**
   * Sends a message at once, and then again so many seconds after the previous one was done, until
   * `stopPeriodicMessage()`. The process lives as long as that goes on. It ends by itself when the message is refused or
   * cannot be queued: the event `error` and the log have `ERR_HOLOGRAM_PERIODIC_ENDED`. With `latest` among the options
   * only the newest one waits while the network is down.
   *
   * @param interval seconds, from 1 to a day
   * @throws {HalyardError} `ERR_HOLOGRAM_INTERVAL`, `ERR_HOLOGRAM_PERIODIC` while another one runs or with an `id`, and
   * what `sendMessage` rejects with for a wrong call.
   */
  sendPeriodicMessage(interval: number, message: string | Uint8Array, options: SendOptions = {}): void {
    const { sender, periodic } = this.#parts
    const kind = this.#service.message
    const milliseconds = readInterval(interval)
    const body = readMessage(message)
    const { topics, ...timing } = options
    sender.check(kind, body, { topics }, timing)
    if (timing.id !== undefined) {
      const what = 'an id names one message, a periodic one is another each time; leave id out'
      throw new UsageError('ERR_HOLOGRAM_PERIODIC', what)
    }
    periodic.start(milliseconds, () => sender.send(kind, body, { topics }, timing), timing.signal)
  }

  /** Resolves when nothing of it is on the wire any more; at once if there is none. */
  stopPeriodicMessage(): Promise<void> {
    return this.#parts.periodic.stop()
  }

  /**
   * Listens on `receiveHost` and `receivePort`; on another one than before if they have changed. The process lives until
   * `closeReceiveSocket()` or `close()`.
   *
   * @throws {HalyardError} `ERR_HOLOGRAM_ENDPOINT`, `ERR_INBOUND_PORT`, `ERR_INBOUND_HOST`, `ERR_HOLOGRAM_CLOSED`,
   * `ERR_ABORTED` (the socket is opened all the same)
   */
  openReceiveSocket(options: WaitOptions = {}): Promise<void> {
    return this.#parts.inbound.open(options)
  }

  /** Resolves when nothing listens any more, and the port is free. Messages that are on their way in still arrive. */
  closeReceiveSocket(): Promise<void> {
    return this.#parts.inbound.close()
  }

  /**
   * The text of everything received since the last call, joined; `''` when there was nothing. Holds 1 MiB, then drops
   * the oldest and warns.
   */
  consumeReceivedMessage(): string {
    return this.#parts.inbound.consume()
  }

  /**
   * Every message from this call on, also across `closeReceiveSocket()` and `openReceiveSocket()`. Takes nothing from
   * `consumeReceivedMessage()` or from other iterators. Holds 1000 messages or 8 MiB for a slow reader, then drops the
   * oldest and warns. Ends with `close()`; the signal ends it with `ERR_ABORTED`.
   *
   * @throws {HalyardError} while it waits for a first message: `ERR_HOLOGRAM_INBOUND` if nothing was ever opened,
   * `ERR_INBOUND_PORT` or `ERR_INBOUND_HOST` if that failed.
   */
  receivedMessages(options: WaitOptions = {}): AsyncIterable<ReceivedMessage> {
    return this.#parts.inbound.messages(options)
  }
}

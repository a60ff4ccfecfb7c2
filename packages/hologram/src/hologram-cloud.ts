import type { CloudPorts } from './assemble.ts'
import { readAuthentication } from './authentication.ts'
import type { Credentials, CredentialsInit } from './credentials.ts'
import { CustomCloud } from './custom-cloud.ts'
import { hologramService } from './hologram-service.ts'
import type { HologramService } from './hologram-service.ts'
import type { CloudOptions, Endpoints, SendOptions, SendResult } from './types.ts'

export const SEND_HOST = 'cloudsocket.hologram.io'
export const SEND_PORT = 9999
const RECEIVE_HOST = '0.0.0.0'
const RECEIVE_PORT = 4010

/**
 * Messages to the Hologram cloud, or to a hub in its place (`sendHost`, `sendPort`), SMS, and messages from the cloud.
 *
 * `sendMessage` resolves with the cloud's answer, or as soon as the message has to wait (`buffered`). A refusal is a result,
 * not an error. The cloud takes text: bytes must be UTF-8 (`ERR_HOLOGRAM_MESSAGE`).
 *
 * **It listens on `0.0.0.0:4010` unless `enableInbound` is false**, as document 000 says: whoever reaches that port can
 * send this program messages.
 *
 * @example
 * ```ts no-run
 * import { HologramCloud } from '@halyard/hologram'
 *
 * await using cloud = new HologramCloud({ cloud_id: '34mg', cloud_key: '12ab' }, { outbox: { path: './outbox' } })
 * cloud.event.subscribe('message.sent', () => console.log('hurray!'))
 * const result = await cloud.sendMessage('hi there!', { topics: ['TOPIC 1', 'TOPIC 2'], timeout: 7 })
 * console.log(result.code, String(result)) // 0 The message has been sent successfully.
 * ```
 */
export class HologramCloud extends CustomCloud {
  readonly #service: HologramService

  /**
   * `cloudsocket.hologram.io:9999` and `0.0.0.0:4010` unless said otherwise. The credentials are checked before anything
   * is opened. If the port to listen on is taken, that is a warning; with `enableInbound: true` it is `ERR_INBOUND_PORT`,
   * by the event `error` and to whoever calls `openReceiveSocket()` or waits for messages.
   *
   * @throws {UsageError} `ERR_HOLOGRAM_CREDENTIALS`, `ERR_HOLOGRAM_AUTHENTICATION`, and those of `CustomCloud`
   */
  constructor(
    credentials: CredentialsInit | Credentials,
    options: CloudOptions & Endpoints = {},
    ports: CloudPorts = {},
  ) {
    const service = hologramService(readAuthentication(options.authentication))
    const endpoints = {
      sendHost: options.sendHost ?? SEND_HOST,
      sendPort: options.sendPort ?? SEND_PORT,
      receiveHost: options.receiveHost ?? RECEIVE_HOST,
      receivePort: options.receivePort ?? RECEIVE_PORT,
    }
    super(credentials, { ...options, ...endpoints }, { ...ports, service })
    this.#service = service
  }

  /**
   * A text message to a telephone. It goes out once: written whole, it is never sent again, and without a usable answer
   * the result is code -1. What could not go stays queued as an SMS.
   *
   * @param destinationNumber in E.164 form: `+11234567890`
   * @param message at most 160 characters (code points), without a blank line
   * @throws {HalyardError} `ERR_HOLOGRAM_SMS`, `ERR_HOLOGRAM_MESSAGE`, and what `sendMessage` rejects with
   *
   * @example
   * ```ts no-run
   * import { HologramCloud } from '@halyard/hologram'
   *
   * await using cloud = new HologramCloud({ cloud_id: '34mg', cloud_key: '12ab' }, { enableInbound: false })
   * const result = await cloud.sendSMS('+11234567890', 'Hello, Python!')
   * console.log(result.name, String(result))
   * ```
   */
  async sendSMS(
    destinationNumber: string,
    message: string,
    options: Omit<SendOptions, 'topics'> = {},
  ): Promise<SendResult> {
    return await this.dispatch(this.#service.sms, message, { destination: destinationNumber }, options)
  }
}

import type { CloudPorts } from './assemble.ts'
import type { Credentials, CredentialsInit } from './credentials.ts'
import { CustomCloud } from './custom-cloud.ts'
import { hologramService, readAuthentication } from './hologram-service.ts'
import type { CloudOptions, Endpoints } from './types.ts'

const SEND_HOST = 'cloudsocket.hologram.io'
const SEND_PORT = 9999
const RECEIVE_HOST = '0.0.0.0'
const RECEIVE_PORT = 4010

/**
 * Messages to the Hologram cloud, or to a hub in its place (`sendHost`, `sendPort`).
 *
 * `sendMessage` resolves with the cloud's answer, or as soon as the message has to wait (`buffered`). A refusal is a result,
 * not an error. The cloud takes text: bytes must be UTF-8 (`ERR_HOLOGRAM_MESSAGE`).
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
  /**
   * `cloudsocket.hologram.io:9999` unless said otherwise. This version does not listen on `0.0.0.0:4010`.
   *
   * @throws {UsageError} `ERR_HOLOGRAM_CREDENTIALS`, `ERR_HOLOGRAM_AUTHENTICATION`, and those of `CustomCloud`
   */
  constructor(
    credentials: CredentialsInit | Credentials,
    options: CloudOptions & Endpoints = {},
    ports: CloudPorts = {},
  ) {
    const service = ports.service ?? hologramService(readAuthentication(options.authentication))
    const endpoints = {
      sendHost: options.sendHost ?? SEND_HOST,
      sendPort: options.sendPort ?? SEND_PORT,
      receiveHost: options.receiveHost ?? RECEIVE_HOST,
      receivePort: options.receivePort ?? RECEIVE_PORT,
    }
    super(credentials, { ...options, ...endpoints }, { ...ports, service })
  }
}

/** What of the hub speaks MQTT, put together. */
import type { Clock, Logger } from '@halyard/core'
import type { Passwords } from '../domain/passwords.ts'
import type { MessageStore } from '../domain/positions.ts'
import type { MqttLimits } from './limits.ts'
import type { MqttAccounts } from '../domain/mqtt-accounts.ts'
import { PlainDialect } from './plain/plain-dialect.ts'
import type { Publication } from './publication.ts'
import { MqttServer } from './server.ts'

/** Times in seconds. */
export interface MqttAuthLimits {
  /** Wrong passwords of one address in one window; then none of strangers is looked at until it ends. */
  readonly authFailuresPerAddress: number
  readonly authWindowPerAddress: number
}

export interface MqttParts {
  readonly limits: MqttLimits & MqttAuthLimits
  readonly accounts: MqttAccounts
  readonly passwords: Passwords
  readonly store: MessageStore<Publication>
  readonly anonymous: boolean
  readonly clock: Clock
  readonly logger: Logger
}

export interface MqttService {
  readonly server: MqttServer
  close(): void
}

export function startMqtt(parts: MqttParts): MqttService {
  const { limits, accounts, passwords, store, anonymous, clock, logger } = parts
  const throttle = { failures: limits.authFailuresPerAddress, window: limits.authWindowPerAddress }
  const plain = new PlainDialect({ accounts, passwords, clock, logger, anonymous, throttle })
  const server = new MqttServer({
    authenticate: (login) => plain.authenticate(login),
    ...{ store, limits, clock, logger },
  })
  const stop = accounts.onChange((username) =>
    server.closeAccount(
      ({ dialect, account }) => dialect === plain && account === username,
      'its account was changed or removed',
    ),
  )
  return {
    server,
    close: () => {
      stop()
      server.close()
    },
  }
}

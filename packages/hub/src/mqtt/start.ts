/** What of the hub speaks MQTT, put together. */
import { describeError } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import { REASON } from '@halyard/wire/mqtt'
import type { Passwords } from '../domain/passwords.ts'
import type { MessageHistory } from '../domain/message-history.ts'
import type { MessageStore } from '../domain/positions.ts'
import type { MqttLimits, OverflowPolicy } from './limits.ts'
import type { MqttAccounts } from '../domain/mqtt-accounts.ts'
import { OpenLedger } from './ledger/open.ts'
import type { OpenLedgerParts } from './ledger/open.ts'
import { PLAIN_SPACE } from './plain/plain-topics.ts'
import { PlainDialect } from './plain/plain-dialect.ts'
import type { Publication } from './publication.ts'
import { MqttServer } from './server.ts'
import { SysTopics } from './sys-topics.ts'
import type { Dialect, Login, Verdict } from './dialect.ts'

/** Times in seconds. */
export interface MqttAuthLimits {
  /** Wrong passwords of one address in one window; then none of strangers is looked at until it ends. */
  readonly authFailuresPerAddress: number
  readonly authWindowPerAddress: number
}

export interface MqttParts {
  readonly limits: MqttLimits & MqttAuthLimits
  /** By user name, for accounts whose policy is not that of the limits. */
  readonly overflow: ReadonlyMap<string, OverflowPolicy>
  readonly accounts: MqttAccounts
  readonly passwords: Passwords
  readonly store: MessageStore<Publication>
  /** Where sessions, their queues, retained messages and wills last; none: in memory. */
  readonly journal: Pick<OpenLedgerParts, 'journal' | 'reader' | 'isFull' | 'isTight'> | undefined
  readonly history: MessageHistory<Publication>
  readonly anonymous: boolean
  /** What those speak at the front door who have no account; none: they do not come in. */
  readonly others?: Dialect
  /** What `$SYS` tells of it, and how often: seconds, 0: never. */
  readonly version: string
  readonly sysInterval: number
  readonly clock: Clock
  readonly logger: Logger
}

export interface MqttService {
  readonly server: MqttServer
  /** For `/health`. */
  health(): MqttHealth
  close(): Promise<void>
}

export interface MqttHealth {
  readonly connections: number
  readonly sessions: number
  readonly subscriptions: number
  readonly retained: number
  /** Messages that wait for sessions. */
  readonly queued: number
  readonly queuedBytes: number
  readonly dropped: number
  /** Seconds that the start has taken to read what was kept; absent: nothing is. */
  readonly replay?: number
}

/** @throws {StorageError} `ERR_HUB_RECORD` */
export async function startMqtt(parts: MqttParts): Promise<MqttService> {
  const { limits, overflow, accounts, passwords, store, history, anonymous, others } = parts
  const { version, sysInterval, clock, logger } = parts
  const throttle = { failures: limits.authFailuresPerAddress, window: limits.authWindowPerAddress }
  const plain = new PlainDialect({ accounts, passwords, clock, logger, anonymous, throttle, overflow })
  const kept = await openLedger(parts)
  const server = new MqttServer({
    authenticate: (login) => authenticate(login, plain, others, logger),
    store,
    keeper: kept?.ledger,
    history,
    limits,
    clock,
    logger,
  })
  const { broker } = server
  const restored = await kept?.attach(broker, others ? [plain, others] : [plain])
  if (restored && restored.sessions + restored.retained > 0)
    logger.info(restored, 'mqtt: sessions and messages are back')
  const sysTopics = new SysTopics({ broker, space: PLAIN_SPACE, version, interval: sysInterval, clock })
  const stop = accounts.onChange((username, now) =>
    server.reviseAccount({
      isMeant: ({ dialect, account }) => dialect === plain && account === username,
      principalOf: (clientId) => now && plain.revised(clientId, now),
      why: 'its account was changed or removed',
    }),
  )
  return {
    server,
    health: () => ({ ...healthOf(server), ...(kept && { replay: kept.replayTime / 1000 }) }),
    close: async () => {
      stop()
      sysTopics.close()
      server.close()
      await kept?.close()
    },
  }
}

/** Decision of the design: who names an account needs its password, and is nobody else's. */
function authenticate(
  login: Login,
  plain: PlainDialect,
  others: Dialect | undefined,
  logger: Logger,
): Verdict | Promise<Verdict> {
  if (others === undefined || login.door === 'mqtt') return plain.authenticate(login)
  const known = plain.knows(login)
  if (!(known instanceof Promise)) return (known ? plain : others).authenticate(login)
  return known
    .then((isKnown) => (isKnown ? plain : others).authenticate(login))
    .catch((error: unknown) => {
      logger.error({ err: error }, `mqtt: an account could not be looked up: ${describeError(error)}`)
      return { accepted: false, reason: REASON.serverUnavailable, why: 'the account could not be looked up' }
    })
}

function openLedger({ journal, store, limits, clock, logger }: MqttParts): Promise<OpenLedger> | undefined {
  const { uncommittedBytes } = limits
  return (
    journal && OpenLedger.open({ ...journal, store, limits: { uncommittedBytes, settleInterval: 1 }, clock, logger })
  )
}

function healthOf({ broker, connections }: MqttServer): MqttHealth {
  let [subscriptions, retained] = [0, 0]
  for (const space of broker.spaces) {
    subscriptions += space.subscriptions + space.sharedSubscriptions
    retained += space.retained.count
  }
  return {
    connections,
    sessions: broker.sessions.size,
    subscriptions,
    retained,
    queued: broker.heldMessages,
    queuedBytes: broker.heldBytes,
    dropped: broker.counters.dropped,
  }
}

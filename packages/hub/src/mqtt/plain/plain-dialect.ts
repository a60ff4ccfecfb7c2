import { createHash, timingSafeEqual } from 'node:crypto'
import type { PasswordVerdict, Passwords } from '../../domain/passwords.ts'
import { FailureThrottle } from '../../domain/throttle.ts'
import type { Clock } from '@halyard/core'
import { REASON, parseShared } from '@halyard/wire/mqtt'
import type { Dialect, Login, Principal, PublishPlan, SubscribeOptions, SubscribePlan, Verdict } from '../dialect.ts'
import { AccessList, FULL_ACCESS } from './access-list.ts'
import type { MqttAccount, MqttAccounts } from './accounts.ts'

/** The one space in which all plain MQTT lives. */
const PLAIN_SPACE = 'mqtt'

export interface PlainDialectParts {
  readonly accounts: MqttAccounts
  readonly passwords: Passwords
  readonly clock: Clock
  /** Who has no account may come in all the same, with all rights. */
  readonly anonymous: boolean
  readonly throttle: { readonly failures: number; readonly window: number }
}

interface PlainPrincipal extends Principal {
  readonly access: AccessList
}

/** Topics mean what they say: accounts with passwords, and lists of what they may do. */
export class PlainDialect implements Dialect {
  readonly name = 'mqtt'
  readonly #parts: PlainDialectParts
  readonly #failures: FailureThrottle

  constructor(parts: PlainDialectParts) {
    this.#parts = parts
    this.#failures = new FailureThrottle(parts.throttle)
  }

  authenticate(login: Login): Verdict | Promise<Verdict> {
    const { anonymous, accounts, clock } = this.#parts
    const { username, password } = login
    if (username === undefined && anonymous) return this.#accept(login, undefined)
    if (username === undefined) return refused(REASON.notAuthorized, 'no user name')
    if (this.#failures.blocked(login.address, clock.monotonic())) {
      return refused(REASON.connectionRateExceeded, 'too many wrong passwords from its address')
    }
    const account = accounts.find(username)
    if (account instanceof Promise) return account.then((found) => this.#judge(login, password ?? EMPTY, found))
    return this.#judge(login, password ?? EMPTY, account)
  }

  plan(principal: Principal, topic: string): PublishPlan {
    const { access } = principal as PlainPrincipal
    if (!access.mayPublish(topic)) {
      return {
        kind: 'refuse',
        reason: REASON.notAuthorized,
        acknowledged: true,
        why: 'its access list does not allow it',
      }
    }
    return {
      kind: 'route',
      ...{ space: PLAIN_SPACE, channel: topic, topic, echo: true, mayRetain: true, store: 0, validUntil: Infinity },
    }
  }

  subscribe(principal: Principal, filter: string, { qos }: SubscribeOptions): SubscribePlan {
    const { access } = principal as PlainPrincipal
    const { share, filter: plain } = split(filter)
    if (!access.maySubscribe(plain)) {
      return { kind: 'refuse', reason: REASON.notAuthorized, why: 'its access list does not allow it' }
    }
    return { kind: 'subscribe', space: PLAIN_SPACE, filter: plain, share, qos, validUntil: Infinity }
  }

  unsubscribe(
    _principal: Principal,
    filter: string,
  ): { readonly space: string; readonly filter: string; readonly share: string | undefined } {
    return { space: PLAIN_SPACE, ...split(filter) }
  }

  #judge(login: Login, password: Uint8Array, account: MqttAccount | undefined): Verdict | Promise<Verdict> {
    const verdict = this.#verify(login.username ?? '', password, account)
    if (verdict instanceof Promise) return verdict.then((known) => this.#conclude(login, account, known))
    return this.#conclude(login, account, verdict)
  }

  #verify(
    username: string,
    password: Uint8Array,
    account: MqttAccount | undefined,
  ): PasswordVerdict | Promise<PasswordVerdict> {
    const secret = account?.secret
    if (secret?.algorithm !== 'sha256') return this.#parts.passwords.check(username, password, secret)
    const digest = createHash('sha256').update(password).digest()
    const expected = Buffer.from(secret.hash, 'hex')
    return digest.length === expected.length && timingSafeEqual(digest, expected) ? 'right' : 'wrong'
  }

  #conclude(login: Login, account: MqttAccount | undefined, verdict: PasswordVerdict): Verdict {
    if (verdict === 'right' && account !== undefined) return this.#accept(login, account)
    if (verdict === 'busy') return refused(REASON.serverBusy, 'too many passwords wait to be checked')
    this.#failures.failed(login.address, this.#parts.clock.monotonic())
    return refused(REASON.badUserNameOrPassword, 'wrong user name or password')
  }

  #accept({ clientId }: Login, account: MqttAccount | undefined): Verdict {
    const username = account?.username
    const access = new AccessList(account?.access ?? FULL_ACCESS, { username: username ?? '', clientId })
    const principal: PlainPrincipal = {
      ...{ dialect: this, space: PLAIN_SPACE, account: username ?? '', name: username },
      ...{ mayPersist: true, epoch: 0, access },
    }
    return { accepted: true, principal }
  }
}

const EMPTY = new Uint8Array(0)

function refused(reason: number, why: string): Verdict {
  return { accepted: false, reason, why }
}

function split(filter: string): { readonly share: string | undefined; readonly filter: string } {
  const shared = parseShared(filter)
  return shared ? { share: shared.group, filter: shared.filter } : { share: undefined, filter }
}

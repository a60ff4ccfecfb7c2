import { createHash, timingSafeEqual } from 'node:crypto'
import type { PasswordVerdict, Passwords } from '../../domain/passwords.ts'
import { describeError } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import { REASON } from '@halyard/wire/mqtt'
import type { Login, Principal, SessionOwner, Verdict } from '../dialect.ts'
import type { OverflowPolicy } from '../limits.ts'
import { isUsername } from '../../domain/mqtt-accounts.ts'
import type { MqttAccount, MqttAccounts } from '../../domain/mqtt-accounts.ts'
import { LoginGuard } from '../../domain/login-guard.ts'
import { PlainTopics, refused } from './plain-topics.ts'

export interface PlainDialectParts {
  readonly accounts: Pick<MqttAccounts, 'find'>
  readonly passwords: Passwords
  readonly clock: Clock
  readonly logger: Logger
  /** On the MQTT port, who has no account may come in all the same, with all rights. */
  readonly anonymous: boolean
  /** Wrong passwords of one address in one window (seconds). */
  readonly throttle: { readonly failures: number; readonly window: number }
  /** By user name; none: that of the limits. */
  readonly overflow?: ReadonlyMap<string, OverflowPolicy>
}

/** The hub's accounts, with passwords or certificates. */
export class PlainDialect extends PlainTopics {
  readonly #parts: PlainDialectParts
  readonly #guard: LoginGuard

  constructor(parts: PlainDialectParts) {
    super(parts.overflow)
    this.#parts = parts
    this.#guard = new LoginGuard(parts.throttle)
  }

  authenticate(login: Login): Verdict | Promise<Verdict> {
    const verdict = this.#authenticate(login)
    return verdict instanceof Promise ? verdict.catch((error: unknown) => this.#failed(error)) : verdict
  }

  /** The account as it is now; those who came in without one have what they had. */
  async restore({ account, name, clientId }: SessionOwner): Promise<Principal | undefined> {
    if (account === '') return this.#parts.anonymous ? this.principalOf(clientId, name, undefined) : undefined
    const found = await this.#find(account)
    return found && this.revised(clientId, found)
  }

  /** Whether there is an account for it, whatever its password: nobody else may answer then. */
  knows({ username, certificateName }: Login): boolean | Promise<boolean> {
    const [first, second] = [this.#isAccount(certificateName), this.#isAccount(username)]
    if (first === true || second === true) return true
    if (first === false && second === false) return false
    return Promise.all([first, second]).then((found) => found.includes(true))
  }

  #isAccount(username: string | undefined): boolean | Promise<boolean> {
    const found = username === undefined ? undefined : this.#find(username)
    return found instanceof Promise ? found.then((account) => account !== undefined) : found !== undefined
  }

  /** What a session of the account is, now that its rights are others. */
  revised(clientId: string, account: MqttAccount): Principal {
    return this.principalOf(clientId, account.username, account)
  }

  #authenticate(login: Login): Verdict | Promise<Verdict> {
    const { username, certificateName } = login
    // Whoever holds the key of a certificate needs no password, as long as he does not ask for another account.
    if (certificateName !== undefined && (username ?? certificateName) === certificateName) {
      const certified = this.#find(certificateName)
      return certified instanceof Promise
        ? certified.then((found) => this.#certify(login, found))
        : this.#certify(login, certified)
    }
    return this.#byPassword(login)
  }

  #certify(login: Login, account: MqttAccount | undefined): Verdict | Promise<Verdict> {
    return account === undefined ? this.#byPassword(login) : this.accept(login, account)
  }

  #byPassword(login: Login): Verdict | Promise<Verdict> {
    const { username, password } = login
    if (username === undefined) {
      return this.#isAnonymous(login) ? this.accept(login, undefined) : refused(REASON.notAuthorized, 'no user name')
    }
    if (this.#isBlocked(login)) return tooMany()
    const account = this.#find(username)
    if (account instanceof Promise) return account.then((found) => this.#judge(login, password ?? EMPTY, found))
    return this.#judge(login, password ?? EMPTY, account)
  }

  /** What cannot be a name is not looked for, and fills no memory. */
  #find(username: string): MqttAccount | undefined | Promise<MqttAccount | undefined> {
    return isUsername(username) ? this.#parts.accounts.find(username) : undefined
  }

  /** A password was meant to fit an account: without one nobody is taken for a mistaken user. */
  #isAnonymous({ door, password }: Login): boolean {
    return this.#parts.anonymous && door === 'mqtt' && password === undefined
  }

  #isBlocked({ username = '', address }: Login): boolean {
    return this.#guard.blocks(username, address, this.#parts.clock.monotonic())
  }

  #judge(login: Login, password: Uint8Array, account: MqttAccount | undefined): Verdict | Promise<Verdict> {
    if (account === undefined && this.#isAnonymous(login)) return this.accept(login, undefined)
    const verdict = this.#verify(login, password, account)
    if (verdict instanceof Promise) return verdict.then((known) => this.#confirm(login, account, known))
    return this.#conclude(login, account, verdict)
  }

  /** A wrong password takes as long for every account, and for one that does not exist. */
  #verify(
    login: Login,
    password: Uint8Array,
    account: MqttAccount | undefined,
  ): PasswordVerdict | Promise<PasswordVerdict> {
    const { username = '' } = login
    const secret = account?.secret
    if (secret?.algorithm === 'sha256' && isDigestOf(password, secret.hash)) return 'right'
    const slow = secret?.algorithm === 'scrypt' ? secret : undefined
    // Guesses that came together are counted one by one: those behind the last one are not looked at.
    return this.#parts.passwords.check(username, password, slow, () => !this.#isBlocked(login))
  }

  /** An account that was changed or removed while its password was checked does not come in as what it was. */
  async #confirm(login: Login, account: MqttAccount | undefined, verdict: PasswordVerdict): Promise<Verdict> {
    if (verdict === 'right' && account !== undefined) {
      const present = await this.#find(account.username)
      if (JSON.stringify(present) !== JSON.stringify(account)) {
        return refused(REASON.serverBusy, 'its account was changed while its password was checked')
      }
    }
    return this.#conclude(login, account, verdict)
  }

  #conclude(login: Login, account: MqttAccount | undefined, verdict: PasswordVerdict): Verdict {
    const { username = '', address } = login
    if (this.#isBlocked(login)) return tooMany()
    if (verdict === 'right' && account !== undefined) {
      this.#guard.succeeded(username, address)
      return this.accept(login, account)
    }
    if (verdict === 'busy') return refused(REASON.serverBusy, 'too many passwords wait to be checked')
    const now = this.#parts.clock.monotonic()
    this.#guard.failed(username, address, now)
    if (this.#isBlocked(login)) {
      this.#parts.logger.warn(
        { address },
        'mqtt: too many wrong passwords; none of this address is looked at for a while',
      )
    }
    return refused(REASON.badUserNameOrPassword, 'wrong user name or password')
  }

  /** The registry could not be read. */
  #failed(error: unknown): Verdict {
    this.#parts.logger.error({ err: error }, `mqtt: an account could not be looked up: ${describeError(error)}`)
    return refused(REASON.serverUnavailable, 'the account could not be looked up')
  }
}

const EMPTY = new Uint8Array(0)

function tooMany(): Verdict {
  return refused(REASON.connectionRateExceeded, 'too many wrong passwords from its address')
}

function isDigestOf(password: Uint8Array, hash: string): boolean {
  const digest = createHash('sha256').update(password).digest()
  const expected = Buffer.from(hash, 'hex')
  return digest.length === expected.length && timingSafeEqual(digest, expected)
}

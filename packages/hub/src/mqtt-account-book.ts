import { UsageError } from '@halyard/core'
import { checkFilter, isShared } from '@halyard/wire/mqtt'
import type {
  AccessRule,
  MqttAccountBook,
  MqttAccountChange,
  MqttAccountEntry,
  MqttAccountMade,
  NewMqttAccount,
} from './domain/mqtt-account-book.ts'
import type { Passwords } from './domain/passwords.ts'
import { MAX_USERNAME, isUsername, sha256Secret } from './domain/mqtt-accounts.ts'
import type { MqttAccount, MqttAccounts, MqttSecret } from './domain/mqtt-accounts.ts'

const MAX_PASSWORD = 1024
const MAX_RULES = 100
const MAX_FILTER = 256
const ACCESS: readonly string[] = ['read', 'write', 'readwrite', 'deny']

export interface AccountBookParts {
  readonly accounts: MqttAccounts
  readonly passwords: Passwords
  /** Makes passwords that nobody guesses, and their SHA-256 in hexadecimal. */
  readonly mint: { make(): string; hash(password: string): string }
  /** It has another password soon: a file that shows the old one must not. */
  readonly forgetSample: (username: string) => Promise<unknown>
  /** Wherever it is; `undefined`: there was none. */
  readonly remove: (username: string) => Promise<{ readonly sample: boolean } | undefined>
}

/** Accounts as people ask for them: checked, with a password made where none is given. */
export class AccountBook implements MqttAccountBook {
  readonly #parts: AccountBookParts

  constructor(parts: AccountBookParts) {
    this.#parts = parts
  }

  async add({ username, password, access }: NewMqttAccount): Promise<MqttAccountMade> {
    checkUsername(username)
    checkAccess(access)
    const { secret, made } = await this.#secretOf(password)
    if (await this.#parts.accounts.create({ username, secret, access })) {
      return { ...entryOf({ username, secret, access }), ...made }
    }
    throw new UsageError(
      'ERR_HUB_ACCOUNT_EXISTS',
      'there is an MQTT account with this user name; choose another, or change that one',
    )
  }

  async change(username: string, { password, access }: MqttAccountChange): Promise<MqttAccountMade> {
    if (password === undefined && access === undefined) {
      throw new UsageError('ERR_USAGE', 'nothing is to be changed: name password or access')
    }
    checkAccess(access ?? undefined)
    const { accounts, forgetSample } = this.#parts
    if (!isUsername(username) || (await accounts.find(username)) === undefined) throw unknownAccount()
    const { secret, made } =
      password === undefined ? { secret: undefined, made: undefined } : await this.#secretOf(password ?? undefined)
    // The file first: if it cannot be written, the password is what it was.
    if (secret !== undefined) await forgetSample(username)
    const changed = await accounts.change(username, { secret, access })
    if (changed === undefined) throw unknownAccount()
    return { ...entryOf(changed), ...made }
  }

  async remove(username: string): Promise<{ readonly sample: boolean }> {
    const removed = await this.#parts.remove(username)
    if (removed) return removed
    throw unknownAccount()
  }

  async list(page: { readonly after?: string; readonly limit: number }): Promise<readonly MqttAccountEntry[]> {
    return (await this.#parts.accounts.list(page)).map((account) => entryOf(account))
  }

  async #secretOf(
    password: string | undefined,
  ): Promise<{ readonly secret: MqttSecret; readonly made: { readonly password: string } | undefined }> {
    const { mint, passwords } = this.#parts
    if (password === undefined) {
      const made = mint.make()
      return { secret: sha256Secret(mint.hash(made)), made: { password: made } }
    }
    const bytes = checkPassword(password)
    return { secret: await passwords.hash(bytes), made: undefined }
  }
}

export function unknownAccount(): UsageError {
  return new UsageError(
    'ERR_HUB_ACCOUNT_UNKNOWN',
    'the hub has no MQTT account with this user name; GET /api/mqtt/accounts and halyard hub account list show them all',
  )
}

function entryOf({ username, access }: MqttAccount): MqttAccountEntry {
  return access === undefined ? { username } : { username, access }
}

function checkUsername(username: unknown): void {
  if (isUsername(username)) return
  throw new UsageError(
    'ERR_USAGE',
    `username must be a text of 1 to ${MAX_USERNAME} characters without control characters`,
  )
}

/** Never shown, wherever it fails. */
function checkPassword(password: unknown): Uint8Array {
  // Half a surrogate pair would become another password on the way.
  const bytes =
    typeof password === 'string' && !/\p{Cs}/u.test(password) ? new TextEncoder().encode(password) : new Uint8Array(0)
  if (bytes.length > 0 && bytes.length <= MAX_PASSWORD) return bytes
  throw new UsageError(
    'ERR_USAGE',
    `password must be a text of 1 to ${MAX_PASSWORD} bytes; without it the hub makes one`,
  )
}

function checkAccess(rules: unknown): asserts rules is readonly AccessRule[] | undefined {
  if (rules === undefined) return
  if (!Array.isArray(rules) || rules.length > MAX_RULES) {
    throw new UsageError(
      'ERR_USAGE',
      `access must be a list of at most ${MAX_RULES} rules such as {"filter": "sensors/%u/#", "access": "readwrite"}`,
    )
  }
  for (const [index, rule] of rules.entries()) {
    const problem = problemOf(rule)
    if (problem !== undefined) throw new UsageError('ERR_USAGE', `access[${index}]: ${problem}`)
  }
}

function problemOf(rule: unknown): string | undefined {
  if (typeof rule !== 'object' || rule === null) return 'a rule is an object with filter and access'
  const { filter, access, ...others } = rule as Readonly<Record<string, unknown>>
  const stranger = Object.keys(others)[0]
  if (stranger !== undefined) return 'a rule has filter and access, nothing else'
  if (typeof access !== 'string' || !ACCESS.includes(access)) return `access must be one of ${ACCESS.join(', ')}`
  if (typeof filter !== 'string' || filter.length > MAX_FILTER) {
    return `filter must be a text of at most ${MAX_FILTER} characters`
  }
  if (isShared(filter)) return 'filter must be without $share/<group>/: a rule holds for shared subscriptions too'
  const problem = checkFilter(filter)
  return problem === undefined ? undefined : `filter is no topic filter: ${problem}`
}

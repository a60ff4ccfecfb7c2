import { UsageError } from '@halyard/core'
import type { HologramAccounts } from '../domain/accounts.ts'
import { MAX_API_TOKENS } from '../domain/api-tokens.ts'
import type { ApiTokens } from '../domain/api-tokens.ts'
import type { EmitterKeyBook } from '../domain/emitter-key-book.ts'
import type { MqttAccountBook } from '../domain/mqtt-account-book.ts'
import type {
  Administration,
  EmitterKeyAdmin,
  HologramAccountAdmin,
  HologramCredentials,
  MqttAccountAdmin,
  NewHologramAccount,
  Removed,
  TokenAdmin,
} from './api.ts'
import { checkCloudId, checkNewAccount, checkTokenId, checkTokenName } from './checks.ts'
import type { Removal } from './removal.ts'
import { accountExists, accountUnknown, tokenUnknown } from './errors.ts'

/** As many as the registry gives at once. */
const PAGE = 1000
/** Ids that are made and taken already, one after the other, before it is given up: there are 700,000. */
const ATTEMPTS = 100

export interface AccountKeys {
  /** Random characters that cannot be mistaken for each other. */
  word(length: number): string
  /** What is kept of a key. */
  hash(cloudId: string, cloudKey: string): string
}

export interface LocalParts {
  readonly accounts: HologramAccounts
  readonly mqttAccounts: MqttAccountBook
  readonly emitterKeys: EmitterKeyBook
  readonly tokens: ApiTokens
  readonly keys: AccountKeys
  readonly removal: Removal
  readonly now: () => Date
}

/** On the registry itself, for whoever has the directory of a hub that is stopped. */
export function localAdministration(parts: LocalParts): Administration {
  return {
    hologram: { accounts: hologramAccounts(parts) },
    mqtt: { accounts: mqttAccounts(parts.mqttAccounts) },
    emitter: { keys: emitterKeys(parts.emitterKeys) },
    tokens: apiTokens(parts),
  }
}

function hologramAccounts({ accounts, keys, removal }: LocalParts): HologramAccountAdmin {
  const enter = async (cloudId: string, cloudKey: string): Promise<HologramCredentials | undefined> => {
    const isNew = await accounts.create({ cloudId, keyHash: keys.hash(cloudId, cloudKey) })
    return isNew ? { cloud_id: cloudId, cloud_key: cloudKey } : undefined
  }
  return {
    async add(account: NewHologramAccount = {}) {
      checkNewAccount(account)
      const { cloudId, cloudKey = keys.word(4) } = account
      if (cloudId !== undefined) {
        const entered = await enter(cloudId, cloudKey)
        if (entered) return entered
        throw accountExists(cloudId)
      }
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const entered = await enter(keys.word(4), cloudKey)
        if (entered) return entered
      }
      throw new UsageError(
        'ERR_HUB_ACCOUNT_EXISTS',
        'the ids that were tried are all taken; name a cloud id that is free',
      )
    },

    async *list() {
      for (let after = ''; ;) {
        const page = await accounts.list({ after, limit: PAGE })
        for (const cloudId of page) yield { cloud_id: cloudId }
        const last = page.at(-1)
        if (page.length < PAGE || last === undefined) return
        after = last
      }
    },

    async remove(cloudId): Promise<Removed> {
      checkCloudId(cloudId)
      const removed = await removal.account(cloudId)
      if (removed) return removed
      throw accountUnknown(cloudId)
    },
  }
}

function mqttAccounts(book: MqttAccountBook): MqttAccountAdmin {
  return {
    add: (account) => book.add(account),
    change: (username, change) => book.change(username, change),
    remove: (username) => book.remove(username),
    list: () => allOf(book, ({ username }) => username),
  }
}

function emitterKeys(book: EmitterKeyBook): EmitterKeyAdmin {
  return {
    license: () => Promise.resolve(book.license()),
    add: (wish) => book.add(wish),
    import: (key) => book.import(key),
    describe: (keyOrId) => book.describe(keyOrId),
    revoke: (keyOrId) => book.revoke(keyOrId),
    list: () => allOf(book, ({ id }) => id),
  }
}

function apiTokens({ tokens, removal, now }: LocalParts): TokenAdmin {
  return {
    async add(name) {
      checkTokenName(name)
      const made = await tokens.create(name, now())
      if (made) return made
      throw new UsageError('ERR_HUB_TOKENS_FULL', `there are ${MAX_API_TOKENS} tokens; remove those that nobody uses`)
    },

    async *list() {
      yield* await tokens.list()
    },

    async remove(id): Promise<Removed> {
      checkTokenId(id)
      const removed = await removal.token(id)
      if (removed) return removed
      throw tokenUnknown(id)
    },
  }
}

interface Paged<T> {
  list(wish: { readonly after: string; readonly limit: number }): Promise<readonly T[]>
}

/** Page by page. `nameOf`: by which they are sorted. */
async function* allOf<T>(book: Paged<T>, nameOf: (one: T) => string): AsyncGenerator<T> {
  for (let after = ''; ;) {
    const page = await book.list({ after, limit: PAGE })
    yield* page
    const last = page.at(-1)
    if (page.length < PAGE || last === undefined) return
    after = nameOf(last)
  }
}

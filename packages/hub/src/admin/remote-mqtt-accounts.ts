import type { AccessRule, MqttAccountEntry, MqttAccountMade } from '../domain/mqtt-account-book.ts'
import { isUsername } from '../domain/mqtt-accounts.ts'
import { unknownAccount } from '../mqtt-account-book.ts'
import type { SampleFile } from '../sample-file.ts'
import type { MqttAccountAdmin } from './api.ts'
import type { HubClient } from './hub-client.ts'

const ACCOUNTS = '/api/mqtt/accounts'
/** Fewer than of others: an access list is longer than a key. */
const PAGE = 100

/** What the hub's own book refuses is told in its words, which are the same whether the hub runs or not. */
export function remoteMqttAccounts(client: HubClient, samples: SampleFile): MqttAccountAdmin {
  const path = (username: string): string => {
    if (!isUsername(username)) throw unknownAccount()
    return `${ACCOUNTS}/${encodeURIComponent(username)}`
  }
  return {
    async add({ username, password, access }) {
      return client.checked(toMade(await client.call('POST', ACCOUNTS, { username, password, access })))
    },

    async change(username, { password, access }) {
      return client.checked(toMade(await client.call('PATCH', path(username), { password, access })))
    },

    async *list() {
      for (let after: string | undefined; ;) {
        const from = after === undefined ? '' : `&after=${encodeURIComponent(after)}`
        const { accounts, next } = await client.call('GET', `${ACCOUNTS}?limit=${PAGE}${from}`)
        const entries = client.checked(Array.isArray(accounts) ? (accounts as readonly unknown[]) : undefined)
        for (const entry of entries) yield client.checked(toEntry(entry))
        if (next === undefined) return
        // One that does not go on would be asked for ever.
        after = client.checked(typeof next === 'string' && next !== after && entries.length > 0 ? next : undefined)
      }
    },

    async remove(username) {
      const isShown = async (): Promise<boolean> => (await samples.read())?.mqtt?.username === username
      const before = await isShown()
      await client.call('DELETE', path(username))
      return { sample: before && !(await isShown()) }
    },
  }
}

function toMade(value: unknown): MqttAccountMade | undefined {
  const entry = toEntry(value)
  const { password } = value as { readonly password?: unknown }
  if (entry === undefined || password === undefined) return entry
  return typeof password === 'string' ? { ...entry, password } : undefined
}

function toEntry(value: unknown): MqttAccountEntry | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { username, access } = value as Readonly<Record<string, unknown>>
  if (typeof username !== 'string') return undefined
  if (access === undefined) return { username }
  return Array.isArray(access) && access.every((rule) => isRule(rule)) ? { username, access } : undefined
}

function isRule(value: unknown): value is AccessRule {
  const { filter, access } = (value ?? {}) as Readonly<Record<string, unknown>>
  return typeof filter === 'string' && typeof access === 'string'
}

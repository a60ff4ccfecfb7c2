import { UsageError } from '@halyard/core'
import type { SampleFile } from '../sample-file.ts'
import type { Administration, HologramAccountAdmin, HologramCredentials, TokenAdmin, TokenEntry } from './api.ts'
import { checkCloudId, checkNewAccount, checkTokenId, checkTokenName } from './checks.ts'
import { remoteEmitterKeys } from './remote-emitter-keys.ts'
import { remoteMqttAccounts } from './remote-mqtt-accounts.ts'
import { accountExists, accountUnknown, tokenUnknown } from './errors.ts'
import type { HubClient } from './hub-client.ts'

const ACCOUNTS = '/api/hologram/accounts'
const TOKENS = '/api/tokens'
const PAGE = 1000

/** By the hub that runs. `samples`: looked at, to tell what the hub takes out of it; the hub alone changes it. */
export function remoteAdministration(client: HubClient, samples: SampleFile): Administration {
  return {
    hologram: { accounts: hologramAccounts(client, samples) },
    mqtt: { accounts: remoteMqttAccounts(client, samples) },
    emitter: { keys: remoteEmitterKeys(client) },
    tokens: apiTokens(client, samples),
  }
}

function hologramAccounts(client: HubClient, samples: SampleFile): HologramAccountAdmin {
  return {
    async add(account = {}) {
      checkNewAccount(account)
      const { cloudId, cloudKey } = account
      const call = client.call('POST', ACCOUNTS, { cloud_id: cloudId, cloud_key: cloudKey })
      const answer = await inOwnWords(
        call,
        'ERR_HUB_ACCOUNT_EXISTS',
        cloudId === undefined ? undefined : accountExists(cloudId),
      )
      return client.checked(toCredentials(answer))
    },

    async *list() {
      for (let after: string | undefined; ;) {
        const from = after === undefined ? '' : `&after=${encodeURIComponent(after)}`
        const { accounts, next } = await client.call('GET', `${ACCOUNTS}?limit=${PAGE}${from}`)
        for (const entry of client.checked(toList(accounts))) {
          yield { cloud_id: client.checked(textOf(entry, 'cloud_id')) }
        }
        if (next === undefined) return
        // One that does not go on would be asked for ever.
        after = client.checked(typeof next === 'string' && next > (after ?? '') ? next : undefined)
      }
    },

    async remove(cloudId) {
      checkCloudId(cloudId)
      const isShown = async (): Promise<boolean> => (await samples.read())?.hologram?.cloud_id === cloudId
      const before = await isShown()
      const call = client.call('DELETE', `${ACCOUNTS}/${encodeURIComponent(cloudId)}`)
      await inOwnWords(call, 'ERR_HUB_DEVICE_UNKNOWN', accountUnknown(cloudId))
      return { sample: before && !(await isShown()) }
    },
  }
}

function apiTokens(client: HubClient, samples: SampleFile): TokenAdmin {
  return {
    async add(name) {
      checkTokenName(name)
      const answer = await client.call('POST', TOKENS, { name })
      return { ...client.checked(toToken(answer)), token: client.checked(textOf(answer, 'token')) }
    },

    async *list() {
      const { tokens } = await client.call('GET', TOKENS)
      for (const entry of client.checked(toList(tokens))) yield client.checked(toToken(entry))
    },

    async remove(id) {
      checkTokenId(id)
      const isShown = async (): Promise<boolean> => (await samples.read())?.console !== undefined
      const before = await isShown()
      await inOwnWords(client.call('DELETE', `${TOKENS}/${id}`), 'ERR_HUB_TOKEN_UNKNOWN', tokenUnknown(id))
      return { sample: before && !(await isShown()) }
    },
  }
}

/** What the API says is for those who call it; the user of this did not, and hears the same whether the hub runs or not. */
async function inOwnWords<T>(call: Promise<T>, code: string, own: UsageError | undefined): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw own !== undefined && error instanceof UsageError && error.code === code ? own : error
  }
}

function toList(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? (value as readonly unknown[]) : undefined
}

function toCredentials(value: unknown): HologramCredentials | undefined {
  const [id, key] = [textOf(value, 'cloud_id'), textOf(value, 'cloud_key')]
  return id === undefined || key === undefined ? undefined : { cloud_id: id, cloud_key: key }
}

function toToken(value: unknown): TokenEntry | undefined {
  const [id, name] = [textOf(value, 'id'), textOf(value, 'name')]
  const createdAt = new Date(textOf(value, 'created_at') ?? Number.NaN)
  if (id === undefined || name === undefined || Number.isNaN(createdAt.getTime())) return undefined
  return { id, name, createdAt }
}

function textOf(value: unknown, key: string): string | undefined {
  const found = (value as Readonly<Record<string, unknown>> | null)?.[key]
  return typeof found === 'string' ? found : undefined
}

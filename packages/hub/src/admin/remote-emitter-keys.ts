import type { EmitterKeyEntry, EmitterLicenseEntry } from '../domain/emitter-key-book.ts'
import type { EmitterKeyAdmin } from './api.ts'
import type { HubClient } from './hub-client.ts'

const KEYS = '/api/emitter/keys'
const PAGE = 1000
/** What is a key, or nothing that stands in an address: it is asked for in a body. */
const ID = /^[0-9a-f]{4,64}$/

const ORIGINS: readonly unknown[] = ['issued', 'extended', 'imported', 'stranger', 'unknown']
const STATES: readonly unknown[] = ['valid', 'banned', 'revoked', 'unknown']

/** What the hub's own book refuses is told in its words, which are the same whether the hub runs or not. */
export function remoteEmitterKeys(client: HubClient): EmitterKeyAdmin {
  const describe = async (keyOrId: string): Promise<EmitterKeyEntry> => {
    const isId = ID.test(keyOrId)
    const call = isId
      ? client.call('GET', `${KEYS}/${keyOrId}`)
      : client.call('POST', `${KEYS}/describe`, { key: keyOrId })
    return client.checked(toEntry(await call))
  }
  return {
    async license() {
      return client.checked(toLicense(await client.call('GET', '/api/emitter/license')))
    },

    async add(wish) {
      const answer = await client.call('POST', KEYS, wish)
      const { key } = answer
      return {
        key: client.checked(typeof key === 'string' ? key : undefined),
        ...client.checked(toEntry(answer)),
      }
    },

    async import(key) {
      return client.checked(toEntry(await client.call('POST', KEYS, { key })))
    },

    describe,

    async *list() {
      for (let after: string | undefined; ;) {
        const from = after === undefined ? '' : `&after=${encodeURIComponent(after)}`
        const { keys, next } = await client.call('GET', `${KEYS}?limit=${PAGE}${from}`)
        const entries = client.checked(Array.isArray(keys) ? (keys as readonly unknown[]) : undefined)
        for (const entry of entries) yield client.checked(toEntry(entry))
        if (next === undefined) return
        // One that does not go on would be asked for ever.
        after = client.checked(typeof next === 'string' && next > (after ?? '') ? next : undefined)
      }
    },

    async revoke(keyOrId) {
      const { id } = await describe(keyOrId)
      const answer = await client.call('DELETE', `${KEYS}/${id}`)
      return { ...client.checked(toEntry(answer)), sample: answer['sample'] === true }
    },
  }
}

function toLicense(value: Readonly<Record<string, unknown>>): EmitterLicenseEntry | undefined {
  const { license, version, contract, matcher, accept_foreign_keys: acceptForeignKeys } = value
  if (typeof license !== 'string' || typeof contract !== 'number' || typeof acceptForeignKeys !== 'boolean') {
    return undefined
  }
  if ((version !== 1 && version !== 2 && version !== 3) || (matcher !== 'emitter' && matcher !== 'mqtt')) {
    return undefined
  }
  return { license, version, contract, matcher, acceptForeignKeys }
}

function toEntry(value: unknown): EmitterKeyEntry | undefined {
  const {
    id,
    channel,
    type,
    origin,
    state,
    parent,
    expires,
    created_at: created,
  } = Object(value) as Readonly<Record<string, unknown>>
  if (typeof id !== 'string' || !/^[0-9a-f]{64}$/.test(id)) return undefined
  if (typeof channel !== 'string' || typeof type !== 'string') return undefined
  if (!ORIGINS.includes(origin) || !STATES.includes(state)) return undefined
  if ([parent, expires, created].some((part) => part !== undefined && typeof part !== 'string')) return undefined
  return {
    id,
    channel,
    type,
    origin: origin as EmitterKeyEntry['origin'],
    state: state as EmitterKeyEntry['state'],
    ...(typeof parent === 'string' && { parent }),
    ...(typeof expires === 'string' && { expires: new Date(expires) }),
    ...(typeof created === 'string' && { createdAt: new Date(created) }),
  }
}

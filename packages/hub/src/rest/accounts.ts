import { UsageError } from '@halyard/core'
import type { FastifyInstance } from 'fastify'
import * as v from 'valibot'
import type { HologramAccounts } from '../domain/accounts.ts'
import { unknownDevice } from './problem.ts'
import { FOUR_CHARACTERS, MAX_PAGE, check, checkDevicePath, checkNoQuery, checkPage, fields } from './validate.ts'
import type { Page } from './validate.ts'

export interface AccountKeys {
  /** Random characters that cannot be mistaken for each other. */
  word(length: number): string
  /** What is kept of a key. */
  hash(cloudId: string, cloudKey: string): string
}

/** Takes away what it finds, wherever it is shown; `undefined`: there was none. */
export interface Removal {
  account(cloudId: string): Promise<object | undefined>
  token(id: string): Promise<object | undefined>
}

/** There are 700,000 ids: that so many made in a row are taken happens in a hub that is nearly full. */
const ATTEMPTS = 50

const NewAccount = fields({ cloud_id: v.optional(FOUR_CHARACTERS), cloud_key: v.optional(FOUR_CHARACTERS) })

export interface AccountParts {
  readonly accounts: HologramAccounts
  readonly removal: Removal
  readonly keys: AccountKeys
}

export function accountRoutes(app: FastifyInstance, { accounts, removal, keys }: AccountParts): void {
  app.get('/hologram/accounts', async ({ query }) => {
    const { ids, next } = await accountPage(accounts, checkPage(query))
    return { accounts: ids.map((cloudId) => ({ cloud_id: cloudId })), ...(next !== undefined && { next }) }
  })

  app.post('/hologram/accounts', async ({ query, body }, reply) => {
    checkNoQuery(query)
    const { cloud_id: wanted, cloud_key: cloudKey = keys.word(4) } = check(NewAccount, body ?? {}, 'body')
    for (let attempt = 0; attempt < (wanted === undefined ? ATTEMPTS : 1); attempt++) {
      const cloudId = wanted ?? keys.word(4)
      if (await accounts.create({ cloudId, keyHash: keys.hash(cloudId, cloudKey) })) {
        return reply.code(201).send({ cloud_id: cloudId, cloud_key: cloudKey })
      }
    }
    const message = `there is an account with this cloud id${wanted === undefined ? '' : '; choose another, or leave it out'}`
    throw new UsageError('ERR_HUB_ACCOUNT_EXISTS', message)
  })

  app.delete('/hologram/accounts/:cloud_id', async ({ query, params }, reply) => {
    checkNoQuery(query)
    const { cloudId } = checkDevicePath(params)
    if (!(await removal.account(cloudId))) throw unknownDevice()
    return reply.code(204).send()
  })
}

/** `next`: there is more behind this id. */
export async function accountPage(
  accounts: HologramAccounts,
  { after, limit }: Page,
): Promise<{ readonly ids: readonly string[]; readonly next?: string }> {
  const start = after === undefined ? {} : { after }
  // One more tells whether there is more, and the port gives so many at most: the largest page asks again.
  const found = await accounts.list({ ...start, limit: Math.min(limit + 1, MAX_PAGE) })
  const ids = found.slice(0, limit)
  const last = ids.at(-1)
  if (last === undefined || found.length < limit) return { ids }
  const more = found.length > limit || (await accounts.list({ after: last, limit: 1 })).length > 0
  return more ? { ids, next: last } : { ids }
}

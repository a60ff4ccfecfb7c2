import type { FastifyInstance } from 'fastify'
import * as v from 'valibot'
import type {
  MqttAccountBook,
  MqttAccountChange,
  MqttAccountEntry,
  NewMqttAccount,
} from '../domain/mqtt-account-book.ts'
import { MAX_PAGE, check, checkNoQuery, checkPage, fields, text } from './validate.ts'
import type { Page } from './validate.ts'

// What the fields may hold is the book's to say: the same whoever asks.
const NewAccount = fields({
  username: v.unknown(),
  password: v.optional(v.unknown()),
  access: v.optional(v.unknown()),
})
const Change = fields({ password: v.optional(v.unknown()), access: v.optional(v.unknown()) })
const AccountPath = fields({ username: text(256) })

export interface MqttAccountParts {
  readonly mqttAccounts: MqttAccountBook
}

export function mqttAccountRoutes(app: FastifyInstance, { mqttAccounts }: MqttAccountParts): void {
  app.get('/mqtt/accounts', async ({ query }) => mqttAccountPage(mqttAccounts, checkPage(query)))

  app.post('/mqtt/accounts', async ({ query, body }, reply) => {
    checkNoQuery(query)
    return reply.code(201).send(await mqttAccounts.add(check(NewAccount, body, 'body') as NewMqttAccount))
  })

  app.patch('/mqtt/accounts/:username', async ({ query, params, body }) => {
    checkNoQuery(query)
    const { username } = check(AccountPath, params, 'path')
    return mqttAccounts.change(username, check(Change, body, 'body') as MqttAccountChange)
  })

  app.delete('/mqtt/accounts/:username', async ({ query, params }, reply) => {
    checkNoQuery(query)
    const { username } = check(AccountPath, params, 'path')
    await mqttAccounts.remove(username)
    return reply.code(204).send()
  })
}

/** `next`: there is more behind this name. */
async function mqttAccountPage(
  book: MqttAccountBook,
  { after, limit }: Page,
): Promise<{ readonly accounts: readonly MqttAccountEntry[]; readonly next?: string }> {
  const start = after === undefined ? {} : { after }
  const found = await book.list({ ...start, limit: Math.min(limit + 1, MAX_PAGE) })
  const accounts = found.slice(0, limit)
  const last = accounts.at(-1)?.username
  if (last === undefined || found.length < limit) return { accounts }
  const more = found.length > limit || (await book.list({ after: last, limit: 1 })).length > 0
  return more ? { accounts, next: last } : { accounts }
}

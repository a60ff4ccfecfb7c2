import type { FastifyInstance } from 'fastify'
import * as v from 'valibot'
import type { EmitterKeyBook, EmitterKeyEntry, NewEmitterKeyWish } from '../domain/emitter-key-book.ts'
import { MAX_PAGE, check, checkNoQuery, checkPage, fields, text } from './validate.ts'
import type { Page } from './validate.ts'

// What the fields may hold is the book's to say: the same whoever asks.
const NewKey = v.union(
  [
    fields({ master: v.literal(true) }),
    fields({ channel: v.unknown(), type: v.optional(v.unknown()), ttl: v.optional(v.unknown()) }),
    fields({ key: text(256) }),
  ],
  'must have channel (with type and ttl), master: true, or key, which is one to import',
)
const Described = fields({ key: text(256) })
const KeyPath = fields({ id: text(256) })

export interface EmitterKeyParts {
  readonly emitterKeys: EmitterKeyBook
}

/** Keys themselves come in bodies alone, never in an address. */
export function emitterKeyRoutes(app: FastifyInstance, { emitterKeys: book }: EmitterKeyParts): void {
  app.get('/emitter/license', ({ query }) => {
    checkNoQuery(query)
    const { acceptForeignKeys, ...license } = book.license()
    return { ...license, accept_foreign_keys: acceptForeignKeys }
  })

  app.get('/emitter/keys', async ({ query }) => keyPage(book, checkPage(query)))

  app.post('/emitter/keys', async ({ query, body }, reply) => {
    checkNoQuery(query)
    const wish = check(NewKey, body, 'body')
    if ('key' in wish) return reply.code(201).send(written(await book.import(wish.key)))
    const { key, ...made } = await book.add(wish as NewEmitterKeyWish)
    return reply.code(201).send({ key, ...written(made) })
  })

  app.post('/emitter/keys/describe', async ({ query, body }) => {
    checkNoQuery(query)
    return written(await book.describe(check(Described, body, 'body').key))
  })

  app.get('/emitter/keys/:id', async ({ query, params }) => {
    checkNoQuery(query)
    return written(await book.describe(check(KeyPath, params, 'path').id))
  })

  app.delete('/emitter/keys/:id', async ({ query, params }) => {
    checkNoQuery(query)
    const { sample, ...entry } = await book.revoke(check(KeyPath, params, 'path').id)
    return { ...written(entry), sample }
  })
}

function written({ expires, createdAt, ...entry }: EmitterKeyEntry): object {
  return {
    ...entry,
    ...(expires && { expires: expires.toISOString() }),
    ...(createdAt && { created_at: createdAt.toISOString() }),
  }
}

/** `next`: there is more behind this id. */
async function keyPage(
  book: EmitterKeyBook,
  { after, limit }: Page,
): Promise<{ readonly keys: readonly object[]; readonly next?: string }> {
  const start = after === undefined ? {} : { after }
  const found = await book.list({ ...start, limit: Math.min(limit + 1, MAX_PAGE) })
  const keys = found.slice(0, limit)
  const last = keys.at(-1)?.id
  const shown = { keys: keys.map((entry) => written(entry)) }
  if (last === undefined || found.length < limit) return shown
  const more = found.length > limit || (await book.list({ after: last, limit: 1 })).length > 0
  return more ? { ...shown, next: last } : shown
}

import { UsageError } from '@halyard/core'
import type { Clock } from '@halyard/core'
import type { FastifyInstance } from 'fastify'
import type { Removal } from './accounts.ts'
import { MAX_API_TOKENS } from '../domain/api-tokens.ts'
import type { ApiToken, ApiTokens } from '../domain/api-tokens.ts'
import { check, checkNoQuery, fields, name, text } from './validate.ts'

const NewToken = fields({ name: name(100) })
const TokenPath = fields({ id: text(256) })

interface TokenParts {
  readonly tokens: ApiTokens
  readonly removal: Removal
  readonly clock: Clock
}

export function tokenRoutes(app: FastifyInstance, { tokens, removal, clock }: TokenParts): void {
  app.get('/tokens', async ({ query }) => {
    checkNoQuery(query)
    return { tokens: (await tokens.list()).map((token) => tokenJson(token)) }
  })

  app.post('/tokens', async ({ query, body }, reply) => {
    checkNoQuery(query)
    const wanted = check(NewToken, body, 'body')
    const created = await tokens.create(wanted.name, new Date(clock.now()))
    if (!created) {
      const message = `there are ${MAX_API_TOKENS} tokens; remove those that nobody uses`
      throw new UsageError('ERR_HUB_TOKENS_FULL', message)
    }
    return reply.code(201).send({ ...tokenJson(created), token: created.token })
  })

  app.delete('/tokens/:id', async ({ query, params }, reply) => {
    checkNoQuery(query)
    const { id } = check(TokenPath, params, 'path')
    if (!(await removal.token(id))) {
      throw new UsageError('ERR_HUB_TOKEN_UNKNOWN', 'there is no token with this id; GET /api/tokens lists them')
    }
    return reply.code(204).send()
  })
}

function tokenJson({ id, name: shown, createdAt }: ApiToken): object {
  return { id, name: shown, created_at: createdAt.toISOString() }
}

/** Holds the files still for the owner of the data directory, who copies them: docs/guide/hub.md §Backup. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Backups } from '../domain/backups.ts'
import type { Gate } from './authorise.ts'
import { unknownRoute } from './problem.ts'
import { check, checkNoQuery, fields, text } from './validate.ts'

const HoldPath = fields({ id: text(32) })

interface BackupParts {
  /** None: the hub is in memory. */
  readonly backups: Backups | undefined
  readonly gate: Gate
}

export function backupRoutes(app: FastifyInstance, { backups, gate }: BackupParts): void {
  if (backups === undefined) return

  /** Whoever has a token of the API has no right to the directory: only the one in `running.json` will do. */
  const checkOwner = (request: FastifyRequest): void => {
    checkNoQuery(request.query)
    if (gate.tokenOf(request) !== undefined) throw unknownRoute(request)
  }

  app.post('/backups', async (request, reply) => {
    checkOwner(request)
    return reply.code(201).send(await backups.begin())
  })

  app.post('/backups/:id', (request) => {
    checkOwner(request)
    return backups.renew(check(HoldPath, request.params, 'path').id).then((held) => ({ held }))
  })

  app.delete('/backups/:id', (request) => {
    checkOwner(request)
    return backups.end(check(HoldPath, request.params, 'path').id).then((held) => ({ held }))
  })
}

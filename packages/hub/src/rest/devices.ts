import type { FastifyInstance } from 'fastify'
import type { HologramAccounts } from '../domain/accounts.ts'
import type { Devices } from '../domain/devices.ts'
import type { Pushes } from '../domain/pushes.ts'
import { accountPage } from './accounts.ts'
import { unknownDevice } from './problem.ts'
import { checkDevicePath, checkNoQuery, checkPage } from './validate.ts'

export interface DeviceParts {
  readonly accounts: HologramAccounts
  readonly devices: Devices
  readonly pushes: Pick<Pushes, 'queued'>
}

/** Devices looked up at once: the history hands over the last message of each, and it may be large. */
const TOGETHER = 8

export function deviceRoutes(app: FastifyInstance, parts: DeviceParts): void {
  const { accounts } = parts

  app.get('/hologram/devices', async ({ query }) => {
    const { ids, next } = await accountPage(accounts, checkPage(query))
    const shown: object[] = []
    for (let start = 0; start < ids.length; start += TOGETHER) {
      const some = ids.slice(start, start + TOGETHER)
      shown.push(...(await Promise.all(some.map((cloudId) => deviceJson(cloudId, parts)))))
    }
    return { devices: shown, ...(next !== undefined && { next }) }
  })

  app.get('/hologram/devices/:cloud_id', async ({ query, params }) => {
    checkNoQuery(query)
    const { cloudId } = checkDevicePath(params)
    if (!(await accounts.find(cloudId))) throw unknownDevice()
    return deviceJson(cloudId, parts)
  })
}

async function deviceJson(cloudId: string, { devices, pushes }: DeviceParts): Promise<object> {
  const sighting = await devices.locate(cloudId)
  return {
    cloud_id: cloudId,
    ...(sighting && { host: sighting.host, last_seen_at: sighting.lastSeenAt.toISOString() }),
    queued: pushes.queued(cloudId),
  }
}

import { PERMISSION, isExpired } from '@halyard/wire/emitter'
import type { PublishPlan } from '../mqtt/dialect.ts'
import { NOT_AUTHORISED } from './broker.ts'
import type { EmitterBroker } from './broker.ts'
import type { EmitterPrincipal } from './principal.ts'
import { routeOf } from './publish-plan.ts'
import { readChannel, readTopic } from './topics.ts'

/** Of a will that nobody will publish. */
const NONE = 'none'
const NAME = /^([0-9a-f]{64})[/](\d+)[/](\d+)[/](.*)$/

/**
 * A will is named by what its key has said when the client came: a will may lie on a disk, and a key must not.
 *
 * ```
 * id "/" permissions "/" expires "/" channel [ "?" options ]
 * ```
 */
export function nameWill({ authority }: EmitterBroker, principal: EmitterPrincipal, topic: string): string {
  const parsed = readTopic(topic)
  if (parsed === undefined || parsed.kind === 'wildcard' || parsed.share !== undefined) return NONE
  const { key: text, channel, query } = parsed
  const read = authority.authorise(principal, text, channel, PERMISSION.write)
  if (read === undefined || (read.key.permissions & PERMISSION.extend) !== 0) return NONE
  const { permissions, expires } = read.key
  return `${read.id}/${permissions}/${expires}/${channel}?${query}`
}

/** When it is due its key must hold still. */
export function planWill(broker: EmitterBroker, name: string): PublishPlan {
  const [, id = '', permissions, expires, text = ''] = NAME.exec(name) ?? []
  const channel = readChannel(text)
  const key = { permissions: Number(permissions), expires: Number(expires) }
  const { authority } = broker
  if (channel !== undefined && authority.holds(id) && !isExpired(key, authority.now())) {
    return routeOf(broker, channel, key)
  }
  return { kind: 'refuse', reason: NOT_AUTHORISED, acknowledged: true, why: 'its key does not allow it' }
}

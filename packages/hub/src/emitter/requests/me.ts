import { encodeMeAnswer } from '@halyard/wire/emitter'
import type { EmitterBroker, EmitterRequest } from '../broker.ts'
import { principalOf } from '../principal.ts'
import { channelOf } from './link.ts'

export function answerMe(_broker: EmitterBroker, { connection, packetId }: EmitterRequest): Uint8Array {
  const { id, links } = principalOf(connection)
  const named = Array.from(links, ([name, { channel }]) => [name, channelOf(channel)] as const)
  return encodeMeAnswer({ id, links: Object.fromEntries(named) }, packetId)
}

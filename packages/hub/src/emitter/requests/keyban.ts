import { decodeKeybanRequest, encodeKeybanAnswer } from '@halyard/wire/emitter'
import type { KeybanAnswer, KeybanRequest, Refusal } from '@halyard/wire/emitter'
import type { EmitterBroker, EmitterRequest, RequestAnswer } from '../broker.ts'
import { principalOf } from '../principal.ts'
import type { Caller } from '../principal.ts'

export async function answerKeyban(
  broker: EmitterBroker,
  { connection, payload, packetId }: EmitterRequest,
): Promise<RequestAnswer> {
  const request = decodeKeybanRequest(payload)
  if ('refusal' in request) return request
  const answer = await keyban(broker, request, principalOf(connection))
  return 'refusal' in answer ? answer : encodeKeybanAnswer(answer, packetId)
}

/** Bans a key, a master key too, or takes a ban back; either holds everywhere when the promise resolves. */
export async function keyban(
  { authority, keys, clock }: EmitterBroker,
  { secret, target, banned }: KeybanRequest,
  caller: Caller,
): Promise<KeybanAnswer | Refusal> {
  if (authority.verifyMaster(caller, secret) === undefined) return { refusal: 'unauthorized' }
  const read = authority.read(target)
  if (read === undefined || read.key.contract !== authority.contract) return { refusal: 'unauthorized' }
  const { contract, permissions, expires } = read.key
  const stranger = {
    id: read.id,
    contract,
    channel: '',
    permissions,
    expires,
    createdAt: new Date(clock.now()),
    origin: 'stranger',
  } as const
  // What was revoked stays so, whatever is asked.
  return { banned: (await keys.ban(read.id, banned, stranger)) !== 'valid' }
}

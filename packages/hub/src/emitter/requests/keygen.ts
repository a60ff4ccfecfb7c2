import { randomInt } from 'node:crypto'
import {
  PERMISSION,
  decodeKeygenRequest,
  encodeKeygenAnswer,
  encodeTarget,
  isMasterKey,
  parsePermissions,
} from '@halyard/wire/emitter'
import type { KeygenAnswer, KeygenRequest, Refusal } from '@halyard/wire/emitter'
import type { ReadKey } from '../authority.ts'
import type { EmitterBroker, EmitterRequest, RequestAnswer } from '../broker.ts'
import { principalOf } from '../principal.ts'
import type { Caller } from '../principal.ts'
import { readChannel } from '../topics.ts'

export async function answerKeygen(
  broker: EmitterBroker,
  { connection, payload, packetId }: EmitterRequest,
): Promise<RequestAnswer> {
  const request = decodeKeygenRequest(payload)
  if ('refusal' in request) return request
  const principal = principalOf(connection)
  const answer = await keygen(broker, request, principal, principal.id)
  return 'refusal' in answer ? answer : encodeKeygenAnswer(answer, packetId)
}

/**
 * Makes a key, which is known everywhere when the promise resolves.
 *
 * @param connectionId - Where an extended channel ends; without a connection there are none.
 */
export async function keygen(
  broker: EmitterBroker,
  request: KeygenRequest,
  caller: Caller,
  connectionId: string | undefined,
): Promise<KeygenAnswer | Refusal> {
  const { authority } = broker
  const parent = authority.verify(caller, request.key)
  if (parent === undefined) {
    // Also of what somebody made up: one in some hundred texts reads so.
    const read = authority.read(request.key)
    const isOfAnother = read && isMasterKey(read.key) && read.key.contract !== authority.contract
    return { refusal: isOfAnother === true ? 'not-found' : 'unauthorized' }
  }
  if (isMasterKey(parent.key)) return issue(broker, { ...request, permissions: parsePermissions(request.type) }, parent)
  if ((parent.key.permissions & PERMISSION.extend) === 0 || connectionId === undefined) {
    return { refusal: 'unauthorized' }
  }
  return extend(broker, request, caller, connectionId)
}

/** A private channel below the one that is asked for, for whoever hears of its key. */
function extend(
  broker: EmitterBroker,
  request: KeygenRequest,
  caller: Caller,
  connectionId: string,
): Promise<KeygenAnswer | Refusal> | Refusal {
  const open = request.channel.endsWith('/#/')
  const channel = readChannel(open ? request.channel.slice(0, -2) : request.channel)
  if (channel === undefined || channel.kind !== 'static' || channel.query !== '') return { refusal: 'bad-request' }
  const parent = broker.authority.authorise(caller, request.key, channel.channel, PERMISSION.extend)
  if (parent === undefined) return { refusal: 'unauthorized' }
  const permissions = parent.key.permissions & parsePermissions(request.type) & ~PERMISSION.extend
  const own = `${channel.channel}${connectionId}/${open ? '#/' : ''}`
  return issue(broker, { channel: own, ttl: request.ttl, permissions }, parent)
}

interface Wanted {
  readonly channel: string
  readonly permissions: number
  /** Seconds; 0: for ever */
  readonly ttl: number
}

async function issue(
  { codec, license, keys, authority, clock }: EmitterBroker,
  { channel, permissions, ttl }: Wanted,
  parent: ReadKey,
): Promise<KeygenAnswer | Refusal> {
  const target = encodeTarget(channel)
  if ('refusal' in target) return target
  const { contract, signature, master } = license
  // Unix time 0 would say for ever.
  const expires = soonest(ttl === 0 ? 0 : Math.max(1, authority.now() + ttl), parent.key.expires)
  const isExtended = !isMasterKey(parent.key)
  for (let tries = 0; tries < TRIES; tries++) {
    const key = { salt: randomInt(SALTS), master, contract, signature, permissions, target, expires }
    const text = codec.encrypt(key)
    // A command would take it for an option.
    if (text.startsWith('-')) continue
    const read = authority.read(text)
    if (read === undefined) break
    // There may be one that is the same to the bit.
    if (keys.stateOf(read.id) !== 'unknown') continue
    const made = await keys.add({
      id: read.id,
      contract,
      channel: channel.slice(0, DESCRIBED),
      permissions,
      expires: read.key.expires,
      createdAt: new Date(clock.now()),
      ...(isExtended ? { origin: 'extended', parent: parent.id } : { origin: 'issued' }),
    })
    if (made) return { key: text, channel }
  }
  return { refusal: 'server-error' }
}

/** What one key makes of another ends with it. */
function soonest(expires: number, parent: number): number {
  if (parent === 0) return expires
  return expires === 0 ? parent : Math.min(expires, parent)
}

/** Of 16 bits. */
const SALTS = 65_536
const TRIES = 100
/** Characters of a channel that are kept to describe a key. */
const DESCRIBED = 1024

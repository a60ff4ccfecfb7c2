import { BAD_REQUEST } from './failures.ts'
import type { Refusal } from './failures.ts'
import { Fields, writeAnswer, writeRequest } from './json.ts'

/** Asks who is subscribed to a channel, and to hear of changes. docs/protocols/emitter.md §2.6 */
export interface PresenceRequest {
  readonly key: string
  /** The broker adds a missing final slash; wildcards are good. */
  readonly channel: string
  /** Answer with who is there; the broker's default is true. */
  readonly status: boolean
  /** Hear of changes from now on, or no longer; left out: as it was. */
  readonly changes?: boolean | undefined
}

export interface PresenceWho {
  /** Of the connection. */
  readonly id: string
  /** The user name of its CONNECT, if it has one. */
  readonly username?: string | undefined
}

/** All that are there, in no order. To a request with `status: false`: `time` 0, `channel` `''`, nobody. */
export interface PresenceStatus {
  readonly event: 'status'
  /** unix seconds */
  readonly time: number
  readonly channel: string
  readonly who: readonly PresenceWho[]
}

/** Somebody came or went. */
export interface PresenceChange {
  readonly event: 'subscribe' | 'unsubscribe'
  /** unix seconds */
  readonly time: number
  readonly channel: string
  readonly who: PresenceWho
}

export function encodePresenceRequest({ key, channel, status, changes }: PresenceRequest): Uint8Array {
  return writeRequest({ key, channel, status, changes })
}

export function decodePresenceRequest(payload: Uint8Array): PresenceRequest | Refusal {
  const fields = Fields.read(payload)
  if (!fields) return BAD_REQUEST
  const request = {
    key: fields.text('key'),
    channel: fields.text('channel'),
    status: fields.flag('status') ?? true,
    changes: fields.flag('changes'),
  }
  return fields.wrong ? BAD_REQUEST : request
}

/** `{"req":1,"status":200,"time":…,"event":"status","channel":"a/","who":[{"id":"…","username":"bob"},{"id":"…"}]}` */
export function encodePresenceStatus(status: Omit<PresenceStatus, 'event'>, req: number): Uint8Array {
  const { time, channel, who } = status
  return writeAnswer({
    req: req === 0 ? undefined : req,
    status: 200,
    time,
    event: 'status',
    channel,
    who: who.map(person),
  })
}

/** The answer to `status: false`: every field is there, for clients of the original read all of them. */
export function encodePresenceDone(req: number): Uint8Array {
  return writeAnswer({ req: req === 0 ? undefined : req, status: 200, time: 0, event: '', channel: '', who: null })
}

/** `{"time":…,"event":"subscribe","channel":"a/","who":{"id":"…"}}`: no answer, so no `req` and no `status`. */
export function encodePresenceChange({ time, event, channel, who }: PresenceChange): Uint8Array {
  return writeAnswer({ time, event, channel, who: person(who) })
}

function person({ id, username }: PresenceWho): PresenceWho {
  return { id, username: username === '' ? undefined : username }
}

/** Both shapes: of brokers with `status` in the answer, and of those before 2024 without. */
export function readPresence(fields: Fields): PresenceStatus | PresenceChange | undefined {
  if (!fields.has('event')) return undefined
  const event = fields.text('event')
  const time = fields.number('time')
  const channel = fields.text('channel')
  if (event === 'subscribe' || event === 'unsubscribe') {
    const who = fields.object('who')
    return who && { event, time, channel, who: readWho(who) }
  }
  return { event: 'status', time, channel, who: fields.list('who').map(readWho) }
}

function readWho(fields: Fields): PresenceWho {
  const id = fields.text('id')
  const username = fields.text('username')
  return username === '' ? { id } : { id, username }
}

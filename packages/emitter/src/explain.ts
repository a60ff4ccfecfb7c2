/** What the broker refused, in words that say what to check: "not authorized" alone has cost people days. */
import { FAILURES } from '@halyard/wire/emitter'
import { EmitterError } from './errors.ts'
import type { RequestFailure } from './types.ts'

/** What was asked, for a sentence that begins "the broker refused to". */
export interface Deed {
  /** `publish to a/b/` */
  readonly what: string
  readonly kind: 'publish' | 'subscribe' | 'unsubscribe' | 'presence' | 'history' | 'keygen' | 'keyban' | 'link' | 'me'
  /** Looked at, never shown. */
  readonly key?: string | undefined
}

/** Of every key that a broker makes. */
const KEY_CHARACTERS = 32

const PERMISSION: Partial<Record<Deed['kind'], string>> = {
  publish: 'w (write)',
  subscribe: 'r (read)',
  unsubscribe: 'r (read)',
  presence: 'p (presence)',
  history: 'l (load)',
}

export function refusal({ status, message }: RequestFailure, deed: Deed): EmitterError {
  const advice = adviceFor(status, message, deed)
  const text = `the broker refused to ${deed.what} (${status}): ${message}${advice === '' ? '' : `; ${advice}`}`
  return statusError(status, text)
}

/** Of nobody knows what: of a publish with QoS 0, or of something that was granted before. */
export function complaint({ status, message }: RequestFailure): EmitterError {
  const perhaps = 'a message with QoS 0, or a subscription whose key was banned or has expired'
  return statusError(status, `the broker says (${status}): ${message}; it does not say of what, perhaps of ${perhaps}`)
}

/** Refused by a broker that has no words for it, as a plain MQTT broker. */
export function unexplained(deed: Deed, cause: Error): EmitterError {
  const advice = adviceFor(401, '', deed)
  const text = `the broker refused to ${deed.what} and gave no reason${advice === '' ? '' : `; ${advice}`}`
  return new EmitterError('ERR_EMITTER_REFUSED', text, { cause })
}

/** One code for each status that brokers have. */
function statusError(status: number, text: string): EmitterError {
  if (status === 400) return new EmitterError('ERR_EMITTER_BAD_REQUEST', text, { status })
  if (status === 401) return new EmitterError('ERR_EMITTER_UNAUTHORIZED', text, { status })
  if (status === 403) return new EmitterError('ERR_EMITTER_FORBIDDEN', text, { status })
  if (status === 404) return new EmitterError('ERR_EMITTER_NOT_FOUND', text, { status })
  if (status >= 500) return new EmitterError('ERR_EMITTER_BROKER', text, { status })
  return new EmitterError('ERR_EMITTER_REFUSED', text, { status })
}

function adviceFor(status: number, message: string, { kind, key }: Deed): string {
  if (status === 404 && kind === 'keygen') return 'the master key is of another contract than the broker knows'
  if (status !== 401) return ''
  if (message === FAILURES['extend-only'].message) {
    return 'its permission e only makes keys of sub-channels: ask keygen() with it for one, and use that'
  }
  if (kind === 'keygen') return `check that it is the master key, or one with the permission e${lengthAdvice(key)}`
  if (kind === 'keyban') return `check that secret is the master key, and that target is a key of the same contract`
  const permission = PERMISSION[kind]
  if (permission === undefined) return lengthAdvice(key).slice(2)
  return (
    `check that the key has the permission ${permission}, was made for this channel (a/ is not a/#/), has not expired and ` +
    `is not banned; a master key makes keys and does nothing else${lengthAdvice(key)}`
  )
}

function lengthAdvice(key: string | undefined): string {
  if (key === undefined || key.length === KEY_CHARACTERS) return ''
  return `, and this key has ${key.length} characters, where keys have ${KEY_CHARACTERS}`
}

/** As the outbox keeps it: `401: the security key …`. */
export function reasonOf({ status, message }: RequestFailure): string {
  return `${status}: ${message}`
}

/** `undefined` for other reasons. */
export function failureOf(reason: string): RequestFailure | undefined {
  const [, status, message] = /^(\d{3}): (.*)$/su.exec(reason) ?? []
  return status === undefined || message === undefined ? undefined : { status: Number(status), message }
}

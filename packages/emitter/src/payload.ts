/** What a caller hands in, checked, as what goes on the wire. */
import { UsageError } from '@halyard/core'
import { formatTopic, parseTopic } from '@halyard/wire/emitter'
import type { TopicParts } from '@halyard/wire/emitter'
import { EmitterError } from './errors.ts'

/** bytes of a packet behind its length that brokers take; they close the connection on one more */
const MAX_PACKET = 65_536
/** the length of the topic, and the packet identifier */
const FRAME = 4

const utf8 = new TextEncoder()

/** @throws {UsageError} `ERR_EMITTER_MESSAGE` */
export function payloadBytes(message: unknown): Uint8Array {
  if (message instanceof Uint8Array) return message
  if (typeof message === 'string') return textBytes(message)
  if (typeof message !== 'object' || message === null) {
    throw wrong(`a message is text, bytes or an object, not ${message === null ? 'null' : typeof message}`)
  }
  if (ArrayBuffer.isView(message)) return new Uint8Array(message.buffer, message.byteOffset, message.byteLength)
  if (message instanceof ArrayBuffer) return new Uint8Array(message)
  return textBytes(jsonOf(message))
}

function jsonOf(message: object): string {
  let json: string | undefined
  try {
    json = JSON.stringify(message)
  } catch (error) {
    throw wrong('the message cannot be written as JSON; see the cause', error)
  }
  if (json === undefined) throw wrong('the message says of itself, by toJSON, that it is nothing')
  return json
}

function textBytes(text: string): Uint8Array {
  if (/\p{Surrogate}/u.test(text)) {
    throw wrong('the message holds half of a surrogate pair and is no text; send it as bytes')
  }
  return utf8.encode(text)
}

/** Without the slashes around it. @throws {UsageError} `ERR_EMITTER_KEY` */
export function checkKey(key: unknown, name = 'key'): string {
  const bare = typeof key === 'string' ? key.replaceAll(/^\/+|\/+$/gu, '') : ''
  // What a topic cannot hold would break the connection, not only the call.
  if (/^[^/+#\s\p{Cc}\p{Surrogate}]+$/u.test(bare)) return bare
  const shown = typeof key === 'string' ? 'the one that was given is none' : `not ${typeof key}`
  throw new UsageError('ERR_EMITTER_KEY', `${name} is a security key, 32 letters, digits, - and _; ${shown}`)
}

/** @throws {UsageError} `ERR_EMITTER_CHANNEL` */
export function checkChannel(channel: unknown): string {
  if (typeof channel === 'string') return channel
  throw new UsageError('ERR_EMITTER_CHANNEL', `channel is a text such as sensors/7/, not ${typeof channel}`)
}

/** @throws {UsageError} `ERR_EMITTER_CHANNEL` */
export function checkGroup(group: unknown): string | undefined {
  if (group === undefined || typeof group === 'string') return group
  throw new UsageError('ERR_EMITTER_CHANNEL', `group is a text, the name of a share group, not ${typeof group}`)
}

/** The topic of a publish: {@link formatTopic}, for one channel. @throws {UsageError} `ERR_EMITTER_CHANNEL` */
export function publishTopic(parts: TopicParts): string {
  const topic = formatTopic(parts)
  const parsed = parseTopic(topic)
  if ('problem' in parsed || parsed.kind === 'static') return topic
  throw new UsageError('ERR_EMITTER_CHANNEL', `${parsed.channel} has a wildcard; messages are published to one channel`)
}

/**
 * Brokers close the connection on a packet of more than 64 KiB, and a message in the outbox would do it again and again.
 *
 * @throws {EmitterError} `ERR_EMITTER_TOO_LARGE`
 */
export function checkSize(topic: string, payload: Uint8Array): void {
  const size = utf8.encode(topic).length + payload.length + FRAME
  if (size <= MAX_PACKET) return
  const message = `${size} bytes with its topic are more than the ${MAX_PACKET} that Emitter takes; send it in parts`
  throw new EmitterError('ERR_EMITTER_TOO_LARGE', message)
}

/** Unix seconds of a Date or of themselves. @throws {UsageError} `ERR_USAGE` */
export function seconds(name: string, moment: Date | number | undefined): number | undefined {
  if (moment === undefined) return undefined
  const value = moment instanceof Date ? moment.getTime() / 1000 : moment
  if (typeof value === 'number' && Number.isFinite(value)) return Math.floor(value)
  throw new UsageError('ERR_USAGE', `${name} is a Date, or unix seconds`)
}

function wrong(message: string, cause?: unknown): UsageError {
  return new UsageError('ERR_EMITTER_MESSAGE', message, { cause })
}

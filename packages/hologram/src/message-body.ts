import { UsageError } from '@halyard/core'

/** A message as the outbox keeps it: its bytes, and whether they were given as text. */
export interface MessageBody {
  readonly bytes: Uint8Array
  readonly text: boolean
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * @throws {UsageError} `ERR_HOLOGRAM_MESSAGE` for what is neither text nor bytes, and for text with half of a surrogate
 *   pair, which no UTF-8 can hold.
 */
export function readMessage(message: unknown): MessageBody {
  // A copy: the caller may use the memory again while the message waits.
  if (message instanceof Uint8Array) return { bytes: Uint8Array.from(message), text: false }
  if (typeof message !== 'string') {
    const given = message === null ? 'null' : Array.isArray(message) ? 'an array' : typeof message
    throw complaint(`a message is a string or a Uint8Array, not ${given}; JSON.stringify what has a structure`)
  }
  if (/\p{Surrogate}/u.test(message)) {
    throw complaint('the message holds half of a surrogate pair and is no text; send it as bytes')
  }
  return { bytes: encoder.encode(message), text: true }
}

/**
 * The text of a message for a cloud that takes text alone.
 *
 * @throws {UsageError} `ERR_HOLOGRAM_MESSAGE` if the bytes are not UTF-8.
 */
export function textOf({ bytes }: MessageBody): string {
  try {
    return decoder.decode(bytes)
  } catch (error) {
    throw complaint('HologramCloud sends text: the bytes are not UTF-8; encode them, as base64 for instance', error)
  }
}

function complaint(message: string, cause?: unknown): UsageError {
  return new UsageError('ERR_HOLOGRAM_MESSAGE', message, { cause })
}

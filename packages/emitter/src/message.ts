import { EmitterError } from './errors.ts'

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * A message that came.
 *
 * @example
 * ```ts
 * import { EmitterMessage } from '@halyard/emitter'
 * const message = new EmitterMessage('sensors/7/', new TextEncoder().encode('{"celsius":21.5}'))
 * console.log(message.asString(), message.asObject<{ celsius: number }>().celsius) // {"celsius":21.5} 21.5
 * ```
 */
export class EmitterMessage {
  /** to which it was published: without key and options, with its final slash */
  readonly channel: string
  /** the payload */
  readonly binary: Uint8Array

  constructor(channel: string, binary: Uint8Array) {
    this.channel = channel
    this.binary = binary
  }

  /** The payload as UTF-8; what is none becomes U+FFFD. */
  asString(): string {
    return utf8.decode(this.binary)
  }

  /** {@link binary} itself. */
  asBinary(): Uint8Array {
    return this.binary
  }

  /**
   * The payload as JSON. Nobody has checked that it is a `T`.
   *
   * @throws {EmitterError} `ERR_EMITTER_NOT_JSON`
   */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the API's own form: the caller says what he expects
  asObject<T = unknown>(): T {
    try {
      return JSON.parse(this.asString()) as T
    } catch (error) {
      const message = `the message on ${this.channel} is not JSON; read it with asString() or asBinary()`
      throw new EmitterError('ERR_EMITTER_NOT_JSON', message, { cause: error })
    }
  }
}

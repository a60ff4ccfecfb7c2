/**
 * What went wrong, for programs (`code`) and for people (`message` says what to do).
 *
 * The class lives here, at the bottom of the house, so that codecs can throw it; `@halyard/core` hands it on.
 * `cause` is Error's own field and must not be declared again: a redeclared field would be reset after `super()`.
 *
 * @example
 * ```ts
 * import { HalyardError } from '@halyard/core'
 * const error = new HalyardError('ERR_USAGE', 'port must be from 0 to 65535, not 70000')
 * console.log(error.code) // ERR_USAGE
 * ```
 */
export class HalyardError extends Error {
  override name = 'HalyardError'
  /** `ERR_<AREA>_<WHAT>`; stable between versions. docs/errors.md lists all. */
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The peer sent what its protocol does not allow. */
export class ProtocolError extends HalyardError {
  override name = 'ProtocolError'
}

import { HalyardError } from '@halyard/core'

/** The broker said no, or what it said cannot be used. */
export class EmitterError extends HalyardError {
  override name = 'EmitterError'
  /** the broker's: 400, 401, 403, 404, 500; `undefined` where it said none */
  readonly status?: number

  constructor(code: string, message: string, options?: ErrorOptions & { readonly status?: number }) {
    super(code, message, options)
    if (options?.status !== undefined) this.status = options.status
  }
}

export function closedError(): EmitterError {
  return new EmitterError('ERR_EMITTER_CLOSED', 'the client was disconnected; connect() makes another one')
}

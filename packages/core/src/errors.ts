import { HalyardError } from '@halyard/wire'

export { HalyardError, ProtocolError } from '@halyard/wire'

/** The caller must change the call. */
export class UsageError extends HalyardError {
  override name = 'UsageError'
}

/** The network or the peer did not answer as it must; trying again later may help. */
export class ConnectionError extends HalyardError {
  override name = 'ConnectionError'
}

/** The disk, a directory or a file on it does not do what was asked. */
export class StorageError extends HalyardError {
  override name = 'StorageError'
}

/** The waiting was ended by the caller's signal, whose reason is the `cause`. What was queued stays queued. */
export class AbortError extends HalyardError {
  override name = 'AbortError'

  constructor(reason: unknown) {
    super('ERR_ABORTED', 'the waiting was aborted by its signal', { cause: reason })
  }
}

/** Throws an {@link AbortError} if the signal has fired. @throws {UsageError} `ERR_USAGE` for what is no signal. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal) return
  if (typeof signal.addEventListener !== 'function') {
    throw new UsageError('ERR_USAGE', 'signal must be an AbortSignal: pass the signal of an AbortController')
  }
  if (signal.aborted) throw new AbortError(signal.reason)
}

/** The text of whatever was thrown, for a message or a reason; anything can be thrown. */
export function describeError(error: unknown): string {
  if (error instanceof Error) {
    const { code } = error as { code?: unknown }
    if (typeof error.message === 'string' && error.message !== '') return error.message
    return typeof code === 'string' ? code : error.name
  }
  if (typeof error === 'string') return error
  try {
    return JSON.stringify(error) ?? typeof error
  } catch {
    return typeof error
  }
}

import { UsageError } from '../errors.ts'

/** A page has no directories: without a path the outbox lives in memory, with one it cannot be opened here. */
export function openStore(): Promise<never> {
  return Promise.reject(new UsageError('ERR_USAGE', 'an outbox with a path needs Node.js; leave `path` out here'))
}

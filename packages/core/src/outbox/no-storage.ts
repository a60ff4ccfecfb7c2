import { UsageError } from '../errors.ts'
import type { OpenStore } from './store.ts'

export { systemClock } from '../clock.ts'

/** A page has no directories: without a path the outbox lives in memory, with one it cannot be opened here. */
export const openStore: OpenStore = () =>
  Promise.reject(new UsageError('ERR_USAGE', 'an outbox with a path needs Node.js; leave `path` out here'))

import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { HubOptions } from '@halyard/hub'

const DEFAULT_DATA = './halyard-data'

/** Whether the hub is about to make its accounts. */
export function willBeFirstStart({ data = DEFAULT_DATA }: HubOptions): boolean {
  return data === ':memory:' || !existsSync(join(resolve(data), 'accounts.json'))
}

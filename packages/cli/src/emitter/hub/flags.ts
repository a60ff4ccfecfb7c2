import type { AdminFlags } from '../../hub/admin/flags.ts'

export interface KeysAddFlags extends AdminFlags {
  readonly channel?: string
  readonly type?: string
  readonly ttl?: string
  readonly master?: true
}

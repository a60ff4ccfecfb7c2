import type { AdminFlags } from '../admin/flags.ts'

export interface RestoreFlags extends AdminFlags {
  readonly force?: true
}

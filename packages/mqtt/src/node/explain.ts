import type { ConnectionError } from '@halyard/core'

/** Before it has opened, or after. */
export type Phase = 'opening' | 'open'

/** What went wrong, as a person would say it. */
export type Explain = (error: unknown, phase: Phase) => ConnectionError

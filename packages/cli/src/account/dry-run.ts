import { HalyardError } from '@halyard/core'

/** Throws what a send would, and sends nothing: a call that was ended before it began is checked all the same. */
export async function dryRun(send: (options: { readonly signal: AbortSignal }) => Promise<unknown>): Promise<void> {
  try {
    await send({ signal: AbortSignal.abort() })
  } catch (error) {
    if (!(error instanceof HalyardError) || error.code !== 'ERR_ABORTED') throw error
  }
}

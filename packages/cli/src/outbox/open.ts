import { Outbox, UsageError } from '@halyard/core'

/** Looks into the directory without touching it, also beside its owner. */
export function openForReading(path: string): Promise<Outbox> {
  return Outbox.open({ path, readOnly: true })
}

export function unknownMessage(id: string, path: string): UsageError {
  return new UsageError(
    'ERR_OUTBOX_UNKNOWN',
    `the outbox ${path} knows no message ${id}; halyard outbox ls --outbox ${path} shows them`,
  )
}

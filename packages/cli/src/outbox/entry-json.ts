import type { OutboxEntry } from '@halyard/core'

/** One line of `--json`: times as ISO 8601, sizes in bytes. */
export function entryJson(entry: OutboxEntry): string {
  const { id, destination, state, reason, queuedAt, settledAt, attempts, size } = entry
  return JSON.stringify({
    id,
    destination,
    state,
    ...(reason !== undefined && { reason }),
    queuedAt: queuedAt.toISOString(),
    ...(settledAt !== undefined && { settledAt: settledAt.toISOString() }),
    attempts,
    size,
  })
}

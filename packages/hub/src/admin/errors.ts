import { UsageError } from '@halyard/core'

export function accountExists(cloudId: string): UsageError {
  return new UsageError(
    'ERR_HUB_ACCOUNT_EXISTS',
    `there is an account ${cloudId} already; choose another cloud id, or remove that one first`,
  )
}

export function accountUnknown(cloudId: string): UsageError {
  return new UsageError(
    'ERR_HUB_DEVICE_UNKNOWN',
    `the hub has no account ${cloudId}; halyard hub account list shows them all`,
  )
}

export function tokenUnknown(id: string): UsageError {
  return new UsageError(
    'ERR_HUB_TOKEN_UNKNOWN',
    `the hub has no token with the id ${id}; halyard hub token list shows them all`,
  )
}

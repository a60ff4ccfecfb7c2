/** Whoever waits for something, mostly for the fate of one message. */
export interface Waiter<T> {
  resolve(value: T): void
  reject(error: Error): void
}

/** Those who wait for the same. Mostly there is one, and a list for it would be larger than itself. */
export type Waiters<T> = Waiter<T> | Waiter<T>[] | undefined

export function withWaiter<T>(waiters: Waiters<T>, waiter: Waiter<T>): Waiters<T> {
  if (waiters === undefined) return waiter
  if (isOne(waiters)) return [waiters, waiter]
  waiters.push(waiter)
  return waiters
}

export function withoutWaiter<T>(waiters: Waiters<T>, waiter: Waiter<T>): Waiters<T> {
  const left = listOf(waiters).filter((other) => other !== waiter)
  return left.length === 0 ? undefined : left
}

export function resolveAll<T>(waiters: Waiters<T>, value: T): void {
  if (waiters === undefined) return
  if (isOne(waiters)) waiters.resolve(value)
  else for (const waiter of waiters) waiter.resolve(value)
}

export function rejectAll<T>(waiters: Waiters<T>, error: Error): void {
  for (const waiter of listOf(waiters)) waiter.reject(error)
}

function listOf<T>(waiters: Waiters<T>): readonly Waiter<T>[] {
  if (waiters === undefined) return []
  return isOne(waiters) ? [waiters] : waiters
}

function isOne<T>(waiters: Waiter<T> | Waiter<T>[]): waiters is Waiter<T> {
  return 'resolve' in waiters
}

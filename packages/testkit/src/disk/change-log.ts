/**
 * Changes of a file or a directory in the order in which they were made, of which a power cut keeps those that were
 * synced and any others it likes.
 *
 * A failed sync leaves its changes in doubt for good: Linux reports the error once and marks the pages clean, so the
 * next `fdatasync` succeeds without having written them.
 */
export class ChangeLog<T> {
  #changes: Change<T>[] = []

  add(operation: number, what: T): void {
    this.#changes.push({ operation, what, state: 'unsynced' })
  }

  /** What a sync that starts now covers. */
  covered(): readonly Change<T>[] {
    return this.#changes.filter((change) => change.state === 'unsynced')
  }

  failed(covered: readonly Change<T>[]): void {
    for (const change of covered) if (change.state === 'unsynced') change.state = 'doubtful'
  }

  /** Returns the changes that nothing before them can undo any more: they are forgotten here and belong to the base. */
  synced(covered: readonly Change<T>[]): readonly T[] {
    for (const change of covered) if (change.state === 'unsynced') change.state = 'synced'
    const firstOpen = this.#changes.findIndex((change) => change.state !== 'synced')
    const settled = this.#changes.splice(0, firstOpen === -1 ? this.#changes.length : firstOpen)
    return settled.map((change) => change.what)
  }

  clear(): void {
    this.#changes = []
  }

  [Symbol.iterator](): IterableIterator<Change<T>> {
    return this.#changes.values()
  }
}

export interface Change<T> {
  readonly operation: number
  readonly what: T
  state: 'unsynced' | 'synced' | 'doubtful'
}

import type { Journal, Lsn } from './ports.ts'

/** Somebody who may read records of the journal again. */
export interface JournalReader {
  /** It needs none below this any more. */
  keepFrom(lsn: Lsn): void
  /** It reads no more. */
  remove(): void
}

/** All who read the journal again: what none of them needs goes. */
export class JournalReaders {
  readonly #journal: Pick<Journal, 'dropBelow'>
  readonly #onError: (error: unknown) => void
  /** By reader. */
  readonly #needed = new Map<number, Lsn>()
  #lastReader = 0
  #dropped: Lsn = 0
  #dropping: Promise<void> | undefined

  constructor(journal: Pick<Journal, 'dropBelow'>, onError: (error: unknown) => void) {
    this.#journal = journal
    this.#onError = onError
  }

  /** Until it says otherwise it needs everything. */
  add(): JournalReader {
    const reader = ++this.#lastReader
    this.#needed.set(reader, 0)
    return {
      keepFrom: (lsn) => {
        const before = this.#needed.get(reader)
        if (before === undefined) return
        this.#needed.set(reader, Math.max(lsn, before))
        this.#begin()
      },
      remove: () => {
        if (this.#needed.delete(reader)) this.#begin()
      },
    }
  }

  /** As {@link add}; when it resolves no removal is on its way any more that began before. */
  async hold(): Promise<JournalReader> {
    const reader = this.add()
    await this.#dropping
    return reader
  }

  /** What all of them have read; nothing goes while there is nobody to ask. */
  get #free(): Lsn {
    return this.#needed.size === 0 ? 0 : Math.min(...this.#needed.values())
  }

  #begin(): void {
    this.#dropping ??= this.#drop().finally(() => {
      this.#dropping = undefined
    })
  }

  /** One after the other: two at once would remove the same segment. */
  async #drop(): Promise<void> {
    try {
      for (let lsn = this.#free; lsn > this.#dropped; lsn = this.#free) {
        this.#dropped = lsn
        await this.#journal.dropBelow(lsn)
      }
    } catch (error) {
      this.#onError(error)
    }
  }
}

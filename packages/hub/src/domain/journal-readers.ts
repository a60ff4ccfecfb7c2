import type { Journal, Lsn } from './ports.ts'

/** Somebody who may read records of the journal again. */
export interface JournalReader {
  /** It needs none below this any more. */
  keepFrom(lsn: Lsn): void
}

/** All who read the journal again: what none of them needs goes. */
export class JournalReaders {
  readonly #journal: Pick<Journal, 'dropBelow'>
  readonly #onError: (error: unknown) => void
  readonly #needed: Lsn[] = []
  #dropped: Lsn = 0
  #isDropping = false

  constructor(journal: Pick<Journal, 'dropBelow'>, onError: (error: unknown) => void) {
    this.#journal = journal
    this.#onError = onError
  }

  /** Until it says otherwise it needs everything. */
  add(): JournalReader {
    const place = this.#needed.push(0) - 1
    return {
      keepFrom: (lsn) => {
        this.#needed[place] = Math.max(lsn, this.#needed[place] ?? 0)
        if (!this.#isDropping) void this.#drop()
      },
    }
  }

  /** One after the other: two at once would remove the same segment. */
  async #drop(): Promise<void> {
    this.#isDropping = true
    try {
      for (let lsn = Math.min(...this.#needed); lsn > this.#dropped; lsn = Math.min(...this.#needed)) {
        this.#dropped = lsn
        await this.#journal.dropBelow(lsn)
      }
    } catch (error) {
      this.#onError(error)
    }
    this.#isDropping = false
  }
}

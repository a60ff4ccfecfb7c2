import { UsageError } from '@halyard/core'
import type { Clock, Timer } from '@halyard/core'
import { BACKUP_LEASE } from '../../domain/backups.ts'
import type { BackupMoment, Backups } from '../../domain/backups.ts'
import type { JournalReader, JournalReaders } from '../../domain/journal-readers.ts'
import type { SqliteIndex } from '../sqlite/sqlite-index.ts'

interface Hold {
  readonly id: string
  /** Of the index; known a moment later. */
  readonly index: number
  readonly reader: JournalReader
  timer: Timer
}

/** Journal and index, held for a backup. */
export class BackupHolds implements Backups {
  readonly #index: SqliteIndex
  readonly #readers: JournalReaders
  readonly #clock: Clock
  #hold: Hold | 'beginning' | undefined

  constructor(parts: { readonly index: SqliteIndex; readonly readers: JournalReaders; readonly clock: Clock }) {
    this.#index = parts.index
    this.#readers = parts.readers
    this.#clock = parts.clock
  }

  /** The journal's reader first: what the index has not applied by its moment must not go before it is copied. */
  async begin(): Promise<BackupMoment> {
    if (this.#hold !== undefined) {
      throw new UsageError(
        'ERR_HUB_BACKUP_RUNS',
        `another backup of this hub is being made; wait for it, or ${BACKUP_LEASE} seconds if it was killed`,
      )
    }
    this.#hold = 'beginning'
    const reader = await this.#readers.hold()
    try {
      const { id: index, committed } = await this.#index.hold()
      const id = String(index)
      this.#hold = { id, index, reader, timer: this.#expire(id) }
      return { id, committed }
    } catch (error) {
      reader.remove()
      this.#hold = undefined
      throw error
    }
  }

  async renew(id: string): Promise<boolean> {
    const hold = this.#find(id)
    if (hold === undefined) return false
    hold.timer.cancel()
    hold.timer = this.#expire(id)
    return this.#index.isHeld(hold.index).catch(lost)
  }

  async end(id: string): Promise<boolean> {
    const hold = this.#find(id)
    if (hold === undefined) return false
    hold.timer.cancel()
    this.#hold = undefined
    hold.reader.remove()
    return this.#index.letGo(hold.index).catch(lost)
  }

  close(): void {
    if (typeof this.#hold === 'object') this.#hold.timer.cancel()
  }

  #find(id: string): Hold | undefined {
    return typeof this.#hold === 'object' && this.#hold.id === id ? this.#hold : undefined
  }

  #expire(id: string): Timer {
    return this.#clock.setTimer(BACKUP_LEASE * 1000, () => void this.end(id))
  }
}

/** A worker that has stopped holds nothing, whatever the next one does. */
const lost = (): boolean => false

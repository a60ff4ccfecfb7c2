/** Who is told what has become of a record. There are two for each message: objects, since closures are three times as large. */
import type { HalyardError } from '../errors.ts'
import type { Item } from './item.ts'
import type { SettledItem } from './ledger.ts'
import type { StoreWaiter } from './store.ts'

export interface Stores {
  kept(item: Item, segment: number, offset: number): void
  notKept(item: Item, error: HalyardError): void
}

/** The record of a message. */
export class Storing implements StoreWaiter {
  readonly #item: Item
  readonly #stores: Stores

  constructor(item: Item, stores: Stores) {
    this.#item = item
    this.#stores = stores
  }

  committed(_lsn: number, segment: number, offset: number): void {
    this.#stores.kept(this.#item, segment, offset)
  }

  failed(error: HalyardError): void {
    this.#stores.notKept(this.#item, error)
  }
}

export interface Settles {
  written(record: SettledItem, item: Item | undefined, segment: number): void
  notWritten(error: HalyardError, record: SettledItem, item: Item | undefined): void
}

/** The record of its fate. */
export class Settling implements StoreWaiter {
  readonly #record: SettledItem
  readonly #item: Item | undefined
  readonly #settles: Settles

  constructor(record: SettledItem, item: Item | undefined, settles: Settles) {
    this.#record = record
    this.#item = item
    this.#settles = settles
  }

  committed(_lsn: number, segment: number): void {
    this.#settles.written(this.#record, this.#item, segment)
  }

  failed(error: HalyardError): void {
    this.#settles.notWritten(error, this.#record, this.#item)
  }
}

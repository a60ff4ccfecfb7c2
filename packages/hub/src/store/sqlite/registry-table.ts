import { MAX_PAGE } from '../../domain/ports.ts'
import type { Document, Json, WriteResult } from '../../domain/ports.ts'
import { transaction } from './database.ts'
import type { Database, Row } from './database.ts'

/** The registry's documents in SQLite; every write is a transaction of its own and lasts when it returns. */
export class RegistryTable {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  get(collection: string, id: string): Document | undefined {
    const row = this.#database
      .prepare('SELECT id, revision, value FROM documents WHERE collection = ? AND id = ?')
      .get(collection, id)
    return row && toDocument(row)
  }

  put(collection: string, id: string, text: string, expected: number | undefined): WriteResult {
    return this.#write(collection, id, expected, (revision) => {
      this.#database
        .prepare(
          `INSERT INTO documents VALUES (?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET revision = excluded.revision, value = excluded.value`,
        )
        .run(collection, id, revision, text)
    })
  }

  remove(collection: string, id: string, expected: number | undefined): WriteResult {
    return this.#write(
      collection,
      id,
      expected,
      () => this.#database.prepare('DELETE FROM documents WHERE collection = ? AND id = ?').run(collection, id),
      { mustExist: true },
    )
  }

  list(collection: string, after: string, limit: number): readonly Document[] {
    return this.#database
      .prepare('SELECT id, revision, value FROM documents WHERE collection = ? AND id > ? ORDER BY id LIMIT ?')
      .all(collection, after, Math.min(limit, MAX_PAGE))
      .map(toDocument)
  }

  #write(
    collection: string,
    id: string,
    expected: number | undefined,
    work: (revision: number) => void,
    { mustExist = false }: { readonly mustExist?: boolean } = {},
  ): WriteResult {
    return transaction(this.#database, () => {
      const present = this.get(collection, id)?.revision ?? 0
      if ((expected !== undefined && expected !== present) || (mustExist && present === 0)) {
        return { written: false, revision: present }
      }
      const counter = this.#database
        .prepare(`UPDATE meta SET value = value + 1 WHERE key = 'revision' RETURNING value`)
        .get()
      const revision = Number(counter?.['value'])
      work(revision)
      return { written: true, revision }
    })
  }
}

function toDocument(row: Row): Document {
  return { id: String(row['id']), revision: Number(row['revision']), value: JSON.parse(String(row['value'])) as Json }
}

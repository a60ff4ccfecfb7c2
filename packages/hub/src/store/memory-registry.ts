import { MAX_PAGE } from '../domain/ports.ts'
import type { Document, Json, Registry, RegistryChange, WriteResult } from '../domain/ports.ts'
import { checkDocument } from './documents.ts'

export class MemoryRegistry implements Registry {
  readonly #collections = new Map<string, Map<string, Document>>()
  readonly #listeners = new Set<(change: RegistryChange) => void>()
  #revision = 0

  get(collection: string, id: string): Promise<Document | undefined> {
    return Promise.resolve(this.#collections.get(collection)?.get(id))
  }

  async put(collection: string, id: string, value: Json, expected?: number): Promise<WriteResult> {
    const text = checkDocument(collection, id, value)
    const present = this.#collections.get(collection)?.get(id)?.revision ?? 0
    if (expected !== undefined && expected !== present) return { written: false, revision: present }
    // What is kept must not change when the caller changes his object.
    const document = { id, revision: ++this.#revision, value: JSON.parse(text) as Json }
    const documents = this.#collections.get(collection) ?? new Map<string, Document>()
    this.#collections.set(collection, documents.set(id, document))
    this.#tell({ collection, id, document })
    return { written: true, revision: document.revision }
  }

  remove(collection: string, id: string, expected?: number): Promise<WriteResult> {
    const documents = this.#collections.get(collection)
    const present = documents?.get(id)?.revision ?? 0
    if (present === 0 || (expected !== undefined && expected !== present)) {
      return Promise.resolve({ written: false, revision: present })
    }
    documents?.delete(id)
    const revision = ++this.#revision
    this.#tell({ collection, id, document: undefined })
    return Promise.resolve({ written: true, revision })
  }

  list(collection: string, options: { after?: string; limit?: number } = {}): Promise<readonly Document[]> {
    const { after = '', limit = 100 } = options
    const documents = [...(this.#collections.get(collection)?.values() ?? [])]
    return Promise.resolve(
      documents
        .filter(({ id }) => id > after)
        .toSorted((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, Math.min(limit, MAX_PAGE)),
    )
  }

  watch(listener: (change: RegistryChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #tell(change: RegistryChange): void {
    for (const listener of this.#listeners) listener(change)
  }
}

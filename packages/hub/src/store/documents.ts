import { UsageError } from '@halyard/core'
import { MAX_DOCUMENT_BYTES } from '../domain/ports.ts'
import type { Json } from '../domain/ports.ts'

/** The document as JSON text, if it may be kept. @throws {UsageError} `ERR_HUB_DOCUMENT` */
export function checkDocument(collection: string, id: string, value: Json): string {
  const text = JSON.stringify(value)
  if (collection === '' || id === '' || collection.length + id.length > 512 || text === undefined) {
    throw new UsageError(
      'ERR_HUB_DOCUMENT',
      'a document has a collection, an id (together at most 512 characters) and a JSON value',
    )
  }
  if (Buffer.byteLength(text) > MAX_DOCUMENT_BYTES) {
    throw new UsageError(
      'ERR_HUB_DOCUMENT',
      `document '${id}' has more than ${MAX_DOCUMENT_BYTES} bytes; keep large things as messages or files`,
    )
  }
  return text
}

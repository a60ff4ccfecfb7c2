import { topicOf } from '../../../src/mqtt/publication.ts'
import type { LedgerRecord } from '../../../src/mqtt/ledger/records.ts'

/** Records as JSON has them: bytes are `hex:…`, a topic is its text, `Infinity` its name; what is not there is left out. */
export function plain(value: unknown, key = ''): unknown {
  if (value instanceof Uint8Array) return `hex:${Buffer.from(value).toString('hex')}`
  if (value === Infinity) return 'Infinity'
  if (Array.isArray(value)) return value.map((each) => plain(each))
  if (typeof value !== 'object' || value === null) return value
  if (key === 'topic' && 'text' in value) return value.text
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return Object.fromEntries(entries.map(([name, inner]) => [name, plain(inner, name)]))
}

export function record(value: unknown): LedgerRecord {
  return full(value) as LedgerRecord
}

function full(value: unknown, key = ''): unknown {
  if (key === 'topic') return topicOf(String(value))
  if (value === 'Infinity') return Infinity
  if (typeof value === 'string' && value.startsWith('hex:')) return new Uint8Array(Buffer.from(value.slice(4), 'hex'))
  if (Array.isArray(value)) return value.map((each) => full(each))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, full(inner, name)]))
}

/** What the main thread and the index worker say to each other. */
import type { StoredMessage } from '../../domain/message.ts'
import type { Document, HistoryLimits, HistoryPage, HistoryQuery, Lsn, WriteResult } from '../../domain/ports.ts'
import type { Engine } from './database.ts'

export interface WorkerOptions {
  /** The SQLite file. */
  readonly path: string
  /** The journal's directory, which the worker reads by itself. */
  readonly journal: string
  readonly hubId: string
  readonly engine?: Engine
}

/** bytes */
export interface IndexSize {
  /** of the file and of what is not in it yet */
  readonly bytes: number
  /** … which are free and will be written again first */
  readonly free: number
}

export interface IndexCount {
  readonly messages: number
  readonly documents: number
}

export interface IndexMethods {
  get(collection: string, id: string): Document | undefined
  put(collection: string, id: string, text: string, expected: number | undefined): WriteResult
  remove(collection: string, id: string, expected: number | undefined): WriteResult
  list(collection: string, after: string, limit: number): readonly Document[]
  append(messages: readonly StoredMessage[]): void
  query(query: HistoryQuery, now: Date): HistoryPage
  sweep(limits: HistoryLimits, now: Date): number
  size(): IndexSize
  count(): IndexCount
  /** See {@link IndexDatabase.hold}. `committed`: what the journal had committed when it was asked. */
  hold(): { readonly id: number; readonly committed: Lsn }
  isHeld(id: number): boolean
  letGo(id: number): boolean
  close(): void
}

export type IndexMethod = keyof IndexMethods

export type ToWorker =
  | { readonly type: 'follow'; readonly committed: Lsn }
  /** `committed`: what the journal had committed when it was asked; the answer has seen it. */
  | {
      readonly type: 'call'
      readonly id: number
      readonly method: IndexMethod
      readonly args: readonly unknown[]
      readonly committed: Lsn
    }

export interface WireError {
  readonly code: string
  readonly message: string
}

export type FromWorker =
  /** An older file is being brought up, which may take a while. */
  | { readonly type: 'progress'; readonly text: string }
  | { readonly type: 'open'; readonly applied: Lsn }
  | { readonly type: 'closed-at-open'; readonly error: WireError }
  | { readonly type: 'applied'; readonly lsn: Lsn }
  | { readonly type: 'trouble'; readonly error: WireError }
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  | { readonly type: 'error'; readonly id: number; readonly error: WireError }

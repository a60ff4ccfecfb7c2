import { ChangeLog } from './change-log.ts'
import type { Change } from './change-log.ts'

/** What a directory entry leads to. Two names of one file lead to the same node. */
export type DiskNode = FileNode | DirectoryNode

export type FileChange =
  | { readonly kind: 'write'; readonly path: string; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly path: string; readonly length: number }

/** A rename within a directory is one change of two names: file systems do it wholly or not at all. */
export interface NameChange {
  readonly kind: 'create' | 'mkdir' | 'link' | 'rename' | 'unlink'
  readonly path: string
  readonly to?: string
  readonly entries: readonly (readonly [name: string, node: DiskNode | undefined])[]
}

/** A file twice: as every process sees it, and as it is on the medium for certain. */
export class FileNode {
  readonly live: Content
  readonly base: Content
  readonly changes: ChangeLog<FileChange> = new ChangeLog()

  constructor(bytes: Uint8Array = new Uint8Array()) {
    this.live = new Content(bytes)
    this.base = new Content(bytes)
  }

  apply(operation: number, change: FileChange): void {
    this.live.apply(change)
    this.changes.add(operation, change)
  }

  synced(covered: readonly Change<FileChange>[]): void {
    for (const change of this.changes.synced(covered)) this.base.apply(change)
  }

  /** Puts bytes there as if they had always been: for corruption, which no program asked for. */
  replace(bytes: Uint8Array): void {
    this.changes.clear()
    for (const content of [this.live, this.base]) {
      content.truncate(0)
      content.write(bytes, 0)
    }
  }
}

/** A directory twice, likewise. */
export class DirectoryNode {
  readonly live: Map<string, DiskNode> = new Map()
  readonly base: Map<string, DiskNode> = new Map()
  readonly changes: ChangeLog<NameChange> = new ChangeLog()

  apply(operation: number, change: NameChange): void {
    applyNames(this.live, change)
    this.changes.add(operation, change)
  }

  synced(covered: readonly Change<NameChange>[]): void {
    for (const change of this.changes.synced(covered)) applyNames(this.base, change)
  }

  /** Puts a name there as if it had always been. */
  restore(name: string, node: DiskNode): void {
    this.live.set(name, node)
    this.base.set(name, node)
  }
}

export function applyNames(names: Map<string, DiskNode>, change: NameChange): void {
  for (const [name, node] of change.entries) {
    if (node === undefined) names.delete(name)
    else names.set(name, node)
  }
}

/** Bytes that grow by doubling; what lies between the end and a write behind it reads as zeros. */
export class Content {
  #bytes: Uint8Array
  #size: number

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes.slice()
    this.#size = bytes.length
  }

  get size(): number {
    return this.#size
  }

  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#size)
  }

  apply(change: FileChange): void {
    if (change.kind === 'write') this.write(change.bytes, change.position)
    else this.truncate(change.length)
  }

  write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return
    if (position + bytes.length > this.#size) this.truncate(position + bytes.length)
    this.#bytes.set(bytes, position)
  }

  truncate(length: number): void {
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2, 256))
      grown.set(this.view())
      this.#bytes = grown
    }
    if (length < this.#size) this.#bytes.fill(0, length, this.#size)
    this.#size = length
  }
}

import type { DiskFile } from '@halyard/core/node'
import type { SeededRandom } from '../random.ts'
import type { FileNode } from './nodes.ts'
import { diskError } from './operation.ts'
import type { DiskErrorCode, DiskOperation, DiskOperationKind } from './operation.ts'

/** What an open file needs of its disk. */
export interface DiskAccess {
  run<T>(
    call: Omit<DiskOperation, 'index'>,
    body: (operation: DiskOperation) => T,
    failed?: (operation: DiskOperation, code: DiskErrorCode) => void,
  ): Promise<T>
  /** How far this file may reach if it wants to reach `end`. */
  room(file: FileNode, end: number): number
  readonly random: SeededRandom
}

/** An open file of a {@link FaultDisk}. It stays usable when its name is gone. */
export class OpenFile implements DiskFile {
  readonly #path: string
  readonly #node: FileNode
  readonly #writable: boolean
  readonly #disk: DiskAccess
  #open = true

  constructor(path: string, node: FileNode, writable: boolean, disk: DiskAccess) {
    this.#path = path
    this.#node = node
    this.#writable = writable
    this.#disk = disk
  }

  write(bytes: Uint8Array, position: number): Promise<void> {
    const { length } = bytes
    const put = (operation: DiskOperation, count: number): void => {
      if (count <= 0) return
      const change = { kind: 'write', path: this.#path, position, bytes: bytes.slice(0, count) } as const
      this.#node.apply(operation.index, change)
    }
    return this.#run(
      { kind: 'write', position, length },
      (operation) => {
        if (!this.#writable) throw diskError('EBADF', operation)
        const end = length === 0 ? 0 : this.#disk.room(this.#node, position + length)
        put(operation, Math.min(length, end - position))
        if (end < position + length && length > 0) throw diskError('ENOSPC', operation)
      },
      (operation) => put(operation, this.#disk.random.integer(length + 1)),
    )
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#run({ kind: 'read', position, length: into.length }, () => {
      const found = this.#node.live.view().subarray(position, position + into.length)
      into.set(found)
      return found.length
    })
  }

  sync(): Promise<void> {
    const covered = this.#node.changes.covered()
    return this.#run(
      { kind: 'sync' },
      () => this.#node.synced(covered),
      () => this.#node.changes.failed(covered),
    )
  }

  truncate(length: number): Promise<void> {
    return this.#run({ kind: 'truncate', length }, (operation) => {
      if (!this.#writable) throw diskError('EINVAL', operation)
      this.#node.apply(operation.index, { kind: 'truncate', path: this.#path, length })
    })
  }

  size(): Promise<number> {
    return this.#run({ kind: 'size' }, () => this.#node.live.size)
  }

  close(): Promise<void> {
    return this.#run({ kind: 'close' }, () => {
      this.#open = false
    })
  }

  #run<T>(
    call: { readonly kind: DiskOperationKind; readonly position?: number; readonly length?: number },
    body: (operation: DiskOperation) => T,
    failed?: (operation: DiskOperation, code: DiskErrorCode) => void,
  ): Promise<T> {
    const guarded = (operation: DiskOperation): T => {
      if (!this.#open) throw diskError('EBADF', operation)
      return body(operation)
    }
    return this.#disk.run({ ...call, path: this.#path }, guarded, failed)
  }
}

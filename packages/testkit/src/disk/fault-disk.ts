import { secondsToMilliseconds, sleep, systemClock, UsageError } from '@halyard/core'
import type { Clock } from '@halyard/core'
import type { Disk, DiskFile } from '@halyard/core/node'
import { seededRandom } from '../random.ts'
import type { SeededRandom } from '../random.ts'
import { DirectoryNode, FileNode } from './nodes.ts'
import { diskError } from './operation.ts'
import type { DiskErrorCode, DiskOperation, DiskOperationKind } from './operation.ts'
import { cutPower, randomFates, unsyncedChanges } from './power-cut.ts'
import type { PowerCutChoices, UnsyncedChange } from './power-cut.ts'
import { OpenFile } from './open-file.ts'
import type { DiskAccess } from './open-file.ts'
import { absolute, Tree } from './tree.ts'

export interface FaultDiskOptions {
  /** Of what the disk decides itself: how much of a failing write is there. Default 0. */
  readonly seed?: number
  /** Bytes of all files together, above which a write gets ENOSPC. Default: without end. */
  readonly capacity?: number
  /** What {@link FaultDisk.delay} waits by. Default: the system's clock. */
  readonly clock?: Clock
}

export type DiskObserver = (operation: DiskOperation, when: 'before' | 'after') => void
export type DiskFailureRule = (operation: DiskOperation) => DiskErrorCode | undefined
/** Seconds, or a promise that the operation waits for. */
export type DiskDelayRule = (operation: DiskOperation) => number | Promise<void> | undefined

/**
 * A disk in memory that promises what POSIX promises and not a bit more, fails on demand, and loses its power.
 *
 * A write is sure to survive a power cut once a `sync()` that began after it has succeeded, a name once a
 * `syncDirectory()` has. Of everything else {@link powerCut} keeps what it likes. A sync that failed leaves what it
 * covered in doubt for good, as on Linux: the next one reports success and proves nothing about it.
 *
 * A rename within one directory survives wholly or not at all, as every file system has it; one between directories
 * is two changes, one in each.
 *
 * @example
 * ```ts
 * import { FaultDisk, loseUnsynced } from '@halyard/testkit'
 *
 * const disk = new FaultDisk()
 * const file = await disk.open('/log', 'create')
 * await disk.syncDirectory('/')
 * await file.write(Buffer.from('kept'), 0)
 * await file.sync()
 * await file.write(Buffer.from(' lost'), 4)
 * const after = disk.powerCut(loseUnsynced)
 * console.log(Buffer.from(after.readFile('/log')).toString()) // kept
 * ```
 */
export class FaultDisk implements Disk {
  readonly #options: FaultDiskOptions
  readonly #clock: Clock
  #tree: Tree = new Tree()
  readonly #access: DiskAccess
  readonly #observers = new Set<DiskObserver>()
  readonly #failures = new Set<DiskFailureRule>()
  readonly #delays = new Set<DiskDelayRule>()
  #power: 'on' | 'stopped' | 'cut' = 'on'
  #operations = 0
  /** Bytes that may be in all files together; raise it to make room again. */
  capacity: number

  /** @throws {UsageError} `ERR_TESTKIT_ARGUMENT` if the seed or the capacity is no number that can be one. */
  constructor(options: FaultDiskOptions = {}) {
    this.#options = options
    this.#access = {
      run: (call, body, failed) => this.#run(call, body, failed),
      room: (file, end) => this.#room(file, end),
      random: seededRandom(options.seed ?? 0),
    }
    this.#clock = options.clock ?? systemClock()
    this.capacity = options.capacity ?? Infinity
    if (!(this.capacity >= 0)) {
      throw new UsageError('ERR_TESTKIT_ARGUMENT', `the capacity is ${this.capacity}; give a number of bytes from 0`)
    }
  }

  /** How many calls there have been. */
  get operations(): number {
    return this.#operations
  }

  /** Bytes of all files together, those of two names counted once. */
  get used(): number {
    const files = new Set(this.#tree.files().map(([, file]) => file))
    return [...files].reduce((sum, file) => sum + file.live.size, 0)
  }

  open(path: string, how: 'read' | 'write' | 'create'): Promise<DiskFile> {
    return this.#run({ kind: 'open', path: absolute(path) }, (operation) => {
      const node = how === 'create' ? this.#tree.create(operation) : this.#tree.file(operation)
      return new OpenFile(operation.path, node, how !== 'read', this.#access)
    })
  }

  readdir(path: string): Promise<string[]> {
    return this.#run({ kind: 'readdir', path: absolute(path) }, (operation) => [
      ...this.#tree.directory(operation).live.keys(),
    ])
  }

  mkdir(path: string): Promise<void> {
    return this.#run({ kind: 'mkdir', path: absolute(path) }, (operation) => this.#tree.mkdir(operation))
  }

  link(from: string, to: string): Promise<void> {
    const target = absolute(to)
    return this.#run({ kind: 'link', path: absolute(from), to: target }, (operation) =>
      this.#tree.link({ ...operation, to: target }),
    )
  }

  rename(from: string, to: string): Promise<void> {
    const target = absolute(to)
    return this.#run({ kind: 'rename', path: absolute(from), to: target }, (operation) =>
      this.#tree.rename({ ...operation, to: target }),
    )
  }

  unlink(path: string): Promise<void> {
    return this.#run({ kind: 'unlink', path: absolute(path) }, (operation) => this.#tree.unlink(operation))
  }

  syncDirectory(path: string): Promise<void> {
    const node = this.#tree.find(path)
    const covered = node instanceof DirectoryNode ? node.changes.covered() : []
    return this.#run(
      { kind: 'syncDirectory', path: absolute(path) },
      (operation) => this.#tree.directory({ ...operation, kind: 'open' }).synced(covered),
      () => node instanceof DirectoryNode && node.changes.failed(covered),
    )
  }

  /**
   * Calls back before and after every operation. It may {@link stop} the disk; after `before` the operation then has
   * no effect, after `after` it has had its effect and nobody learns of it. Returns what ends the observing.
   */
  onOperation(observer: DiskObserver): () => void {
    return added(this.#observers, observer)
  }

  /** Fails every operation for which the rule returns a code. Returns what ends it. */
  fail(rule: DiskFailureRule): () => void {
    return added(this.#failures, rule)
  }

  /** Fails the next operation of this kind, of this file or directory if a path is given. */
  failNext(kind: DiskOperationKind, code: DiskErrorCode, path?: string): void {
    const end = this.fail((operation) => {
      if (operation.kind !== kind || (path !== undefined && operation.path !== absolute(path))) return undefined
      end()
      return code
    })
  }

  /**
   * Lets operations take time, for example `(operation) => (operation.kind === 'sync' ? 0.03 : undefined)`. A sync
   * covers what was written before it began. Returns what ends it.
   */
  delay(rule: DiskDelayRule): () => void {
    return added(this.#delays, rule)
  }

  /** From now on no operation has an effect and none comes back, as if the machine stood still. */
  stop(): void {
    if (this.#power === 'on') this.#power = 'stopped'
  }

  /**
   * Cuts the power and returns the disk as it is found afterwards, with everything on it synced, the same capacity and
   * clock, and no failures, delays or observers. Every further call of this disk and its files throws EIO, or never
   * comes back if it was stopped before.
   *
   * @param choices what survives: {@link randomFates} of this randomness, or fates one by one
   */
  powerCut(choices: SeededRandom | PowerCutChoices): FaultDisk {
    if (this.#power === 'on') this.#power = 'cut'
    const fates = typeof choices === 'function' ? choices : randomFates(choices)
    const found = new FaultDisk({ ...this.#options, capacity: this.capacity })
    found.#tree = new Tree(cutPower(this.#tree.root, fates))
    return found
  }

  /** What a power cut now might undo, oldest first. */
  unsynced(): UnsyncedChange[] {
    return unsyncedChanges(this.#tree.root)
  }

  /** The paths of all files, sorted, as running programs see them. No operation of the disk. */
  files(): string[] {
    return this.#tree.files().map(([path]) => path)
  }

  /** A copy of a file's bytes as running programs see them. No operation of the disk; throws ENOENT. */
  readFile(path: string): Uint8Array {
    return this.#existing(path).live.view().slice()
  }

  /** Puts a file there, its directories too, all of it synced. No operation of the disk. */
  writeFile(path: string, bytes: Uint8Array): void {
    const parts = absolute(path).slice(1).split('/')
    const name = parts.pop() ?? ''
    let directory = this.#tree.root
    for (const part of parts) {
      let child = directory.live.get(part)
      if (child === undefined) directory.restore(part, (child = new DirectoryNode()))
      if (child instanceof FileNode) throw diskError('ENOTDIR', { kind: 'open', path: absolute(path) })
      directory = child
    }
    const node = directory.live.get(name)
    if (node instanceof DirectoryNode) throw diskError('EISDIR', { kind: 'open', path: absolute(path) })
    if (node === undefined) directory.restore(name, new FileNode(bytes))
    else node.replace(bytes)
  }

  /**
   * Flips bits of one byte, and leaves the file wholly synced. A negative position counts from the end. No operation
   * of the disk.
   *
   * @param mask which bits; default 0xff, all of them
   * @throws {UsageError} `ERR_TESTKIT_ARGUMENT` if the file has no such byte.
   */
  corrupt(path: string, position: number, mask = 0xff): void {
    const file = this.#existing(path)
    const bytes = file.live.view().slice()
    const at = position < 0 ? bytes.length + position : position
    const byte = bytes[at]
    if (byte === undefined) {
      const range = `it has ${bytes.length} bytes`
      throw new UsageError('ERR_TESTKIT_ARGUMENT', `no byte ${position} in ${absolute(path)}; ${range}`)
    }
    bytes[at] = byte ^ mask
    file.replace(bytes)
  }

  #room(file: FileNode, end: number): number {
    if (this.capacity === Infinity) return end
    return Math.max(file.live.size, Math.min(end, this.capacity - (this.used - file.live.size)))
  }

  /**
   * Every operation comes here. It has its effect one turn of the microtask queue after the call at the earliest, so
   * that a sync which is not awaited behind its write does not cover it by luck.
   */
  async #run<T>(
    call: Omit<DiskOperation, 'index'>,
    body: (operation: DiskOperation) => T,
    failed?: (operation: DiskOperation, code: DiskErrorCode) => void,
  ): Promise<T> {
    await this.#powered(call)
    const operation = { index: this.#operations++, ...call }
    await this.#told(operation, 'before')
    const code = first(this.#failures, (rule) => rule(operation))
    for (const rule of this.#delays) {
      const delay = rule(operation)
      await (typeof delay === 'number' ? sleep(secondsToMilliseconds('delay', delay), this.#clock) : delay)
      await this.#powered(call)
    }
    let result: T
    try {
      if (code !== undefined) {
        failed?.(operation, code)
        throw diskError(code, operation)
      }
      result = body(operation)
    } catch (error) {
      await this.#told(operation, 'after')
      throw error
    }
    await this.#told(operation, 'after')
    return result
  }

  async #told(operation: DiskOperation, when: 'before' | 'after'): Promise<void> {
    for (const observer of this.#observers) observer(operation, when)
    await this.#powered(operation)
  }

  #powered(call: Omit<DiskOperation, 'index'>): Promise<void> {
    if (this.#power === 'stopped') return new Promise(() => {})
    return this.#power === 'on' ? Promise.resolve() : Promise.reject(diskError('EIO', call))
  }

  #existing(path: string): FileNode {
    return this.#tree.file({ index: -1, kind: 'open', path: absolute(path) })
  }
}

function added<T>(set: Set<T>, item: T): () => void {
  set.add(item)
  return () => void set.delete(item)
}

function first<T, R>(items: Iterable<T>, ask: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const answer = ask(item)
    if (answer !== undefined) return answer
  }
  return undefined
}

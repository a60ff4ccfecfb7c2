/**
 * What a directory may be after a power cut, by what was asked of the kernel before it. It knows nothing of who asked.
 *
 * A sync makes last what was done when it began and had been done when it came back; of everything else any part may be
 * there: any names, any writes in any order of arrival, each torn at any byte. After a failed sync nothing it covered is
 * certain any more.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { SeededRandom } from '@halyard/testkit'
import { PROCESS_BEGINS, bytesOf, textOf } from './strace.ts'
import type { CallEvent, Trace } from './strace.ts'

interface Change<T> {
  readonly begin: number
  readonly end: number
  readonly what: T
  /** When the sync came back that makes it last. */
  lasting: number
}

type FileChange = { readonly at: number; readonly bytes: Buffer } | { readonly length: number }
interface FileNode {
  readonly changes: Change<FileChange>[]
  /** As running programs see it: where one that appends writes. */
  length: number
}
interface OpenFile {
  readonly path: string
  readonly file: FileNode | 'directory'
  /** Every write goes to the end. */
  readonly appends: boolean
  at: number
}
/** Names of a directory: a rename is one change of two names. */
type NameChange = readonly (readonly [path: string, file: FileNode | 'directory' | undefined])[]

const CHANGING = new Set([
  ...['creat', 'pwritev', 'pwritev2', 'sendfile', 'copy_file_range', 'truncate', 'fallocate', 'sync_file_range'],
  ...['symlink', 'symlinkat', 'io_uring_setup', 'sync', 'syncfs', 'msync', 'dup', 'dup2', 'dup3'],
])

export class DiskModel {
  readonly #root: string
  readonly #directories = new Map<string, Change<NameChange>[]>()
  /** As running programs see them. */
  readonly #names = new Map<string, FileNode | 'directory'>()
  readonly #open = new Map<number, OpenFile>()

  /** @param root the directory below which all is followed; it existed, and was empty, before the trace begins */
  constructor(root: string, trace: Trace) {
    this.#root = root
    this.#names.set(root, 'directory')
    this.#directories.set(root, [])
    // Effects become visible, to the programs too, when the call comes back; but a number is free again at once.
    const moment = ({ name, begin, end }: CallEvent): number => (name === 'close' ? begin : end)
    for (const call of trace.calls.toSorted((a, b) => moment(a) - moment(b))) this.#apply(call)
  }

  /** Points in the trace at which a sync came back: where a promise may follow. */
  readonly syncs: number[] = []

  /** Makes the directory as it may be found when the power goes before event number `moment`. */
  async materialise(moment: number, random: SeededRandom, target: string): Promise<void> {
    const draw = chances(random)
    const names = new Map<string, FileNode | 'directory'>()
    for (const [, changes] of [...this.#directories].toSorted(([a], [b]) => a.length - b.length)) {
      for (const change of survivors(changes, moment, draw)) {
        for (const [path, file] of change.what) {
          if (file === undefined) names.delete(path)
          else names.set(path, file)
        }
      }
    }
    await rm(target, { recursive: true, force: true })
    await mkdir(target, { recursive: true })
    const contents = new Map<FileNode, Buffer>()
    for (const [path, file] of [...names].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      const parent = dirname(path)
      if (parent !== this.#root && names.get(parent) !== 'directory') continue
      const to = join(target, path.slice(this.#root.length))
      if (file === 'directory') {
        await mkdir(to)
        continue
      }
      const content = contents.get(file) ?? contentOf(file, moment, draw)
      contents.set(file, content)
      await writeFile(to, content)
    }
  }

  #apply(call: CallEvent): void {
    const { name, args, result } = call
    if (result < 0 && call.end !== Infinity && name !== 'fsync' && name !== 'fdatasync') return
    const descriptor = Number.parseInt(args[0] ?? '', 10)
    switch (name) {
      case 'open':
      case 'openat':
        return this.#opened(call)
      case 'close':
        this.#open.delete(descriptor)
        return
      case PROCESS_BEGINS:
        this.#open.clear()
        return
      case 'write':
      case 'writev':
      case 'pwrite64':
        return this.#written(call, descriptor)
      case 'ftruncate':
        return this.#changed(call, descriptor, { length: Number(args[1]) })
      case 'fsync':
      case 'fdatasync':
        return this.#synced(call, descriptor)
      case 'mkdir':
      case 'mkdirat':
        return this.#made(call, this.#pathOf(args, name === 'mkdir' ? 0 : 1))
      case 'unlink':
      case 'rmdir':
      case 'unlinkat':
        return this.#renamed(call, [[this.#pathOf(args, name === 'unlinkat' ? 1 : 0), undefined]])
      case 'link':
      case 'linkat':
      case 'rename':
      case 'renameat':
      case 'renameat2':
        return this.#moved(call)
      default:
        if (CHANGING.has(name) && this.#concerns(args, descriptor)) {
          throw new Error(`the disk model does not know ${name}(${args.join(', ').slice(0, 200)})`)
        }
    }
  }

  #opened(call: CallEvent): void {
    const { args, result } = call
    const [at, flags = ''] = call.name === 'open' ? [0, args[1]] : [1, args[2]]
    const path = this.#pathOf(args, at)
    if (!this.#inside(path)) return
    let file = this.#names.get(path)
    if (file === undefined) {
      if (!flags.includes('O_CREAT')) return
      file = { changes: [], length: 0 }
      this.#rename(call, [[path, file]])
    }
    if (result < 0) return
    this.#open.set(result, { path, file, appends: flags.includes('O_APPEND'), at: 0 })
    if (flags.includes('O_TRUNC') && file !== 'directory' && file.length > 0) this.#changed(call, result, { length: 0 })
  }

  #written(call: CallEvent, descriptor: number): void {
    const open = this.#open.get(descriptor)
    if (open === undefined || open.file === 'directory') return
    const { args, name, end, result } = call
    const written = end === Infinity ? Infinity : result
    const bytes = bytesOf(args[1]).subarray(0, written)
    const position = open.appends ? open.file.length : open.at
    const at = name === 'pwrite64' && !open.appends ? Number(args[3]) : position
    if (name !== 'pwrite64') open.at = at + bytes.length
    this.#changed(call, descriptor, { at, bytes })
  }

  #changed(call: CallEvent, descriptor: number, what: FileChange): void {
    const file = this.#open.get(descriptor)?.file
    if (file === undefined || file === 'directory') return
    file.length = 'length' in what ? what.length : Math.max(file.length, what.at + what.bytes.length)
    file.changes.push({ begin: call.begin, end: call.end, what, lasting: Infinity })
  }

  #synced({ begin, end, result }: CallEvent, descriptor: number): void {
    const open = this.#open.get(descriptor)
    if (open === undefined || end === Infinity) return
    const changes = open.file === 'directory' ? this.#directories.get(open.path) : open.file.changes
    for (const change of changes ?? []) {
      // No time at all: a failed sync has covered it, and no later one proves anything.
      if (change.lasting !== Infinity || change.end > begin) continue
      change.lasting = result === 0 ? end : Number.NaN
    }
    this.syncs.push(end)
  }

  #made(call: CallEvent, path: string): void {
    if (!this.#inside(path)) return
    this.#rename(call, [[path, 'directory']])
    this.#directories.set(path, [])
  }

  #moved(call: CallEvent): void {
    const at = call.name.endsWith('at') || call.name === 'renameat2'
    const from = this.#pathOf(call.args, at ? 1 : 0)
    const to = this.#pathOf(call.args, at ? 3 : 1)
    const file = this.#names.get(from)
    if (file === undefined || !this.#inside(to)) return
    if (file === 'directory' || dirname(from) !== dirname(to)) throw new Error(`the disk model does not move ${from}`)
    this.#rename(
      call,
      call.name.startsWith('link')
        ? [[to, file]]
        : [
            [from, undefined],
            [to, file],
          ],
    )
  }

  #renamed(call: CallEvent, what: NameChange): void {
    if (this.#names.has(what[0]?.[0] ?? '')) this.#rename(call, what)
  }

  #rename({ begin, end }: CallEvent, what: NameChange): void {
    for (const [path, file] of what) {
      if (file === undefined) this.#names.delete(path)
      else this.#names.set(path, file)
    }
    const [[path] = ['']] = what
    this.#directories.get(dirname(path))?.push({ begin, end, what, lasting: Infinity })
  }

  #pathOf(args: readonly string[], at: number): string {
    return textOf(args[at])
  }

  #inside(path: string): boolean {
    return path === this.#root || path.startsWith(`${this.#root}/`)
  }

  #concerns(args: readonly string[], descriptor: number): boolean {
    return this.#open.has(descriptor) || args.some((arg) => arg.startsWith('"') && this.#inside(textOf(arg)))
  }
}

/** How a power cut goes about it: all, nothing, or each by chance; uniform chances alone never try the likely cases. */
function chances(random: SeededRandom): { readonly keep: () => boolean; readonly tear: (length: number) => number } {
  const likelihood = random.pick([0, 0.2, 0.5, 0.8, 1])
  return {
    keep: () => random.chance(likelihood),
    tear: (length) => (random.chance(0.3) ? random.integer(length + 1) : length),
  }
}

function survivors<T>(
  changes: readonly Change<T>[],
  moment: number,
  draw: { readonly keep: () => boolean },
): Change<T>[] {
  return changes.filter(({ begin, lasting }) => begin < moment && (lasting < moment || draw.keep()))
}

function contentOf(
  file: FileNode,
  moment: number,
  draw: { readonly keep: () => boolean; readonly tear: (length: number) => number },
): Buffer {
  let content = Buffer.alloc(0)
  for (const { what, lasting } of survivors(file.changes, moment, draw)) {
    if ('length' in what) {
      const cut = Buffer.alloc(what.length)
      content.copy(cut, 0, 0, what.length)
      content = cut
      continue
    }
    const bytes = lasting < moment ? what.bytes : what.bytes.subarray(0, draw.tear(what.bytes.length))
    const end = what.at + bytes.length
    if (bytes.length > 0 && end > content.length) content = Buffer.concat([content, Buffer.alloc(end - content.length)])
    bytes.copy(content, what.at)
  }
  return content
}

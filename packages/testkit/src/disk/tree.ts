import { posix } from 'node:path'
import { diskError } from './operation.ts'
import type { DiskErrorCode, DiskOperation } from './operation.ts'
import { DirectoryNode, FileNode } from './nodes.ts'
import type { DiskNode, NameChange } from './nodes.ts'

/** The names of a disk: what each call does to them, with the errors that Linux gives. Nothing here waits. */
export class Tree {
  readonly root: DirectoryNode

  constructor(root: DirectoryNode = new DirectoryNode()) {
    this.root = root
  }

  /** The node behind a path, `undefined` if there is none. */
  find(path: string): DiskNode | undefined {
    let node: DiskNode | undefined = this.root
    for (const name of partsOf(path)) node = node instanceof DirectoryNode ? node.live.get(name) : undefined
    return node
  }

  file(operation: DiskOperation): FileNode {
    const [directory, name] = this.#parent(operation, operation.path)
    const node = directory.live.get(name)
    if (node === undefined) throw diskError('ENOENT', operation)
    if (node instanceof DirectoryNode) throw diskError('EISDIR', operation)
    return node
  }

  directory(operation: DiskOperation): DirectoryNode {
    const [parent, name] = this.#parent(operation, operation.path)
    const node = name === '' ? parent : parent.live.get(name)
    if (node instanceof DirectoryNode) return node
    throw diskError(node === undefined ? 'ENOENT' : 'ENOTDIR', operation)
  }

  create(operation: DiskOperation): FileNode {
    const [directory, name] = this.#parent(operation, operation.path)
    if (name === '' || directory.live.has(name)) throw diskError('EEXIST', operation)
    const file = new FileNode()
    directory.apply(operation.index, change('create', operation, [[name, file]]))
    return file
  }

  /** What it makes lasts, and so does the name of a directory that is found: the port promises it. */
  mkdir(operation: DiskOperation): void {
    let directory = this.root
    let parent = this.root
    const parts = partsOf(operation.path)
    for (const [depth, name] of parts.entries()) {
      let node = directory.live.get(name)
      if (node instanceof FileNode) throw diskError(depth === parts.length - 1 ? 'EEXIST' : 'ENOTDIR', operation)
      if (node === undefined) {
        node = new DirectoryNode()
        const path = `/${parts.slice(0, depth + 1).join('/')}`
        directory.apply(operation.index, { kind: 'mkdir', path, entries: [[name, node]] })
        directory.synced(directory.changes.covered())
      }
      parent = directory
      directory = node
    }
    parent.synced(parent.changes.covered())
  }

  link(operation: DiskOperation & { readonly to: string }): void {
    const node = this.#existing(operation)
    const [directory, name] = this.#parent(operation, operation.to)
    if (name === '' || directory.live.has(name)) throw diskError('EEXIST', operation)
    if (node instanceof DirectoryNode) throw diskError('EPERM', operation)
    directory.apply(operation.index, change('link', operation, [[name, node]]))
  }

  rename(operation: DiskOperation & { readonly to: string }): void {
    // Linux looks at both directories before it looks for the file.
    const [source, oldName] = this.#parent(operation, operation.path)
    const [target, newName] = this.#parent(operation, operation.to)
    const node = this.#existing(operation)
    if (isBelow(operation.to, operation.path)) throw diskError('EINVAL', operation)
    if (isBelow(operation.path, operation.to)) throw diskError('ENOTEMPTY', operation)
    const replaced = target.live.get(newName)
    // Two names of one file: POSIX has rename do nothing, and both names stay.
    if (replaced === node) return
    const problem = replaced === undefined ? undefined : cannotReplace(replaced, node)
    if (problem !== undefined) throw diskError(problem, operation)
    if (source === target) {
      source.apply(
        operation.index,
        change('rename', operation, [
          [oldName, undefined],
          [newName, node],
        ]),
      )
    } else {
      target.apply(operation.index, change('rename', operation, [[newName, node]]))
      source.apply(operation.index, change('rename', operation, [[oldName, undefined]]))
    }
  }

  unlink(operation: DiskOperation): void {
    const node = this.#existing(operation)
    if (node instanceof DirectoryNode) throw diskError('EISDIR', operation)
    const [directory, name] = this.#parent(operation, operation.path)
    directory.apply(operation.index, change('unlink', operation, [[name, undefined]]))
  }

  /** Every file by path, sorted; a file of two names comes twice. */
  files(): [path: string, file: FileNode][] {
    const result: [string, FileNode][] = []
    const visit = (path: string, node: DiskNode): void => {
      if (node instanceof FileNode) result.push([path, node])
      else for (const [name, child] of node.live) visit(`${path}/${name}`, child)
    }
    visit('', this.root)
    return result.toSorted(([a], [b]) => (a < b ? -1 : 1))
  }

  #existing(operation: DiskOperation): DiskNode {
    const [directory, name] = this.#parent(operation, operation.path)
    const node = directory.live.get(name)
    if (node === undefined) throw diskError('ENOENT', operation)
    return node
  }

  #parent(operation: DiskOperation, path: string): [directory: DirectoryNode, name: string] {
    const parts = partsOf(path)
    const name = parts.pop() ?? ''
    let node: DiskNode = this.root
    for (const part of parts) {
      const child: DiskNode | undefined = node.live.get(part)
      if (child === undefined) throw diskError('ENOENT', operation)
      if (child instanceof FileNode) throw diskError('ENOTDIR', operation)
      node = child
    }
    return [node, name]
  }
}

/** Absolute, with `.` and `..` resolved: what a path means on a disk that has no working directory. */
export function absolute(path: string): string {
  return posix.resolve('/', path)
}

function partsOf(path: string): string[] {
  return absolute(path)
    .split('/')
    .filter((part) => part !== '')
}

function isBelow(path: string, ancestor: string): boolean {
  return path.startsWith(`${ancestor}/`)
}

function cannotReplace(there: DiskNode, comes: DiskNode): DiskErrorCode | undefined {
  if (there instanceof FileNode) return comes instanceof FileNode ? undefined : 'ENOTDIR'
  if (comes instanceof FileNode) return 'EISDIR'
  return there.live.size === 0 ? undefined : 'ENOTEMPTY'
}

function change(kind: NameChange['kind'], operation: DiskOperation, entries: NameChange['entries']): NameChange {
  return { kind, path: operation.path, ...(operation.to !== undefined && { to: operation.to }), entries }
}

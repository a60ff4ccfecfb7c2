import type { SeededRandom } from '../random.ts'
import { DirectoryNode, FileNode, applyNames, Content } from './nodes.ts'
import type { DiskNode, FileChange, NameChange } from './nodes.ts'

/** A change that a power cut may undo, because nothing was synced behind it or because the sync failed. */
export interface UnsyncedChange {
  /** {@link DiskOperation.index} of the call that made it. */
  readonly operation: number
  readonly kind: 'write' | 'truncate' | 'create' | 'mkdir' | 'link' | 'rename' | 'unlink'
  readonly path: string
  readonly to?: string
  readonly position?: number
  readonly length?: number
  /** A sync of it failed: no later one makes it last. */
  readonly doubtful: boolean
}

/**
 * What becomes of a change. Only a write can be torn: to its first bytes, or to some of its 512-byte sectors, where
 * the file has grown to the write's end or not; what is missing below the end reads as zeros.
 */
export type Fate =
  | 'kept'
  | 'lost'
  | { readonly prefix: number }
  | { readonly sectors: readonly boolean[]; readonly grown: boolean }

/** Decides the fate of each change; the changes come in the order in which they were made, the fates go back in it. */
export type PowerCutChoices = (unsynced: readonly UnsyncedChange[]) => readonly Fate[]

export const SECTOR_SIZE = 512

/** Nothing lasts that was not synced. */
export const loseUnsynced: PowerCutChoices = (unsynced) => unsynced.map(() => 'lost')

/** Everything had reached the medium in time. */
export const keepUnsynced: PowerCutChoices = (unsynced) => unsynced.map(() => 'kept')

export interface RandomFatesOptions {
  /**
   * `any`: any subset of the changes, which is all that POSIX promises. `prefix`: all changes up to some point and
   * none behind it but the one that was being written. Default: both, and now and then all or nothing.
   */
  readonly order?: 'any' | 'prefix'
  /** How a write tears. Default: both. */
  readonly tear?: 'prefix' | 'sectors' | 'never'
}

/** Fates by chance. Each call draws a way of losing first, since uniform subsets alone never try the likely cases. */
export function randomFates(random: SeededRandom, options: RandomFatesOptions = {}): PowerCutChoices {
  const torn = (change: UnsyncedChange): Fate =>
    tear(random, change, options.tear ?? random.pick(['prefix', 'sectors']))
  return (unsynced) => {
    const order =
      options.order ?? random.pick(['any', 'any', 'any', 'prefix', 'prefix', 'prefix', 'all', 'none'] as const)
    if (order === 'all') return keepUnsynced(unsynced)
    if (order === 'none') return loseUnsynced(unsynced)
    if (order === 'prefix') {
      const cut = random.integer(unsynced.length + 1)
      return unsynced.map((change, index) => (index < cut ? 'kept' : index > cut ? 'lost' : torn(change)))
    }
    return unsynced.map((change) => {
      const draw = random.float()
      return draw < 0.4 ? 'kept' : draw < 0.7 ? 'lost' : torn(change)
    })
  }
}

function tear(random: SeededRandom, change: UnsyncedChange, how: 'prefix' | 'sectors' | 'never'): Fate {
  if (change.kind !== 'write' || how === 'never') return random.pick(['kept', 'lost'])
  const { position = 0, length = 0 } = change
  if (how === 'prefix') return { prefix: random.integer(length + 1) }
  const count = Math.ceil((position + length) / SECTOR_SIZE) - Math.floor(position / SECTOR_SIZE)
  return { sectors: Array.from({ length: count }, () => random.chance(0.5)), grown: random.chance(0.5) }
}

/** All changes below this directory that a power cut may undo, oldest first. */
export function unsyncedChanges(root: DirectoryNode): UnsyncedChange[] {
  return openChanges(root).map(({ operation, what, state }) => ({
    operation,
    kind: what.kind,
    path: what.path,
    ...('to' in what && { to: what.to }),
    ...(what.kind === 'write' && { position: what.position, length: what.bytes.length }),
    ...(what.kind === 'truncate' && { length: what.length }),
    doubtful: state === 'doubtful',
  }))
}

/** The tree as it is found when the power is back; the one before is left as it is. */
export function cutPower(root: DirectoryNode, choices: PowerCutChoices): DirectoryNode {
  const fates = new Map<FileChange | NameChange, Fate>()
  const chosen = choices(unsyncedChanges(root))
  for (const [index, { what }] of openChanges(root).entries()) fates.set(what, chosen[index] ?? 'lost')
  const fateOf = (what: FileChange | NameChange): Fate => fates.get(what) ?? 'kept'

  // One new node for each old one, so that two names of a file stay two names of a file.
  const found = new Map<DiskNode, DiskNode>()
  const survivor = (node: DiskNode): DiskNode => {
    const known = found.get(node)
    if (known !== undefined) return known
    if (node instanceof FileNode) {
      const file = survivingFile(node, fateOf)
      found.set(node, file)
      return file
    }
    const directory = new DirectoryNode()
    found.set(node, directory)
    const names = new Map(node.base)
    for (const { what } of node.changes) if (fateOf(what) === 'kept') applyNames(names, what)
    for (const [name, reachable] of names) directory.restore(name, survivor(reachable))
    return directory
  }
  return survivor(root) as DirectoryNode
}

function survivingFile(file: FileNode, fateOf: (what: FileChange) => Fate): FileNode {
  const content = new Content(file.base.view())
  for (const { what } of file.changes) {
    const fate = fateOf(what)
    if (fate === 'lost') continue
    if (fate === 'kept' || what.kind === 'truncate') content.apply(what)
    else if ('prefix' in fate) content.write(what.bytes.subarray(0, fate.prefix), what.position)
    else writeSectors(content, what.bytes, what.position, fate)
  }
  return new FileNode(content.view())
}

function writeSectors(
  content: Content,
  bytes: Uint8Array,
  position: number,
  fate: { readonly sectors: readonly boolean[]; readonly grown: boolean },
): void {
  const end = position + bytes.length
  if (fate.grown && end > content.size) content.truncate(end)
  let from = position
  for (const kept of fate.sectors) {
    const to = Math.min(end, (Math.floor(from / SECTOR_SIZE) + 1) * SECTOR_SIZE)
    if (kept) content.write(bytes.subarray(from - position, to - position), from)
    from = to
  }
}

function openChanges(root: DirectoryNode): { operation: number; what: FileChange | NameChange; state: string }[] {
  const seen = new Set<DiskNode>()
  const open: { operation: number; what: FileChange | NameChange; state: string }[] = []
  const visit = (node: DiskNode): void => {
    if (seen.has(node)) return
    seen.add(node)
    for (const change of node.changes) if (change.state !== 'synced') open.push(change)
    if (node instanceof FileNode) return
    // A name that only a lost change took away, or only an unsynced one gave, may be there after the cut.
    for (const reachable of node.base.values()) visit(reachable)
    for (const { what } of node.changes) for (const [, reachable] of what.entries) if (reachable) visit(reachable)
  }
  visit(root)
  return open.toSorted((a, b) => a.operation - b.operation)
}

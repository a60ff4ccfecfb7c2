/**
 * Who wants what arrives, found by channel. A handler at `a/` gets `a/` and everything below, `+` stands for any one
 * segment, and a final `#` changes nothing but that `a/#/` and `a/` have a handler each. Empty segments are passed over.
 * docs/protocols/emitter.md §1.6
 *
 * @example
 * ```ts
 * import { HandlerTree } from '@halyard/wire/emitter'
 * const tree = new HandlerTree<string>()
 * tree.insert('a/', 'all of a')
 * tree.insert('a/+/c/', 'every c')
 * console.log(tree.lookup('a/x/c/')) // [ 'all of a', 'every c' ]
 * ```
 */
export class HandlerTree<Handler> {
  readonly #root: Node<Handler> = newNode()

  /** One handler per channel: a second one takes the place of the first. */
  insert(channel: string, handler: Handler): void {
    let node = this.#root
    for (const segment of segmentsOf(channel)) {
      let child = node.children.get(segment)
      if (!child) node.children.set(segment, (child = newNode()))
      node = child
    }
    node.held = { handler }
  }

  /** The handler at exactly this channel. */
  get(channel: string): Handler | undefined {
    let node: Node<Handler> | undefined = this.#root
    for (const segment of segmentsOf(channel)) node = node?.children.get(segment)
    return node?.held?.handler
  }

  /** Whether there was one. */
  delete(channel: string): boolean {
    const path: [parent: Node<Handler>, segment: string][] = []
    let node = this.#root
    for (const segment of segmentsOf(channel)) {
      const child = node.children.get(segment)
      if (!child) return false
      path.push([node, segment])
      node = child
    }
    if (!node.held) return false
    node.held = undefined
    for (const [parent, segment] of path.toReversed()) {
      const child = parent.children.get(segment)
      if (!child || child.held || child.children.size > 0) break
      parent.children.delete(segment)
    }
    return true
  }

  /** All handlers for what was published to a channel: nearer to the root first, a named segment before `+`. */
  lookup(channel: string): Handler[] {
    const found: Handler[] = []
    collect(this.#root, segmentsOf(channel), 0, found)
    return found
  }
}

interface Node<Handler> {
  readonly children: Map<string, Node<Handler>>
  /** In a box, for a handler may itself be `undefined`. */
  held: { readonly handler: Handler } | undefined
}

function newNode<Handler>(): Node<Handler> {
  return { children: new Map(), held: undefined }
}

function segmentsOf(channel: string): string[] {
  return channel.split('/').filter((segment) => segment !== '')
}

/** As deep as the tree, never as the channel that somebody else made. */
function collect<Handler>(node: Node<Handler>, segments: readonly string[], at: number, found: Handler[]): void {
  if (node.held) found.push(node.held.handler)
  const rest = node.children.get('#')
  if (rest?.held) found.push(rest.held.handler)
  const segment = segments[at]
  if (segment === undefined) return
  const named = segment === '+' || segment === '#' ? undefined : node.children.get(segment)
  if (named) collect(named, segments, at + 1, found)
  const any = node.children.get('+')
  if (any) collect(any, segments, at + 1, found)
}

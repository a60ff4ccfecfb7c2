/**
 * The text of SUBSCRIBE and UNSUBSCRIBE as it is to be parsed: every `#` gets a slash, then every `//` becomes one. That
 * is why `key/a/#` and `key//a/` are good there and nowhere else. The original does it for SUBSCRIBE alone, so that some
 * of its subscriptions cannot be taken back. docs/protocols/emitter.md §1.5
 *
 * @example
 * ```ts
 * import { normaliseFilter } from '@halyard/wire/emitter'
 * console.log(normaliseFilter('k8Kz2fTf/a/#')) // k8Kz2fTf/a/#/
 * ```
 */
export function normaliseFilter(topic: string): string {
  return topic.replaceAll('#', '#/').replaceAll('//', '/')
}

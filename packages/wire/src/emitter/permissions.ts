/** What a key may do: byte 15 of it. docs/protocols/emitter.md §3.3 */
export const PERMISSION = {
  /** Alone in the byte: a master key, which makes keys and may do nothing else. */
  master: 1,
  read: 2,
  write: 4,
  store: 8,
  load: 16,
  presence: 32,
  extend: 64,
  /** Reserved; no request needs it. */
  execute: 128,
} as const

const LETTERS = 'rwslpex'

/**
 * The bits of letters out of `rwslpex`. Others are passed over, `m` among them: nobody can ask for a master key.
 *
 * @example
 * ```ts
 * import { formatPermissions, parsePermissions } from '@halyard/wire/emitter'
 * console.log(parsePermissions('rw'), formatPermissions(38)) // 6 rwp
 * ```
 */
export function parsePermissions(letters: string): number {
  let bits = 0
  for (const letter of letters) {
    const at = LETTERS.indexOf(letter)
    if (at >= 0) bits |= PERMISSION.read << at
  }
  return bits
}

/** The letters in the order `rwslpex`, with `m` in front if the master bit is set. */
export function formatPermissions(bits: number): string {
  const letters = Array.from(LETTERS)
    .filter((_, at) => (bits & (PERMISSION.read << at)) !== 0)
    .join('')
  return (bits & PERMISSION.master) === 0 ? letters : `m${letters}`
}

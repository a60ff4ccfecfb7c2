/** How a message is written to standard output: alone, or behind its name. */
import type { Screen } from '../terminal.ts'
import { harmless } from '../text/width.ts'

export interface ShowFlags {
  readonly verbose?: true
  /** `-N` */
  readonly newline?: boolean
}

/** On a terminal a stranger's bytes could be orders to it; a pipe gets them as they are. */
export function shownOn({ isTerminal }: Screen, payload: Uint8Array): Uint8Array | string {
  return isTerminal ? harmless(Buffer.from(payload).toString()) : payload
}

export function lineEnd({ newline }: ShowFlags): string {
  return newline === false ? '' : '\n'
}

/** @param name the topic or channel, which `-v` puts before it */
export function show(name: string, payload: Uint8Array, flags: ShowFlags, screen: Screen): void {
  const before = flags.verbose === true ? `${harmless(name)} ` : ''
  screen.write(join([before, shownOn(screen, payload), lineEnd(flags)]))
}

export function join(parts: readonly (Uint8Array | string)[]): Uint8Array | string {
  if (parts.every((part) => typeof part === 'string')) return parts.join('')
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
}

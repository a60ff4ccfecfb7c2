import type { EmitterMessage } from '@halyard/emitter'
import type { Terminal } from '../terminal.ts'
import { textOrBase64 } from '../text/text-or-base64.ts'
import { harmless } from '../text/width.ts'
import type { EmitterReadFlags } from './flags.ts'

/** A message as a line, its bytes as they came on a pipe, or as `{"channel":"chat/","text":"hello","size":5}`. */
export function printMessage(message: EmitterMessage, more: object, flags: EmitterReadFlags, terminal: Terminal): void {
  const { channel, binary } = message
  if (flags.json === true) {
    return terminal.print(JSON.stringify({ channel, ...textOrBase64(binary), size: binary.length, ...more }))
  }
  const { screen } = terminal
  const before = flags.verbose === true ? `${harmless(channel)} ` : ''
  const end = flags.newline === false ? '' : '\n'
  // On a terminal a stranger's bytes could be orders to it.
  if (screen.isTerminal) screen.write(`${before}${harmless(message.asString())}${end}`)
  else screen.write(Buffer.concat([Buffer.from(before), binary, Buffer.from(end)]))
}

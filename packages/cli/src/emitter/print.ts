import type { EmitterMessage } from '@halyard/emitter'
import { show } from '../pubsub/show.ts'
import type { Terminal } from '../terminal.ts'
import { textOrBase64 } from '../text/text-or-base64.ts'
import type { EmitterReadFlags } from './flags.ts'

/** A message as a line, its bytes as they came on a pipe, or as `{"channel":"chat/","text":"hello","size":5}`. */
export function printMessage(message: EmitterMessage, more: object, flags: EmitterReadFlags, terminal: Terminal): void {
  const { channel, binary } = message
  if (flags.json === true) {
    return terminal.print(JSON.stringify({ channel, ...textOrBase64(binary), size: binary.length, ...more }))
  }
  show(channel, binary, flags, terminal.screen)
}

/** What is to be published: one message, or one for each line that comes. */
import { UsageError } from '@halyard/core'
import { MAX_MESSAGE, readAll } from '../read-all.ts'
import { readNamedFile } from '../read-named-file.ts'
import { splitLines } from '../send/split-lines.ts'
import type { Input } from '../terminal.ts'

/** Where it comes from: one of these, or standard input. */
export interface MessageFlags {
  readonly message?: string
  readonly file?: string
  readonly stdinLine?: true
  readonly stdinFile?: true
  readonly nullMessage?: true
}

const TOO_LARGE = 'standard input is larger than 16 MiB; -l publishes each line as a message of its own'

/** One after the other, as they come. @throws {UsageError} `ERR_USAGE` for none, or for two ways at once */
export async function* messagesOf(flags: MessageFlags, input: Input, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { message, file, stdinLine, stdinFile, nullMessage } = flags
  const ways = [message !== undefined, file !== undefined, stdinLine, stdinFile, nullMessage].filter(
    (way) => way === true,
  )
  if (ways.length > 1) throw new UsageError('ERR_USAGE', 'choose one of -m, -f, -l, -s and -n')
  if (message !== undefined) yield new TextEncoder().encode(message)
  else if (nullMessage === true) yield new Uint8Array()
  else if (file !== undefined) yield await readNamedFile('--file', file)
  else if (stdinLine === true)
    for await (const { bytes } of splitLines(input.bytes({ signal }), MAX_MESSAGE)) yield bytes
  else if (stdinFile !== true && input.isTerminal) {
    throw new UsageError('ERR_USAGE', 'there is no message; give one with -m, or on standard input')
  } else yield await readAll(input, TOO_LARGE, signal)
}

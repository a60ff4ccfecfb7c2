/** What is to be published: one message, or one for each line that comes. */
import { readFile } from 'node:fs/promises'
import { StorageError, UsageError } from '@halyard/core'
import { splitLines } from '../send/split-lines.ts'
import type { Input } from '../terminal.ts'
import type { PubFlags } from './flags.ts'

/** bytes; more than brokers take, less than fills the memory of a small machine */
const MAX_MESSAGE: number = 16 * 1024 * 1024

/** One after the other, as they come. @throws {UsageError} `ERR_USAGE` for none, or for two ways at once */
export async function* messagesOf(flags: PubFlags, input: Input, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { message, file, stdinLine, stdinFile, nullMessage } = flags
  const ways = [message !== undefined, file !== undefined, stdinLine, stdinFile, nullMessage].filter(
    (way) => way === true,
  )
  if (ways.length > 1) throw new UsageError('ERR_USAGE', 'choose one of -m, -f, -l, -s and -n')
  if (message !== undefined) yield new TextEncoder().encode(message)
  else if (nullMessage === true) yield new Uint8Array()
  else if (file !== undefined) yield await readWhole(file)
  else if (stdinLine === true)
    for await (const { bytes } of splitLines(input.bytes({ signal }), MAX_MESSAGE)) yield bytes
  else if (stdinFile !== true && input.isTerminal) {
    throw new UsageError('ERR_USAGE', 'there is no message; give one with -m, or on standard input')
  } else yield await readAll(input, signal)
}

async function readWhole(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'it cannot be read'
    throw new StorageError('ERR_CONFIG_FILE', `--file ${file}: ${code}; check the path and who may read it`, {
      cause: error,
    })
  }
}

async function readAll(input: Input, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of input.bytes({ signal })) {
    size += chunk.length
    if (size > MAX_MESSAGE) {
      throw new UsageError(
        'ERR_USAGE',
        'standard input is larger than 16 MiB; -l publishes each line as a message of its own',
      )
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

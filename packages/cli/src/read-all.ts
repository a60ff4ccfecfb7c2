import { UsageError } from '@halyard/core'
import type { Input } from './terminal.ts'

/** bytes of one message; more than any service takes, less than fills the memory of a small machine */
export const MAX_MESSAGE: number = 16 * 1024 * 1024

/**
 * All of standard input as one message.
 *
 * @param tooLarge what is said of a pipe that holds more than `MAX_MESSAGE`
 * @throws {UsageError} `ERR_USAGE`
 */
export async function readAll(input: Input, tooLarge: string, signal?: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of input.bytes({ ...(signal && { signal }) })) {
    size += chunk.length
    if (size > MAX_MESSAGE) throw new UsageError('ERR_USAGE', tooLarge)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

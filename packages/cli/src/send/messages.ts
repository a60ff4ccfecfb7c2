/** Which messages the words of the command line mean. */
import { UsageError } from '@halyard/core'
import { readAll } from '../read-all.ts'
import type { Input } from '../terminal.ts'
import type { Message } from './client.ts'
import type { SendFlags } from './flags.ts'

const TOO_LARGE =
  'standard input is larger than a message may be (16 MiB); --lines sends each line as a message of its own'

export function topicsOf({ topic }: SendFlags): string[] | undefined {
  return topic === undefined || topic === true ? undefined : [...topic]
}

/** @throws {UsageError} `ERR_USAGE` if there can be no message: none is given, and standard input is a terminal. */
export function refuseNothing(given: readonly string[], flags: SendFlags, input: Input): void {
  if (given.length === 0 && input.isTerminal) throw noMessage(topicsOf(flags) ?? [])
}

/** The arguments; without any, what standard input holds. */
export async function readMessages(
  given: readonly string[],
  flags: SendFlags,
  input: Input,
): Promise<readonly Message[]> {
  if (given.length > 0) return given
  const bytes = withoutLineEnd(await readAll(input, TOO_LARGE))
  if (bytes.length === 0) throw noMessage(topicsOf(flags) ?? [])
  return [bytes]
}

function noMessage(topics: readonly string[]): UsageError {
  if (topics.length === 0) {
    return new UsageError('ERR_USAGE', 'there is no message; give one as an argument or on standard input')
  }
  const taken = topics.map((topic) => `'${topic}'`).join(', ')
  return new UsageError(
    'ERR_USAGE',
    `there is no message: -t took ${taken} as topics; put the message before -t, or -- between topics and message`,
  )
}

/** Without the line end that `echo` writes. */
function withoutLineEnd(bytes: Uint8Array): Uint8Array {
  if (bytes.at(-1) !== 0x0a) return bytes
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1)
}

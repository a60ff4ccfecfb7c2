import { UsageError } from '@halyard/core'
import type { Input } from '../../terminal.ts'

/** More than any secret and its line end. */
const MAX_INPUT = 2048

/** The first line of standard input. `option`: the one whose value is `-`. */
export async function readSecret(input: Input, option: string): Promise<string> {
  if (input.isTerminal) {
    const what = option.includes('key') ? 'key' : 'password'
    throw new UsageError('ERR_USAGE', `${option} - reads the ${what} from standard input: pipe it in, or leave it out`)
  }
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of input.bytes()) {
    chunks.push(chunk)
    size += chunk.length
    if (size > MAX_INPUT || chunk.includes(0x0a)) break
  }
  return Buffer.concat(chunks).toString('utf8').split(/\r?\n/, 1)[0] ?? ''
}

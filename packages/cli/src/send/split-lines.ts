import { UsageError } from '@halyard/core'

const LF = 0x0a
const CR = 0x0d

export interface Line {
  /** counted from 1, blank ones included */
  readonly number: number
  readonly bytes: Uint8Array
}

/**
 * The lines of a stream, as they come, without their ends; the last may lack one. Blank lines are left out. Holds one
 * line at a time.
 *
 * @throws {UsageError} `ERR_USAGE` for a line of more than `maxBytes`
 */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Line> {
  let number = 1
  let begun: Uint8Array[] = []
  let size = 0
  const take = (end: Uint8Array): Line | undefined => {
    const whole = begun.length === 0 ? end : Buffer.concat([...begun, end])
    begun = []
    size = 0
    const bytes = whole.at(-1) === CR ? whole.subarray(0, -1) : whole
    return bytes.length === 0 ? undefined : { number, bytes }
  }
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
      if (size + end - from > maxBytes) throw tooLong(number, maxBytes)
      const line = take(chunk.subarray(from, end))
      if (line !== undefined) yield line
      number += 1
      from = end + 1
    }
    const rest = chunk.subarray(from)
    if (rest.length === 0) continue
    begun.push(rest)
    size += rest.length
    if (size > maxBytes) throw tooLong(number, maxBytes)
  }
  const last = take(new Uint8Array())
  if (last !== undefined) yield last
}

function tooLong(number: number, maxBytes: number): UsageError {
  const most = `${maxBytes / 1024 / 1024} MiB`
  return new UsageError('ERR_USAGE', `line ${number} of standard input is longer than a message may be (${most})`)
}

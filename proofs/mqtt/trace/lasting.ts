/** Which marks a traced process has written to files, and when a sync came back that makes each of them last. */
import { bytesOf, nameOf } from '../../power-cut/strace.ts'
import type { Trace } from '../../power-cut/strace.ts'

const MARK = /@[MS]\d+-\d+@/g
/** A mark may be cut by the end of a write. */
const LONGEST_MARK = 20
const WRITES = new Set(['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'])

interface Written {
  readonly mark: string
  readonly end: number
}

/** By mark, the moment from which it is on the disk whatever happens; of marks that were written and not synced Infinity. */
export function lastingFrom(root: string, trace: Trace): ReadonlyMap<string, number> {
  const files = new Map<string, { readonly written: Written[]; tail: string }>()
  const lasting = new Map<string, number>()
  // A write is in the file when it has come back; a sync covers what had come back when it began.
  for (const call of trace.calls.toSorted((a, b) => momentOf(a) - momentOf(b))) {
    const path = nameOf(call.args[0])
    if (!path.startsWith(`${root}/`)) continue
    const file = files.get(path) ?? { written: [], tail: '' }
    files.set(path, file)
    if (WRITES.has(call.name) && call.result > 0) {
      const text = file.tail + bytesOf(call.args[1]).subarray(0, call.result).toString('latin1')
      for (const [mark] of text.matchAll(MARK)) {
        file.written.push({ mark, end: call.end })
        if (!lasting.has(mark)) lasting.set(mark, Infinity)
      }
      file.tail = text.slice(-LONGEST_MARK)
    } else if ((call.name === 'fsync' || call.name === 'fdatasync') && call.result === 0) {
      for (const { mark } of file.written.splice(0))
        lasting.set(mark, Math.min(lasting.get(mark) ?? Infinity, call.end))
    }
  }
  return lasting
}

function momentOf({
  name,
  begin,
  end,
}: {
  readonly name: string
  readonly begin: number
  readonly end: number
}): number {
  return name === 'fsync' || name === 'fdatasync' ? begin : end
}

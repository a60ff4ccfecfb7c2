/** Which marks a traced process has written to files, and when a sync came back that makes each of them last. */
import { bytesOf, nameOf } from '../../power-cut/strace.ts'
import type { Trace } from '../../power-cut/strace.ts'

const MARK = /@[MS]\d+-\d+@/g
/** A mark may be cut by the end of a write. */
const LONGEST_MARK = 20
const WRITES = new Set(['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'])

/** By mark, the moment from which it is on the disk whatever happens; of marks that were written and not synced Infinity. */
export function lastingFrom(root: string, trace: Trace): ReadonlyMap<string, number> {
  const files = new Map<string, { readonly written: string[]; tail: string }>()
  const lasting = new Map<string, number>()
  // A write is in the file when it has come back; a sync covers what had come back when it began.
  for (const call of trace.calls.toSorted((a, b) => momentOf(a) - momentOf(b))) {
    const path = nameOf(call.args[0])
    if (!path.startsWith(`${root}/`)) continue
    const file = files.get(path) ?? { written: [], tail: '' }
    files.set(path, file)
    if (WRITES.has(call.name) && call.result > 0) {
      const text = file.tail + bytesOf(call.args[1]).subarray(0, call.result).toString('latin1')
      let rest = 0
      for (const { 0: mark, index } of text.matchAll(MARK)) {
        file.written.push(mark)
        if (!lasting.has(mark)) lasting.set(mark, Infinity)
        rest = index + mark.length
      }
      // Of this write only what may be the beginning of a mark: a whole one would count again with the next.
      file.tail = text.slice(Math.max(rest, text.length - LONGEST_MARK))
    } else if (call.name === 'fsync' || call.name === 'fdatasync') {
      // Of what a failed sync covered nothing is certain, whatever a later one says.
      const covered = file.written.splice(0)
      if (call.result !== 0) continue
      for (const mark of covered) lasting.set(mark, Math.min(lasting.get(mark) ?? Infinity, call.end))
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

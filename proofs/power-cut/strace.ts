/**
 * Reads what `strace -f -y -xx -o FILE` wrote: system calls of all threads as events in the order in which they happened.
 *
 * strace stops a thread when it enters a call and when it leaves it. A call that nothing comes between is one line; of
 * others the entrance is `<unfinished ...>` and the exit `<... name resumed>`, so the order of lines is the order of events.
 */

/** Whatever changes files, or tells somebody something. A call that the disk model does not know must be seen too. */
const CALLS: readonly string[] = [
  ...['open', 'openat', 'creat', 'close', 'dup', 'dup2', 'dup3', 'fcntl'],
  ...['write', 'pwrite64', 'writev', 'pwritev', 'pwritev2', 'sendto', 'sendmsg', 'sendfile', 'copy_file_range'],
  ...['ftruncate', 'truncate', 'fallocate', 'fsync', 'fdatasync', 'sync_file_range', 'sync', 'syncfs', 'msync'],
  ...['rename', 'renameat', 'renameat2', 'link', 'linkat', 'unlink', 'unlinkat', 'mkdir', 'mkdirat', 'rmdir'],
  ...['symlink', 'symlinkat', 'io_uring_setup'],
]

/** The command that traces whatever is put behind it. `-s`: a string longer than that would be cut, and the write with it. */
export function straceCommand(output: string): string[] {
  return [
    'strace',
    '-f',
    '-y',
    '-xx',
    '-s',
    '16777216',
    '-e',
    `trace=${CALLS.join(',')}`,
    '-e',
    'signal=none',
    '-o',
    output,
  ]
}

export interface CallEvent {
  /** Position of the entrance, and of the exit, in the order of all events. */
  readonly begin: number
  readonly end: number
  readonly name: string
  /** As strace prints them, with strings still in hex: see {@link bytesOf} and {@link textOf}. */
  readonly args: readonly string[]
  /** -1 for an error */
  readonly result: number
}

export interface Trace {
  /** By their entrance. A call that never came back has `end` Infinity and result -1. */
  readonly calls: readonly CallEvent[]
  /** How many entrances and exits there are. */
  readonly events: number
}

/** Stands in a trace where another process begins: its descriptors have nothing to do with those of the one before. */
export const PROCESS_BEGINS = 'process_begins'

const LINE = /^(\d+) +(.*)$/
const RESUMED = /^<\.\.\. (\w+) resumed>(.*)$/
const UNFINISHED = ' <unfinished ...>'

/**
 * The traces of processes that ran one after the other.
 *
 * @throws {Error} for a line that it cannot read: a trace that is half understood proves nothing.
 */
export function parseStrace(...texts: readonly string[]): Trace {
  const calls: CallEvent[] = []
  let events = 0
  for (const text of texts) {
    const begin = events++
    calls.push({ begin, end: begin, name: PROCESS_BEGINS, args: [], result: 0 })
    const parsed = parseOne(text, events)
    for (const call of parsed.calls) calls.push(call)
    events = parsed.events
  }
  return { calls, events }
}

function parseOne(text: string, first: number): Trace {
  const calls: { begin: number; end: number; text: string }[] = []
  const open = new Map<string, { begin: number; end: number; text: string }>()
  let events = first
  for (const line of text.split('\n')) {
    const [, thread = '', rest = ''] = LINE.exec(line) ?? []
    if (rest === '' || rest.startsWith('+++') || rest.startsWith('---')) continue
    // A thread that was killed at the door of a call, before strace could ask which: it was never entered.
    if (rest.startsWith('???(')) continue
    const resumed = RESUMED.exec(rest)
    if (resumed !== null) {
      const call = open.get(thread)
      if (call === undefined) throw new Error(`a call goes on that never began: ${line.slice(0, 200)}`)
      open.delete(thread)
      call.text += resumed[2] ?? ''
      call.end = events++
    } else if (rest.endsWith(UNFINISHED)) {
      const call = { begin: events++, end: Infinity, text: rest.slice(0, -UNFINISHED.length) }
      calls.push(call)
      open.set(thread, call)
    } else {
      calls.push({ begin: events++, end: events++, text: rest })
    }
  }
  return { calls: calls.map(parseCall), events }
}

function parseCall({ begin, end, text }: { begin: number; end: number; text: string }): CallEvent {
  const name = text.slice(0, text.indexOf('('))
  const { args, rest } = splitArguments(text.slice(name.length + 1))
  const result = end === Infinity ? -1 : Number.parseInt(/^ *= (-?\d+|0x[0-9a-f]+|\?)/.exec(rest)?.[1] ?? '?', 10)
  if (!/^\w+$/.test(name)) throw new Error(`no system call: ${text.slice(0, 200)}`)
  return { begin, end, name, args, result: Number.isNaN(result) ? -1 : result }
}

/** Splits at the commas outside of strings and brackets. */
function splitArguments(text: string): { args: string[]; rest: string } {
  const args: string[] = []
  let depth = 0
  let start = 0
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '"') at = text.indexOf('"', at + 1)
    else if (char === '[' || char === '{' || char === '(') depth++
    else if (depth > 0 && (char === ']' || char === '}' || char === ')')) depth--
    else if (char === ')' || (char === ',' && depth === 0)) {
      args.push(text.slice(start, at).trim())
      start = at + 1
      if (char === ')') return { args, rest: text.slice(start) }
    }
    if (at < 0) break
  }
  args.push(text.slice(start).trim())
  return { args, rest: '' }
}

/** The bytes of all strings in an argument: one of `write`, several of `writev`. */
export function bytesOf(argument: string | undefined): Buffer {
  const parts: Buffer[] = []
  for (const [, hex = '', more = ''] of (argument ?? '').matchAll(/"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?/g)) {
    if (more !== '') throw new Error('strace cut a string off')
    parts.push(Buffer.from(hex.replaceAll(String.raw`\x`, ''), 'hex'))
  }
  return Buffer.concat(parts)
}

export function textOf(argument: string | undefined): string {
  return bytesOf(argument).toString()
}

/** What stands behind a descriptor, as `-y` tells it: a path, `socket:[5]`, `pipe:[7]`; empty if it tells nothing. */
export function nameOf(descriptor: string | undefined): string {
  const [, name = ''] = /^\d+<(.*)>$/.exec(descriptor ?? '') ?? []
  // Some versions write it in hex, as they do strings.
  return name.startsWith(String.raw`\x`) ? Buffer.from(name.replaceAll(String.raw`\x`, ''), 'hex').toString() : name
}

import type { OutboxEntry } from '@halyard/core'
import type { Context } from '../context.ts'
import { paint } from '../text/paint.ts'
import { count, formatBytes, formatSeconds } from '../text/units.ts'
import { oneLine } from '../text/width.ts'
import { entryJson } from './entry-json.ts'
import type { OutboxFlags } from './flags.ts'
import { openForReading, unknownMessage } from './open.ts'

/** What the words of the ledger mean. A service's own words (`ERR_AUTHINVALID`) are told as they are. */
const REASONS: Readonly<Record<string, string>> = {
  expired: 'it was not delivered in the time that its sender (expires) or the outbox (maxAge) gave it',
  superseded: 'a newer message with the same word (latest) took its place',
  overflow: 'the outbox was full, and it had to give way',
  dropped: 'it was taken back (drop, or halyard outbox rm)',
  closed: 'the outbox was closed and had no directory to keep it in',
  interrupted: 'the process ended while it was on the wire; a second copy would be worse than none',
}

/** `halyard outbox why`: the story of one message. */
export async function why(id: string, flags: OutboxFlags, { terminal }: Context): Promise<number> {
  await using outbox = await openForReading(flags.outbox)
  const entry = outbox.why(id)
  if (entry === undefined) throw unknownMessage(id, flags.outbox)
  if (flags.json === true) {
    terminal.print(entryJson(entry))
    return 0
  }
  const { bold, dim } = paint(terminal.colour.output)
  terminal.print(`${bold(oneLine(entry.id))}  ${formatBytes(entry.size)} for ${oneLine(entry.destination)}`)
  for (const { when, what } of story(entry, Date.now())) terminal.print(`  ${dim(when.padEnd(STAMP))}  ${what}`)
  return 0
}

const STAMP = '2026-01-01 12:00:00'.length

function story(entry: OutboxEntry, now: number): { readonly when: string; readonly what: string }[] {
  const { state, reason, queuedAt, settledAt, attempts } = entry
  const ago = (date: Date): string => `${formatSeconds((now - date.getTime()) / 1000)} ago`
  const beginning = { when: stamp(queuedAt), what: `handed to the outbox (${ago(queuedAt)})` }
  if (state === 'queued' || settledAt === undefined) {
    const tries =
      attempts === 0
        ? ''
        : `${count(attempts, 'attempt')} so far${reason === undefined ? '' : `: ${oneLine(reason)}`}; `
    const what = `${tries}waits until a program opens this outbox with its account and the link is up`
    return [beginning, { when: 'now', what }]
  }
  const waited = formatSeconds((settledAt.getTime() - queuedAt.getTime()) / 1000)
  const tries = attempts === 0 ? '' : ` at attempt ${attempts}`
  const meaning =
    reason === undefined ? 'no reason is known' : (REASONS[reason] ?? `the service refused it: ${oneLine(reason)}`)
  const end =
    state === 'delivered'
      ? `delivered: the service acknowledged it${tries}, after ${waited}`
      : `dropped after ${waited}${tries}: ${meaning}`
  return [beginning, { when: stamp(settledAt), what: end }]
}

/** Local time, as a person at the machine reads it. */
function stamp(date: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0')
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

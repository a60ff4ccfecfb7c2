/** What is said at the end, besides what became of each message. */
import type { Output } from '../status-line.ts'
import { paint } from '../text/paint.ts'
import { count } from '../text/units.ts'
import { countOf } from './kind.ts'
import type { Tally } from './report.ts'

export function sayOlder(older: number, output: Output): void {
  if (older === 0) return
  const { green } = paint(output.colour.error)
  output.error(`${green('halyard:')} ${count(older, 'older message')} from the outbox delivered as well`)
}

/** `queued`: in the outbox at the end. */
export function sayInterrupted(
  { target: { outbox }, kind, waiting, failed }: Tally,
  queued: number,
  output: Output,
): void {
  const { yellow } = paint(output.colour.error)
  const left = outbox === undefined ? waiting + failed : queued
  const say = (text: string): void => output.error(`${yellow('halyard:')} interrupted: ${text}`)
  if (left === 0) say('nothing is left to send')
  else if (outbox === undefined) say(`${countOf(kind, left)} may not have arrived; --outbox DIR keeps them`)
  else say(`${count(left, 'message')} still queued in ${outbox}; halyard outbox ls --outbox ${outbox} shows what`)
}

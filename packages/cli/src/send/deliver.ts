/** Messages into an outbox, out of it over the wire, and what became of them: the one work of `send` and `sms`. */
import type { Context } from '../context.ts'
import { describeFailure, exitCodeOf } from '../failure.ts'
import { Interruption } from '../interrupt.ts'
import { StatusLine } from '../status-line.ts'
import { paint } from '../text/paint.ts'
import { formatBytes, formatSeconds } from '../text/units.ts'
import type { Message } from './client.ts'
import { Courier } from './courier.ts'
import { sayInterrupted, sayOlder } from './farewell.ts'
import { countOf } from './kind.ts'
import type { Kind } from './kind.ts'
import { Tally, printOutcome } from './report.ts'
import type { Target } from './settings.ts'

export interface Order {
  readonly target: Target
  readonly kind: Kind
  readonly messages: readonly Message[]
  readonly json: boolean
}

/** Gives the exit code. */
export async function deliver({ target, kind, messages, json }: Order, context: Context): Promise<number> {
  const { terminal } = context
  await using courier = await Courier.open(target, kind, context)
  // Either all can be sent or none goes: half of them twice is worse than a line that is typed again.
  for (const message of messages) await courier.check(message)

  const tally = new Tally(target, kind)
  using interruption = new Interruption(terminal)
  // What is on the wire is waited for, what is not stays queued: all learn what became of them.
  interruption.signal.addEventListener('abort', () => void courier.close())
  const began = performance.now()
  const size = formatBytes(messages.reduce((sum, message) => sum + Buffer.byteLength(message), 0))
  using output = new StatusLine(terminal, () => {
    const elapsed = formatSeconds((performance.now() - began) / 1000)
    if (interruption.signal.aborted) return `ending: what is on the wire finishes first · ${elapsed}`
    const sending = `${countOf(kind, messages.length)} (${size}) · ${elapsed}`
    return messages.length === 1 ? `sending ${sending}` : `${tally.answered} of ${sending}`
  })

  let code = 0
  const { red } = paint(terminal.colour.error)
  // All are handed over before the first answer comes, and told in the order in which they were given.
  for (const over of messages.map((message) => Promise.allSettled([courier.send(message)]))) {
    const [settled] = await over
    if (settled.status === 'fulfilled') {
      tally.add(settled.value)
      printOutcome(settled.value, target, json, output)
      continue
    }
    tally.failed += 1
    if (interruption.signal.aborted) continue
    output.error(`${red('halyard:')} ${describeFailure(settled.reason)}`)
    code = Math.max(code, exitCodeOf(settled.reason))
  }
  // Only then all is written down, also what became of older messages.
  await courier.close()
  tally.sayRefused(output)
  if (interruption.exitCode === undefined) tally.sayWaiting(output)
  sayOlder(courier.olderDelivered, output)
  if (interruption.exitCode === undefined) return Math.max(code, tally.exitCode)
  sayInterrupted(tally, courier.outbox.depth, output)
  return interruption.exitCode
}

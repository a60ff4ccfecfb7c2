/** `halyard emitter pub`. */
import { AbortError, UsageError } from '@halyard/core'
import type { Receipt } from '@halyard/core'
import type { Emitter } from '@halyard/emitter'
import type { Context } from '../context.ts'
import { describeFailure } from '../failure.ts'
import { messagesOf } from '../mqtt/messages.ts'
import { Window } from '../send/window.ts'
import { StatusLine } from '../status-line.ts'
import { paint } from '../text/paint.ts'
import { count } from '../text/units.ts'
import { keyOf, wholeNumber, withBroker } from './broker.ts'
import type { EmitterPubFlags } from './flags.ts'

/** On its way at once. */
const WINDOW = 1000
const WINDOW_BYTES: number = 16 * 1024 * 1024

export async function pub(flags: EmitterPubFlags, context: Context): Promise<number> {
  const { terminal } = context
  const { channel = '', qos = '1', echo = true, retain = false, outbox } = flags
  const key = keyOf(flags, terminal.environment)
  const ttl = wholeNumber('--ttl', flags.ttl)
  if (qos !== '0' && qos !== '1') throw new UsageError('ERR_USAGE', `--qos is 0 or 1, not ${qos}`)
  const call = { key, channel, retain, me: echo, qos: Number(qos) as 0 | 1, ...(ttl !== undefined && { ttl }) }
  const kept = outbox === undefined ? {} : { outbox: { path: outbox } }
  return withBroker(flags, context, kept, async (emitter, { interruption, signal }) => {
    const tally = { delivered: 0, queued: 0, failed: 0 }
    using status = new StatusLine(terminal, () => `${count(tally.delivered, 'message')} published`)
    const say = (error: unknown): void => {
      tally.failed++
      status.error(`${paint(terminal.colour.error).red('halyard:')} ${describeFailure(error, terminal.environment)}`)
    }
    // Whether it is there is told before anything is read.
    const isThere = await reached(emitter, signal, outbox !== undefined)
    const window = new Window<Receipt>(WINDOW, WINDOW_BYTES)
    for await (const message of messagesOf(flags, terminal.input, interruption.signal)) {
      await window.room(message.length)
      if (tally.failed > 0 || interruption.signal.aborted) break
      const published = emitter.publish({ ...call, message }, { signal: interruption.signal })
      window.add(message.length, published, (result) => {
        if (result.status === 'rejected') return result.reason instanceof AbortError ? undefined : say(result.reason)
        tally[result.value.state]++
        if (flags.json === true) status.print(JSON.stringify(result.value))
      })
    }
    await window.empty()
    const depth = await owed(emitter, isThere, signal)
    if (depth > 0 && outbox !== undefined) sayKept(depth, outbox, status, terminal.colour.error)
    return tally.failed === 0 && (depth === 0 || outbox !== undefined) ? 0 : 1
  })
}

/** With an outbox, a broker that is away is no failure: what it does not get is kept. */
async function reached(emitter: Emitter, signal: AbortSignal, mayBeAway: boolean): Promise<boolean> {
  try {
    await emitter.me({ signal })
    return true
  } catch (error) {
    if (mayBeAway) return false
    throw error
  }
}

/** What is left when everything that waited has gone, or the time for it is over. */
async function owed(emitter: Emitter, isThere: boolean, signal: AbortSignal): Promise<number> {
  const outbox = await emitter.outbox
  if (isThere) await outbox.idle({ signal }).catch(() => {})
  return outbox.depth
}

function sayKept(messages: number, outbox: string, status: StatusLine, colour: boolean): void {
  const what = messages === 1 ? '1 message is' : `${messages} messages are`
  const next = 'the next pub that names this outbox and host sends what waits'
  status.error(
    `${paint(colour).yellow('halyard:')} ${what} kept in ${outbox}: the broker has not acknowledged; ${next}`,
  )
}

/** `halyard emitter pub`. */
import { AbortError, UsageError } from '@halyard/core'
import type { Receipt } from '@halyard/core'
import type { Emitter } from '@halyard/emitter'
import type { Context } from '../context.ts'
import { describeFailure, exitCodeOf } from '../failure.ts'
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
  return withBroker(flags, context, outbox, async (emitter, { interruption, isThere, patience }) => {
    const tally = { delivered: 0, queued: 0 }
    let code = 0
    using status = new StatusLine(terminal, () => `${count(tally.delivered, 'message')} published`)
    const say = (error: unknown): void => {
      code ||= exitCodeOf(error)
      status.error(`${paint(terminal.colour.error).red('halyard:')} ${describeFailure(error, terminal.environment)}`)
    }
    const window = new Window<Receipt>(WINDOW, WINDOW_BYTES)
    for await (const message of messagesOf(flags, terminal.input, interruption.signal)) {
      await window.room(message.length)
      if (code > 0 || interruption.signal.aborted) break
      const published = emitter.publish({ ...call, message }, { signal: interruption.signal })
      window.add(message.length, published, (result) => {
        if (result.status === 'rejected') return result.reason instanceof AbortError ? undefined : say(result.reason)
        tally[result.value.state]++
        if (flags.json === true) status.print(JSON.stringify(result.value))
      })
    }
    await window.empty()
    const depth = await owed(emitter, isThere, patience())
    if (depth > 0) sayOwed(depth, outbox, status, terminal.colour.error)
    return code === 0 && depth > 0 && outbox === undefined ? 1 : code
  })
}

/** What is left when everything that waited has gone, or the time for it is over. */
async function owed(emitter: Emitter, isThere: boolean, signal: AbortSignal): Promise<number> {
  const outbox = await emitter.outbox
  if (isThere) {
    await outbox.idle({ signal }).catch((error: unknown) => {
      if (!(error instanceof AbortError)) throw error
    })
  }
  return outbox.depth
}

function sayOwed(messages: number, outbox: string | undefined, status: StatusLine, colour: boolean): void {
  const what = messages === 1 ? '1 message' : `${messages} messages`
  const { red, yellow } = paint(colour)
  if (outbox === undefined) {
    status.error(`${red('halyard:')} the broker has not acknowledged ${what}; with --outbox they would be kept`)
    return
  }
  const kept = `${what} ${messages === 1 ? 'is' : 'are'} kept in ${outbox}: the broker has not acknowledged`
  status.error(`${yellow('halyard:')} ${kept}; the next pub that names this outbox and host sends what waits`)
}

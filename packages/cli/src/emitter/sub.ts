/** `halyard emitter sub`. */
import { secondsToMilliseconds } from '@halyard/core'
import type { Context } from '../context.ts'
import { paint } from '../text/paint.ts'
import { keyOf, timeOf, wholeNumber, withBroker } from './broker.ts'
import type { EmitterSubFlags } from './flags.ts'
import { printMessage } from './print.ts'

/** As mosquitto_sub has it: the time was over before all had come. */
const TIME_OVER = 27

export async function sub(flags: EmitterSubFlags, context: Context): Promise<number> {
  const { terminal } = context
  const key = keyOf(flags, terminal.environment)
  const count = wholeNumber('--count', flags.count) ?? Infinity
  const wait = flags.wait === undefined ? undefined : secondsToMilliseconds('wait', Number(flags.wait))
  const { channel = '', group } = flags
  const from = timeOf('--from', flags.from)
  const until = timeOf('--until', flags.until)
  const last = wholeNumber('--last', flags.last)
  const say = (text: string): void => terminal.error(`${paint(terminal.colour.error).yellow('halyard:')} ${text}`)
  return withBroker(flags, context, {}, async (emitter, { interruption, signal }) => {
    const asked = { key, channel, ...(last !== undefined && { last }), ...(from && { from }), ...(until && { until }) }
    const subscription = await emitter.subscribe({ ...asked, ...(group !== undefined && { group }) }, { signal })
    if (terminal.status.isTerminal) say(`listening to ${subscription.channel}; Ctrl-C ends it`)
    emitter.on('disconnect', () => interruption.signal.aborted || say('the connection is lost; it is tried again'))
    emitter.on('connect', () => say('connected again'))
    const end = (): void => void subscription.unsubscribe().catch(() => {})
    interruption.signal.addEventListener('abort', end, { once: true })
    const timer = wait === undefined ? undefined : setTimeout(end, wait)
    let came = 0
    for await (const message of subscription) {
      printMessage(message, { received_at: new Date().toISOString() }, flags, terminal)
      if (++came >= count) break
    }
    clearTimeout(timer)
    return came < count && count !== Infinity ? TIME_OVER : 0
  })
}

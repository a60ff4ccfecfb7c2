/** `halyard emitter sub`. */
import { secondsToMilliseconds } from '@halyard/core'
import type { Context } from '../context.ts'
import { paint } from '../text/paint.ts'
import { keyOf, timeOf, untilEnded, wholeNumber, withBroker } from './broker.ts'
import type { EmitterSubFlags } from './flags.ts'
import { printMessage } from './print.ts'

/** As mosquitto_sub has it: the time was over before all had come. */
const TIME_OVER = 27

export async function sub(flags: EmitterSubFlags, context: Context): Promise<number> {
  const { terminal } = context
  const key = keyOf(flags, terminal.environment)
  const count = wholeNumber('--count', flags.count)
  const wait = flags.wait === undefined ? undefined : secondsToMilliseconds('wait', Number(flags.wait))
  const { channel = '', group } = flags
  const from = timeOf('--from', flags.from)
  const until = timeOf('--until', flags.until)
  const last = wholeNumber('--last', flags.last)
  const say = (text: string): void => terminal.error(`${paint(terminal.colour.error).yellow('halyard:')} ${text}`)
  return withBroker(flags, context, undefined, async (emitter, { interruption, patience }) => {
    const asked = { key, channel, ...(last !== undefined && { last }), ...(from && { from }), ...(until && { until }) }
    const subscription = await emitter.subscribe(
      { ...asked, ...(group !== undefined && { group }) },
      {
        signal: patience(),
      },
    )
    if (terminal.status.isTerminal) say(`listening to ${subscription.channel}; Ctrl-C ends it`)
    const lost = (): void => say('the connection is lost; it is tried again')
    emitter.on('disconnect', lost).on('connect', () => say('connected again'))
    const over = new AbortController()
    const timer = wait === undefined ? undefined : setTimeout(() => over.abort(), wait)
    let came = 0
    const printed = (async () => {
      for await (const message of subscription) {
        printMessage(message, { received_at: new Date().toISOString() }, flags, terminal)
        if (++came === count) break
      }
    })()
    try {
      await Promise.race([printed, untilEnded(emitter, AbortSignal.any([interruption.signal, over.signal]))])
    } finally {
      clearTimeout(timer)
      // That it ends now is no news.
      emitter.off('disconnect', lost)
    }
    return over.signal.aborted && count !== undefined && came < count ? TIME_OVER : 0
  })
}

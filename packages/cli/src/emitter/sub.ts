/** `halyard emitter sub`. */
import type { Context } from '../context.ts'
import { Listening, limitsOf } from '../pubsub/listening.ts'
import { wholeNumber } from '../whole-number.ts'
import { keyOf, timeOf, untilEnded, withBroker } from './broker.ts'
import type { EmitterSubFlags } from './flags.ts'
import { printMessage } from './print.ts'

export async function sub(flags: EmitterSubFlags, context: Context): Promise<number> {
  const { terminal } = context
  const key = keyOf(flags, terminal.environment)
  const limits = limitsOf(flags)
  const { channel = '', group } = flags
  const from = timeOf('--from', flags.from)
  const until = timeOf('--until', flags.until)
  const last = wholeNumber('--last', flags.last)
  return withBroker(flags, context, undefined, async (emitter, { interruption, patience }) => {
    const asked = { key, channel, ...(last !== undefined && { last }), ...(from && { from }), ...(until && { until }) }
    const subscription = await emitter.subscribe(
      { ...asked, ...(group !== undefined && { group }) },
      { signal: patience() },
    )
    using listening = new Listening(limits, terminal, interruption.signal)
    listening.sayWhere(subscription.channel)
    const lost = (): void => listening.say('the connection is lost; it is tried again')
    emitter.on('disconnect', lost).on('connect', () => listening.say('connected again'))
    const printed = (async () => {
      for await (const message of subscription) {
        printMessage(message, { received_at: new Date().toISOString() }, flags, terminal)
        if (listening.came()) break
      }
    })()
    try {
      await Promise.race([printed, untilEnded(emitter, listening.signal)])
    } finally {
      // That it ends now is no news.
      emitter.off('disconnect', lost)
    }
    return listening.exitCode
  })
}

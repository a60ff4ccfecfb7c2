/** `halyard emitter pub`. */
import { UsageError } from '@halyard/core'
import type { Context } from '../context.ts'
import { exitCodeOf } from '../failure.ts'
import { Publishing, owedAfter } from '../pubsub/publishing.ts'
import { wholeNumber } from '../whole-number.ts'
import { keyOf, withBroker } from './broker.ts'
import type { EmitterPubFlags } from './flags.ts'

export async function pub(flags: EmitterPubFlags, context: Context): Promise<number> {
  const { terminal } = context
  const { channel = '', qos = '1', echo = true, retain = false, outbox } = flags
  const key = keyOf(flags, terminal.environment)
  const ttl = wholeNumber('--ttl', flags.ttl)
  if (qos !== '0' && qos !== '1') throw new UsageError('ERR_USAGE', `--qos is 0 or 1, not ${qos}`)
  const call = { key, channel, retain, me: echo, qos: Number(qos) as 0 | 1, ...(ttl !== undefined && { ttl }) }
  return withBroker(flags, context, outbox, async (emitter, { interruption, isThere, patience, timeout }) => {
    using publishing = new Publishing(flags, terminal, timeout, interruption.signal)
    await publishing.all((message, signal) => emitter.publish({ ...call, message }, { signal }))
    const left = await emitter.outbox
    const depth = isThere && !publishing.isTooLate ? await owedAfter(left, patience()) : left.depth
    if (depth > 0) publishing.sayOwed(depth, outbox, 'broker', 'host')
    if (publishing.failure !== undefined) return exitCodeOf(publishing.failure)
    return depth > 0 && outbox === undefined ? 1 : 0
  })
}

/** `halyard mqtt sub`. */
import { ConnectionError, UsageError } from '@halyard/core'
import type { HalyardError } from '@halyard/core'
import { checkFilter, matches } from '@halyard/wire/mqtt'
import type { MqttClient, MqttMessage, Subscription } from '@halyard/mqtt'
import type { Context } from '../context.ts'
import { Interruption } from '../interrupt.ts'
import { Listening, limitsOf } from '../pubsub/listening.ts'
import type { SubFlags } from './flags.ts'
import { printerOf } from './print.ts'
import { qosOf, readServer } from './server.ts'

export async function sub(flags: SubFlags, { terminal, load }: Context): Promise<number> {
  const { url, options } = await readServer(flags, terminal.environment)
  const print = printerOf(flags, terminal)
  const isWanted = selection(flags)
  const limits = limitsOf(flags)
  const qos = qosOf(flags.qos)
  const { MqttClient: Client } = await load.mqtt()
  using interruption = new Interruption(terminal)
  await using client = new Client(url, options)
  using listening = new Listening(limits, terminal, interruption.signal)
  const { signal } = listening
  const subscription = await subscribed(client, flags.topic ?? [], qos, signal)
  if (subscription !== undefined) {
    listening.sayWhere(`${(flags.topic ?? []).join(', ')} on ${url}`)
    // From the second time on: the first failure ends the command.
    sayWhenLost(client, listening)
    signal.addEventListener('abort', () => void subscription.unsubscribe().catch(() => {}), { once: true })
    for await (const message of subscription) {
      if (signal.aborted) break
      if (isWanted(message) === 'end') break
      if (isWanted(message) === 'skip') continue
      print(message, new Date())
      if (listening.came()) break
    }
  }
  if (interruption.exitCode !== undefined) return interruption.exitCode
  if (subscription !== undefined) return listening.exitCode
  throw new ConnectionError('ERR_MQTT_TIMEOUT', `the server has not answered within the ${flags.wait} s of --wait`)
}

/** `undefined` if it was ended before. */
async function subscribed(
  client: MqttClient,
  filters: readonly string[],
  qos: 0 | 1 | 2,
  signal: AbortSignal,
): Promise<Subscription | undefined> {
  try {
    const asked = client.subscribe(filters, { qos, signal })
    // A wrong filter is told before a server that is not there.
    await Promise.race([asked, client.connected({ signal })])
    return await asked
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  }
}

function sayWhenLost(client: MqttClient, listening: Listening): void {
  client.on('disconnect', (error: HalyardError | undefined) => {
    if (error !== undefined) listening.say(`${error.message}; it is tried again`)
  })
  client.on('connect', () => listening.say('connected again'))
}

/** @throws {UsageError} `ERR_USAGE` for a filter that is none */
function selection({
  filterOut = [],
  retained,
  retainedOnly,
}: SubFlags): (message: MqttMessage) => 'print' | 'skip' | 'end' {
  for (const filter of filterOut) {
    const problem = checkFilter(filter)
    if (problem !== undefined)
      throw new UsageError('ERR_USAGE', `--filter-out ${filter} is no topic filter: ${problem}`)
  }
  return ({ topic, retain }) => {
    if (retainedOnly === true && !retain) return 'end'
    if (retained === false && retain) return 'skip'
    return filterOut.some((filter) => matches(filter, topic)) ? 'skip' : 'print'
  }
}

/** `halyard mqtt pub`. */
import { AbortError, HalyardError, UsageError } from '@halyard/core'
import { checkTopicName } from '@halyard/wire/mqtt'
import type { MqttClient, PublishOptions } from '@halyard/mqtt'
import type { Context } from '../context.ts'
import { Interruption } from '../interrupt.ts'
import { Publishing, owedAfter } from '../pubsub/publishing.ts'
import { secondsOption } from '../seconds-option.ts'
import type { PubFlags } from './flags.ts'
import { qosOf, readServer } from './server.ts'

export async function pub(flags: PubFlags, { terminal, load }: Context): Promise<number> {
  const { url, options } = await readServer(flags, terminal.environment)
  const timeout = secondsOption('--timeout', flags.timeout ?? '30')
  const call = publishOptions(flags)
  const topic = flags.topic ?? ''
  const problem = checkTopicName(topic)
  if (problem !== undefined) throw new UsageError('ERR_USAGE', `--topic ${topic} is none to publish to: ${problem}`)
  const { MqttClient: Client } = await load.mqtt()
  const { outbox } = flags
  // Without an outbox one that cannot connect need not try for ever.
  await using client = new Client(url, {
    ...options,
    connectTimeout: timeout / 1000,
    ...(outbox === undefined ? { reconnect: false } : { outbox: { path: outbox } }),
    ...(outbox !== undefined && options.clientId === undefined && { destination: destinationOf(url) }),
  })
  using interruption = new Interruption(terminal)
  const { signal } = interruption
  using publishing = new Publishing(flags, terminal, timeout, signal)
  await reach(client, outbox, signal, (error) => publishing.fail(error))
  if (publishing.failure !== undefined) return 1
  await publishing.all((message, waiting) => client.publish(topic, message, { ...call, signal: waiting }))
  const { isTooLate } = publishing
  if (outbox !== undefined || isTooLate) {
    const left = await client.outbox
    const patience = AbortSignal.any([signal, AbortSignal.timeout(timeout)])
    const depth = client.isConnected && !isTooLate ? await owedAfter(left, patience) : left.depth
    if (depth > 0) publishing.sayOwed(depth, outbox, 'server', 'server')
  }
  const isKept = (publishing.queued === 0 && !isTooLate) || outbox !== undefined
  return interruption.exitCode ?? (publishing.failure === undefined && isKept ? 0 : 1)
}

/** With an outbox, a server that is away is no failure: what it does not get is kept. */
async function reach(
  client: MqttClient,
  outbox: string | undefined,
  signal: AbortSignal,
  say: (error: unknown) => void,
): Promise<void> {
  try {
    await client.outbox
    await client.connected({ signal })
  } catch (error) {
    const isAway = error instanceof HalyardError && error.name !== 'UsageError' && error.name !== 'StorageError'
    if (error instanceof AbortError || (outbox !== undefined && isAway)) return
    say(error)
  }
}

function publishOptions({ qos, retain, property = [], outbox }: PubFlags): PublishOptions {
  const userProperties = property.map((text) => {
    const at = text.indexOf('=')
    return at < 0 ? ([text, ''] as const) : ([text.slice(0, at), text.slice(at + 1)] as const)
  })
  return {
    qos: qosOf(qos),
    retain: retain ?? false,
    offline: outbox === undefined ? 'reject' : 'queue',
    ...(userProperties.length > 0 && { properties: { userProperties } }),
  }
}

/** The next command has another client id, and the messages are its all the same. */
function destinationOf(url: string): string {
  const { host } = new URL(url.replace(/^\w+:/, 'http:'))
  return `mqtt:${host}`
}

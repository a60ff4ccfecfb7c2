/** `halyard mqtt pub`. */
import { AbortError, HalyardError, UsageError, secondsToMilliseconds } from '@halyard/core'
import type { Receipt } from '@halyard/core'
import { checkTopicName } from '@halyard/wire/mqtt'
import type { MqttClient, PublishOptions } from '@halyard/mqtt'
import type { Context } from '../context.ts'
import { describeFailure } from '../failure.ts'
import { Interruption } from '../interrupt.ts'
import { Window } from '../send/window.ts'
import { StatusLine } from '../status-line.ts'
import { paint } from '../text/paint.ts'
import { count } from '../text/units.ts'
import type { PubFlags } from './flags.ts'
import { messagesOf } from './messages.ts'
import { qosOf, readServer } from './server.ts'

/** On its way at once. */
const WINDOW = 1000
const WINDOW_BYTES: number = 16 * 1024 * 1024

export async function pub(flags: PubFlags, { terminal, load }: Context): Promise<number> {
  const { url, options } = await readServer(flags, terminal.environment)
  const timeout = secondsToMilliseconds('timeout', Number(flags.timeout ?? 30))
  const publishing = publishOptions(flags)
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
  const tally = { delivered: 0, queued: 0, failed: 0 }
  using status = new StatusLine(terminal, () => `${count(tally.delivered, 'message')} published`)
  const say = (error: unknown): void => {
    tally.failed++
    status.error(`${paint(terminal.colour.error).red('halyard:')} ${describeFailure(error, terminal.environment)}`)
  }
  const { signal } = interruption
  await reach(client, outbox, signal, say)
  if (tally.failed > 0) return 1
  const window = new Window<Receipt>(WINDOW, WINDOW_BYTES)
  for await (const message of messagesOf(flags, terminal.input, signal)) {
    await window.room(message.length)
    if (tally.failed > 0 || signal.aborted) break
    const published = client.publish(topic, message, { ...publishing, signal })
    window.add(message.length, published, (result) => {
      if (result.status === 'rejected') return result.reason instanceof AbortError ? undefined : say(result.reason)
      tally[result.value.state]++
      if (flags.json === true) status.print(JSON.stringify(result.value))
    })
  }
  await window.empty()
  if (outbox !== undefined) {
    // Also what an earlier command left behind.
    if (client.isConnected) await settled(client, AbortSignal.any([signal, AbortSignal.timeout(timeout)]))
    const { depth } = await client.outbox
    if (depth > 0) sayKept(depth, outbox, status, terminal.colour.error)
  }
  const isKept = tally.queued === 0 || outbox !== undefined
  return interruption.exitCode ?? (tally.failed === 0 && isKept ? 0 : 1)
}

/** Everything that waits has gone, or it takes too long. */
async function settled(client: MqttClient, signal: AbortSignal): Promise<void> {
  try {
    await (await client.outbox).idle({ signal })
  } catch (error) {
    if (!(error instanceof AbortError)) throw error
  }
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

function sayKept(messages: number, outbox: string, status: StatusLine, colour: boolean): void {
  const what = messages === 1 ? '1 message is' : `${messages} messages are`
  const next = 'the next pub that names this outbox and server sends what waits'
  status.error(
    `${paint(colour).yellow('halyard:')} ${what} kept in ${outbox}: the server has not acknowledged; ${next}`,
  )
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

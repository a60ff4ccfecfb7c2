/** `halyard emitter keygen`, `presence`, `history` and `me`: a question, and its answer. */
import type { EmitterMessage, PresenceEvent, PresenceWho } from '@halyard/emitter'
import type { Context } from '../context.ts'
import { paint } from '../text/paint.ts'
import { oneLine } from '../text/width.ts'
import { keyOf, timeOf, wholeNumber, withBroker } from './broker.ts'
import type { EmitterFlags, EmitterKeygenFlags, EmitterPresenceFlags, EmitterReadFlags } from './flags.ts'
import { printMessage } from './print.ts'

export async function keygen(flags: EmitterKeygenFlags, context: Context): Promise<number> {
  const { terminal } = context
  const key = keyOf(flags, terminal.environment)
  const { channel = '', type } = flags
  const ttl = wholeNumber('--ttl', flags.ttl)
  return withBroker(flags, context, {}, async (emitter, { signal }) => {
    const asked = { key, channel, ...(type !== undefined && { type }), ...(ttl !== undefined && { ttl }) }
    const made = await emitter.keygen(asked, { signal })
    if (flags.json === true) terminal.print(JSON.stringify({ key: made.key, channel: made.channel }))
    else {
      terminal.print(made.key)
      // A channel that was extended has another name than was asked for.
      if (terminal.screen.isTerminal) terminal.error(`${paint(terminal.colour.error).dim(`for ${made.channel}`)}`)
    }
    return 0
  })
}

export async function presence(flags: EmitterPresenceFlags, context: Context): Promise<number> {
  const { terminal } = context
  const key = keyOf(flags, terminal.environment)
  const { channel = '', follow = false } = flags
  return withBroker(flags, context, {}, async (emitter, { interruption, signal }) => {
    const status = await emitter.presence({ key, channel, changes: follow }, { signal })
    if (flags.json === true) terminal.print(JSON.stringify(status))
    else for (const who of status.who) terminal.print(nameOf(who))
    if (!follow) return 0
    emitter.on('presence', (event) => {
      if (event.event === 'status') return
      terminal.print(flags.json === true ? JSON.stringify(event) : changeOf(event))
    })
    await new Promise<void>((resolve) => {
      if (interruption.signal.aborted) resolve()
      interruption.signal.addEventListener('abort', () => resolve(), { once: true })
    })
    return 0
  })
}

export async function history(flags: EmitterReadFlags, context: Context): Promise<number> {
  const { terminal } = context
  const key = keyOf(flags, terminal.environment)
  const { channel = '' } = flags
  const last = wholeNumber('--last', flags.last)
  const from = timeOf('--from', flags.from)
  const until = timeOf('--until', flags.until)
  return withBroker(flags, context, {}, async (emitter, { signal }) => {
    const asked = { key, channel, ...(last !== undefined && { last }), ...(from && { from }), ...(until && { until }) }
    const found: (EmitterMessage & { readonly id: string })[] = []
    for await (const message of emitter.history(asked, { signal })) found.push(message)
    for (const message of found) printMessage(message, { id: message.id }, flags, terminal)
    return 0
  })
}

export async function me(flags: EmitterFlags, context: Context): Promise<number> {
  const { terminal } = context
  return withBroker(flags, context, {}, async (emitter, { signal }) => {
    const answer = await emitter.me({ signal })
    terminal.print(flags.json === true ? JSON.stringify(answer) : answer.id)
    return 0
  })
}

function nameOf({ id, username }: PresenceWho): string {
  return username === undefined ? id : `${id}  ${oneLine(username)}`
}

function changeOf({ event, channel, who }: Exclude<PresenceEvent, { event: 'status' }>): string {
  return `${event === 'subscribe' ? '+' : '-'} ${nameOf(who)}  ${channel}`
}

/** `halyard emitter keygen`, `keyban`, `presence`, `history` and `me`: a question, and its answer. */
import { UsageError } from '@halyard/core'
import type { EmitterMessage, PresenceEvent, PresenceWho } from '@halyard/emitter'
import type { Context } from '../context.ts'
import { readSecret } from '../hub/admin/read-secret.ts'
import { Silence } from '../pubsub/silence.ts'
import type { Terminal } from '../terminal.ts'
import { paint } from '../text/paint.ts'
import { oneLine } from '../text/width.ts'
import { wholeNumber } from '../whole-number.ts'
import { keyOf, timeOf, untilEnded, withBroker } from './broker.ts'
import type {
  EmitterFlags,
  EmitterKeybanFlags,
  EmitterKeygenFlags,
  EmitterPresenceFlags,
  EmitterReadFlags,
} from './flags.ts'
import { printMessage } from './print.ts'

/** As many as fill a screen or two. */
const SHOWN = 100

export async function keygen(flags: EmitterKeygenFlags, context: Context): Promise<number> {
  const { terminal } = context
  const key = keyOf(flags, terminal.environment)
  const { channel = '', type } = flags
  const ttl = wholeNumber('--ttl', flags.ttl)
  return withBroker(flags, context, undefined, async (emitter, { patience }) => {
    const asked = { key, channel, ...(type !== undefined && { type }), ...(ttl !== undefined && { ttl }) }
    const made = await emitter.keygen(asked, { signal: patience() })
    if (flags.json === true) terminal.print(JSON.stringify({ key: made.key, channel: made.channel }))
    else {
      terminal.print(made.key)
      // A channel that was extended has another name than was asked for.
      if (terminal.screen.isTerminal) terminal.error(paint(terminal.colour.error).dim(`for ${made.channel}`))
    }
    return 0
  })
}

export async function presence(flags: EmitterPresenceFlags, context: Context): Promise<number> {
  const { terminal } = context
  const key = keyOf(flags, terminal.environment)
  const { channel = '', follow = false } = flags
  return withBroker(flags, context, undefined, async (emitter, { interruption, patience }) => {
    let say = (event: PresenceEvent): unknown => early.push(event)
    const early: PresenceEvent[] = []
    // Before it is asked for: a change may come with the answer.
    if (follow) emitter.on('presence', (event) => say(event))
    const status = await emitter.presence({ key, channel, changes: follow }, { signal: patience() })
    say = (event) => printPresence(event, flags, terminal)
    say(status)
    if (!follow) return 0
    for (const event of early) if (event.event !== 'status') say(event)
    await untilEnded(emitter, interruption.signal)
    return 0
  })
}

export async function history(flags: EmitterReadFlags, context: Context): Promise<number> {
  const { terminal } = context
  const key = keyOf(flags, terminal.environment)
  const { channel = '' } = flags
  const last = wholeNumber('--last', flags.last) ?? SHOWN
  const from = timeOf('--from', flags.from)
  const until = timeOf('--until', flags.until)
  return withBroker(flags, context, undefined, async (emitter, { interruption, timeout }) => {
    const found: (EmitterMessage & { readonly id: string })[] = []
    const asked = { key, channel, last, ...(from && { from }), ...(until && { until }) }
    // For each page.
    using silence = new Silence(timeout, interruption.signal)
    silence.watch()
    silence.wait()
    for await (const message of emitter.history(asked, { signal: silence.signal })) {
      silence.wait()
      found.push(message)
      silence.heard()
    }
    // They come in pages, the newest page first. An id counts down.
    const ordered = found.map((message) => ({ message, id: Buffer.from(message.id, 'base64') }))
    ordered.sort((a, b) => Buffer.compare(b.id, a.id))
    for (const { message } of ordered) printMessage(message, { id: message.id }, flags, terminal)
    return 0
  })
}

/** Bans a key, or takes the ban back. */
export async function keyban(target: string, flags: EmitterKeybanFlags, context: Context): Promise<number> {
  const { terminal } = context
  const secret = keyOf(flags, terminal.environment)
  const given = target === '-' ? await readSecret(terminal.input, 'keyban') : target
  return withBroker(flags, context, undefined, async (emitter, { patience }) => {
    const asked = { secret, target: given, banned: flags.undo !== true }
    const { banned } = await emitter.keyban(asked, { signal: patience() })
    if (flags.json === true) terminal.print(JSON.stringify({ banned }))
    else if (banned && flags.undo === true) {
      throw new UsageError('ERR_EMITTER_REVOKED', 'the key was revoked, which nothing takes back; make another one')
    } else terminal.print(banned ? 'the key is banned' : 'the key is not banned any more')
    return 0
  })
}

export async function me(flags: EmitterFlags, context: Context): Promise<number> {
  const { terminal } = context
  return withBroker(flags, context, undefined, async (emitter, { patience }) => {
    const answer = await emitter.me({ signal: patience() })
    terminal.print(flags.json === true ? JSON.stringify(answer) : answer.id)
    return 0
  })
}

/** A line for each who is there; `+` and `-` for who comes and goes. */
function printPresence(event: PresenceEvent, { json }: EmitterFlags, terminal: Terminal): void {
  if (json === true) terminal.print(JSON.stringify(event))
  else if (event.event === 'status') for (const who of event.who) terminal.print(nameOf(who))
  else terminal.print(`${event.event === 'subscribe' ? '+' : '-'} ${nameOf(event.who)}  ${event.channel}`)
}

function nameOf({ id, username }: PresenceWho): string {
  return username === undefined ? oneLine(id) : `${oneLine(id)}  ${oneLine(username)}`
}

/** `halyard send`: messages into an outbox, out of it over the wire, and what became of them. */
import { loggerFor } from '@halyard/core'
import type { Outbox } from '@halyard/core'
import type { CustomCloud, SendResult } from '@halyard/hologram'
import type { Context } from '../context.ts'
import { describeFailure, exitCodeOf } from '../failure.ts'
import { EXIT_CODES } from '../terminal.ts'
import type { InterruptSignal, Terminal } from '../terminal.ts'
import { paint } from '../text/paint.ts'
import { count } from '../text/units.ts'
import { Attempts } from './attempts.ts'
import type { SendFlags } from './flags.ts'
import { readMessages, refuseNothing, topicsOf } from './messages.ts'
import { explain, printOutcome } from './report.ts'
import type { Outcome } from './report.ts'
import { readTarget } from './settings.ts'
import type { Target } from './settings.ts'

/** How long what is queued behind older messages is waited for, in seconds, if nothing else is said. */
const PATIENCE = 5

export async function send(given: readonly string[], flags: SendFlags, context: Context): Promise<number> {
  const { terminal } = context
  refuseNothing(given, flags, terminal.input)
  const target = await readTarget(flags, terminal.environment)
  const messages = await readMessages(given, flags, terminal.input)
  const attempts = new Attempts(loggerFor(target.credentials ? 'HologramCloud' : 'CustomCloud'))
  const cloud = await openCloud(target, attempts, context)
  const interrupted = new AbortController()
  let interruptedBy: InterruptSignal | undefined
  const interrupts = terminal.onInterrupt((signal) => {
    interruptedBy = signal
    interrupted.abort()
  })
  try {
    const outbox = await cloud.outbox
    const delivered = new Set<string>()
    outbox.on('delivered', ({ id }) => void delivered.add(id))
    // Sorted out before the first byte goes: all are on disk, or none has been touched.
    const sends = messages.map((message) =>
      sendOne(cloud, outbox, message, { flags, target, attempts, signal: interrupted.signal }),
    )
    const { outcomes, code } = await collect(sends, target, flags, terminal, interrupted.signal)
    // Only then all is written down, also what became of older messages.
    await cloud.close()
    explain(outcomes, target, terminal)
    for (const { result } of outcomes) delivered.delete(result.id)
    sayOlder(delivered.size, terminal)
    if (interruptedBy === undefined) return code
    sayInterrupted(target.outbox === undefined ? messages.length - outcomes.length : outbox.depth, target, terminal)
    return EXIT_CODES[interruptedBy]
  } finally {
    await cloud.close()
    interrupts[Symbol.dispose]()
  }
}

async function openCloud(target: Target, attempts: Attempts, { load }: Context): Promise<CustomCloud> {
  const { CustomCloud, HologramCloud } = await load.hologram()
  const options = {
    logger: attempts.logger,
    ...(target.host !== undefined && { sendHost: target.host }),
    ...(target.port !== undefined && { sendPort: target.port }),
    ...(target.outbox !== undefined && { outbox: { path: target.outbox } }),
    enableInbound: false,
  }
  return target.credentials ? new HologramCloud(target.credentials, options) : new CustomCloud(null, options)
}

interface HowToSend {
  readonly flags: SendFlags
  readonly target: Target
  readonly attempts: Attempts
  readonly signal: AbortSignal
}

async function sendOne(
  cloud: CustomCloud,
  outbox: Outbox,
  message: string | Uint8Array,
  { flags, target, attempts, signal }: HowToSend,
): Promise<Outcome> {
  const options = { topics: topicsOf(flags), ...(target.timeout !== undefined && { timeout: target.timeout }) }
  const first = await cloud.sendMessage(message, { ...options, signal })
  const result = first.buffered ? await settle(first) : first
  return { result, reason: result.buffered ? outbox.why(result.id)?.reason : undefined }

  /** Queued behind older messages, which go out right now: its turn comes, unless an attempt fails. */
  async function settle(buffered: SendResult): Promise<SendResult> {
    const patience = AbortSignal.timeout((target.timeout ?? PATIENCE) * 1000)
    const enough = AbortSignal.any([patience, attempts.failed, signal])
    try {
      await outbox.settled(buffered.id, { signal: enough })
    } catch {
      return buffered
    }
    // The same id again sends nothing: it gives the result that is known by now.
    return cloud.sendMessage(message, { ...options, id: buffered.id })
  }
}

/** Tells each as it is known, in the order in which they were given. */
async function collect(
  sends: readonly Promise<Outcome>[],
  target: Target,
  flags: SendFlags,
  terminal: Terminal,
  interrupted: AbortSignal,
): Promise<{ readonly outcomes: Outcome[]; readonly code: number }> {
  const outcomes: Outcome[] = []
  let code = 0
  for (const settled of sends.map((send) => Promise.allSettled([send]))) {
    const [send] = await settled
    if (send.status === 'fulfilled') {
      const { result } = send.value
      outcomes.push(send.value)
      printOutcome(send.value, target, flags.json === true, terminal)
      const kept = result.buffered && target.outbox !== undefined
      if (!result.ok && !kept) code = Math.max(code, 1)
    } else if (!interrupted.aborted) {
      terminal.error(`${paint(terminal.colour.error).red('halyard:')} ${describeFailure(send.reason)}`)
      code = Math.max(code, exitCodeOf(send.reason))
    }
  }
  return { outcomes, code }
}

function sayOlder(older: number, terminal: Terminal): void {
  if (older === 0) return
  const { green } = paint(terminal.colour.error)
  terminal.error(`${green('halyard:')} ${count(older, 'older message')} from the outbox delivered as well`)
}

/** `left`: in the outbox, or without one those of which nobody knows. */
function sayInterrupted(left: number, { outbox }: Target, terminal: Terminal): void {
  const { yellow } = paint(terminal.colour.error)
  const say = (text: string): void => terminal.error(`${yellow('halyard:')} interrupted: ${text}`)
  if (left === 0) say('nothing is left to send')
  else if (outbox === undefined) say(`${count(left, 'message')} may not have arrived; --outbox DIR keeps them`)
  else say(`${count(left, 'message')} still queued in ${outbox}; halyard outbox ls --outbox ${outbox} shows what`)
}

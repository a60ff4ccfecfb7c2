/** What a person, or a program, is told about each message. */
import type { SendResult } from '@halyard/hologram'
import type { Terminal } from '../terminal.ts'
import { paint } from '../text/paint.ts'
import { count } from '../text/units.ts'
import { oneLine } from '../text/width.ts'
import type { Target } from './settings.ts'

export interface Outcome {
  readonly result: SendResult
  /** why it could not go out */
  readonly reason: string | undefined
}

/** What to do about a refusal. */
const ADVICE: Readonly<Record<string, string>> = {
  ERR_MSGINVALID:
    'the service could not read it, or it is too long (a hub takes 1 MiB); check the length, and that host and port are those of a Hologram service',
  ERR_AUTHINVALID: 'check cloud_id and cloud_key',
  ERR_PAYLOADINVALID: 'check the message',
  ERR_TOPICINVALID: 'check the topics',
  ERR_INTERNAL: 'the service has a problem of its own; try again later',
}

export function printOutcome({ result, reason }: Outcome, target: Target, json: boolean, terminal: Terminal): void {
  if (json) {
    const { id, code, name, description, ok, buffered } = result
    terminal.print(
      JSON.stringify({ id, code, name, description, ok, buffered, ...(reason !== undefined && { reason }) }),
    )
    return
  }
  const { green, yellow, red } = paint(terminal.colour.output)
  const colour = result.ok ? green : result.buffered ? yellow : red
  terminal.print(`DATA RECEIVED: ${colour(answerOf(result, target, terminal.screen.isTerminal))}`)
}

/** The code of the service; of a server of the user's own, what it answered. */
function answerOf(result: SendResult, { credentials }: Target, isTerminal: boolean): string {
  if (credentials !== undefined) return String(result.code)
  if (result.buffered) return ''
  // On a terminal a stranger's bytes could be orders to it; a program gets them as they are.
  return isTerminal ? oneLine(result.description) : result.description
}

/** One line for all that were refused, one for all that wait or are lost. */
export function explain(outcomes: readonly Outcome[], target: Target, terminal: Terminal): void {
  const { red, yellow } = paint(terminal.colour.error)
  const refused = new Map<string, number>()
  for (const { result } of outcomes) {
    if (result.ok || result.buffered) continue
    const advice = ADVICE[result.name]
    const text = `${result.name}: ${result.description.replace(/[.]$/, '')}${advice === undefined ? '' : `; ${advice}`}`
    refused.set(text, (refused.get(text) ?? 0) + 1)
  }
  for (const [text, number] of refused) {
    terminal.error(
      `${red('halyard:')} ${number === 1 ? 'the message was' : `${number} messages were`} refused: ${text}`,
    )
  }
  const waiting = outcomes.filter(({ result }) => result.buffered)
  if (waiting.length === 0) return
  const why = oneLine(waiting.find(({ reason }) => reason !== undefined)?.reason ?? 'older messages wait before it')
  const address = `${target.host ?? 'cloudsocket.hologram.io'}:${target.port ?? 9999}`
  const problem = why.includes(address) ? why : `${why} (${address})`
  if (target.outbox !== undefined) {
    const next = `${waiting.length === 1 ? 'it goes' : 'they go'} out with the next send that names this outbox and account`
    terminal.error(
      `${yellow('halyard:')} ${count(waiting.length, 'message')} kept in ${target.outbox}: ${problem}; ${next}`,
    )
  } else {
    const advice = 'check --host and --port, or keep what cannot go out with --outbox DIR'
    terminal.error(`${red('halyard:')} ${count(waiting.length, 'message')} not sent: ${problem}; ${advice}`)
  }
}

/** What a person, or a program, is told about each message. */
import type { SendResult } from '@halyard/hologram'
import type { Output } from '../status-line.ts'
import { paint } from '../text/paint.ts'
import { oneLine } from '../text/width.ts'
import { countOf } from './kind.ts'
import type { Kind } from './kind.ts'
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

/** Nobody knows whether such an SMS arrived. */
const ADVICE_ON_UNKNOWN = 'it may have arrived: ask before you send it anew'

/** More refusals of different kinds than that are not told one by one. */
const MAX_KINDS = 10

/** What became of all messages of one command, in numbers: they may be more than fit into the memory. */
export class Tally {
  readonly target: Target
  readonly kind: Kind
  sent = 0
  /** told as queued */
  waiting = 0
  /** could not even be handed over: not UTF-8, a disk that is full, the end of the command */
  failed = 0
  readonly #refused = new Map<string, { number: number; readonly isUnknown: boolean }>()
  #reason: string | undefined

  constructor(target: Target, kind: Kind) {
    this.target = target
    this.kind = kind
  }

  add({ result, reason }: Outcome): void {
    if (result.ok) this.sent += 1
    else if (result.buffered) {
      this.waiting += 1
      this.#reason ??= reason
    } else {
      const isUnknown = this.kind.name === 'SMS' && result.name === 'ERR_UNKNOWN'
      const text = isUnknown ? `${sentence(result)}; ${ADVICE_ON_UNKNOWN}` : refusal(result)
      const key = this.#refused.has(text) || this.#refused.size < MAX_KINDS ? text : 'for other reasons'
      const known = this.#refused.get(key) ?? { number: 0, isUnknown }
      known.number += 1
      this.#refused.set(key, known)
    }
  }

  get refused(): number {
    return [...this.#refused.values()].reduce((sum, { number }) => sum + number, 0)
  }

  get answered(): number {
    return this.sent + this.waiting + this.refused + this.failed
  }

  /** Kept counts as success only if the next command finds it. */
  get exitCode(): number {
    const isKept = this.waiting === 0 || this.target.outbox !== undefined
    return this.refused === 0 && this.failed === 0 && isKept ? 0 : 1
  }

  /** One line for each kind of refusal. */
  sayRefused(output: Output): void {
    const { red } = paint(output.colour.error)
    for (const [text, { number, isUnknown }] of this.#refused) {
      const who = number === 1 ? `the ${this.kind.name} was` : `${countOf(this.kind, number)} were`
      const many = number === 1 ? '' : `${countOf(this.kind, number)}: `
      output.error(`${red('halyard:')} ${isUnknown ? `${many}${text}` : `${who} refused: ${text}`}`)
    }
  }

  /** One line for all that wait or are lost. `waiting`: those that still do. */
  sayWaiting(output: Output, waiting: number = this.waiting): void {
    if (waiting === 0) return
    const { red, yellow } = paint(output.colour.error)
    const { host = 'cloudsocket.hologram.io', port = 9999, outbox } = this.target
    const why = oneLine(this.#reason ?? 'older messages wait before it')
    const problem = why.includes(`${host}:${port}`) ? why : `${why} (${host}:${port})`
    const what = countOf(this.kind, waiting)
    if (outbox === undefined) {
      const advice = 'check --host and --port, or keep what cannot go out with --outbox DIR'
      output.error(`${red('halyard:')} ${what} not sent: ${problem}; ${advice}`)
    } else {
      const next = `${waiting === 1 ? 'it goes' : 'they go'} out with the next send that names this outbox and account`
      output.error(`${yellow('halyard:')} ${what} kept in ${outbox}: ${problem}; ${next}`)
    }
  }
}

function refusal(result: SendResult): string {
  const advice = ADVICE[result.name]
  return `${result.name}: ${sentence(result)}${advice === undefined ? '' : `; ${advice}`}`
}

function sentence({ description }: SendResult): string {
  return description.replace(/[.]$/, '')
}

/** `line`: the number of the line of standard input that it was. */
export function printOutcome(
  { result, reason }: Outcome,
  { credentials }: Target,
  json: boolean,
  output: Output,
  line?: number,
): void {
  if (json) {
    const { id, code, name, description, ok, buffered } = result
    output.print(JSON.stringify({ line, id, code, name, description, ok, buffered, reason }))
    return
  }
  const { green, yellow, red } = paint(output.colour.output)
  const colour = result.ok ? green : result.buffered ? yellow : red
  const answer = credentials === undefined ? rawAnswer(result, output.screen.isTerminal) : String(result.code)
  output.print(`DATA RECEIVED: ${colour(answer)}`)
}

/** Of a server of the user's own: what it answered. */
function rawAnswer(result: SendResult, isTerminal: boolean): string {
  if (result.buffered) return ''
  // On a terminal a stranger's bytes could be orders to it; a program gets them as they are.
  return isTerminal ? oneLine(result.description) : result.description
}

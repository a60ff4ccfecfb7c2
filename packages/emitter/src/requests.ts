/**
 * Questions to the broker, and their answers. A question is a PUBLISH of QoS 1 whose answer names its packet identifier as
 * `req` and comes before its PUBACK; brokers that have no `req` answer in the order of the questions on a topic. A question
 * that the end of the connection cut off is asked once more on the next: each of them can be asked twice.
 *
 * ```
 * asked ──▶ queue ── connection, room ──▶ asked of the broker ── answer ──▶ resolved
 *             ▲                               │   └── PUBACK, and nothing more, or 30 s ──▶ rejected
 *             └── connection lost, once ──────┘
 * ```
 */
import { ConnectionError, HalyardError } from '@halyard/core'
import type { Clock, Timer, WaitOptions } from '@halyard/core'
import { withSignal } from '@halyard/mqtt/engine'
import { requestTopic } from '@halyard/wire/emitter'
import type { Answer, RequestName } from '@halyard/wire/emitter'
import { EmitterError } from './errors.ts'
import { refusal } from './explain.ts'
import type { Deed } from './explain.ts'
import { checkSize } from './payload.ts'
import type { RequestFailure } from './types.ts'

type BodyOf<Name extends RequestName> = Extract<Answer, { readonly to: Name }>['body']

export type Answered<Name extends RequestName> = { readonly body: BodyOf<Name> } | { readonly failure: RequestFailure }

export interface AskOptions extends WaitOptions {
  /** Of this connection alone: not asked again on another. */
  readonly once?: boolean
}

/** It will be asked anew, or never again: nothing that anybody has to hear of. */
export function isCutOff(error: unknown): boolean {
  return error instanceof HalyardError && /^ERR_EMITTER_(INTERRUPTED|CLOSED)$/u.test(error.code)
}

/** What the questions need of the session. */
export interface RequestHost {
  readonly clock: Clock
  /** The packet identifier; `undefined` without a connection. */
  ask(topic: string, payload: Uint8Array): number | undefined
  /** Its PUBACK is not waited for any more. */
  release(packetId: number): void
}

interface Question {
  readonly name: RequestName
  readonly payload: Uint8Array
  readonly deed: Deed
  readonly once: boolean
  times: number
  packetId: number
  timer: Timer | undefined
  resolve(answered: Answered<RequestName>): void
  reject(error: Error): void
}

/** ms */
const TIMEOUT = 30_000
/** ms after the PUBACK, before which an answer comes: of a broker that is known to answer, and of one that is not */
const GRACE = 250
const LONG_GRACE = 2000
/** Asked at once; more wait. */
const MAX_ASKED = 256
/** The second time after the connection was lost. */
const MAX_TIMES = 2

export class Requests {
  readonly #host: RequestHost
  #queue: Question[] = []
  /** By packet identifier, in the order in which they were asked. */
  readonly #asked = new Map<number, Question>()
  #isUp = false
  /** This broker names the question in its answers. */
  #hasReq = false
  #closedWith: Error | undefined

  constructor(host: RequestHost) {
    this.#host = host
  }

  /** Resolves with the answer, a failure too. @throws {HalyardError} when there is none */
  async ask<Name extends RequestName>(
    name: Name,
    payload: Uint8Array,
    deed: Deed,
    { signal, once = false }: AskOptions,
  ): Promise<Answered<Name>> {
    checkSize(requestTopic(name), payload)
    // Called in the turn in which the client was closed.
    if (this.#closedWith !== undefined) throw this.#closedWith
    let question: Question | undefined
    const answer = new Promise<Answered<RequestName>>((resolve, reject) => {
      question = { name, payload, deed, once, times: 0, packetId: 0, timer: undefined, resolve, reject }
      this.#queue.push(question)
      this.#sendMore()
    })
    try {
      return (await withSignal(answer, signal)) as Answered<Name>
    } finally {
      // Nobody waits for it any more: it need not be asked.
      if (signal?.aborted) this.#queue = this.#queue.filter((waiting) => waiting !== question)
    }
  }

  /** The same; a failure is thrown, with what to check. */
  async get<Name extends RequestName>(
    name: Name,
    payload: Uint8Array,
    deed: Deed,
    options: AskOptions,
  ): Promise<BodyOf<Name>> {
    const answered = await this.ask(name, payload, deed, options)
    if ('failure' in answered) throw refusal(answered.failure, deed)
    return answered.body
  }

  up(): void {
    this.#isUp = true
    this.#hasReq = false
    this.#sendMore()
  }

  down(): void {
    this.#isUp = false
    const cut = [...this.#asked.values()]
    this.#asked.clear()
    const again: Question[] = []
    for (const question of cut) {
      question.timer?.cancel()
      if (!question.once && question.times < MAX_TIMES) again.push(question)
      else question.reject(interrupted(question.deed))
    }
    for (const question of this.#queue) if (question.once) question.reject(interrupted(question.deed))
    this.#queue = [...again, ...this.#queue.filter(({ once }) => !once)]
  }

  /** False: nobody waits for it. */
  answered({ to, req, body }: Answer): boolean {
    return this.#settle(to, req, { body })
  }

  failed(to: string, req: number, failure: RequestFailure): boolean {
    return this.#settle(to, req, { failure })
  }

  /** PUBACK: its answer would have come before. */
  acknowledged(packetId: number): void {
    const question = this.#asked.get(packetId)
    if (question === undefined) return
    question.timer?.cancel()
    question.timer = this.#host.clock.setTimer(this.#hasReq ? GRACE : LONG_GRACE, () =>
      this.#giveUp(question, noAnswer(question.deed)),
    )
  }

  close(error: Error): void {
    this.#isUp = false
    this.#closedWith = error
    for (const question of [...this.#asked.values(), ...this.#queue]) {
      question.timer?.cancel()
      question.reject(error)
    }
    this.#asked.clear()
    this.#queue = []
  }

  #settle(to: string, req: number, answered: Answered<RequestName>): boolean {
    if (req > 0) this.#hasReq = true
    const question = req > 0 ? this.#asked.get(req) : this.#oldest(to)
    // The answer to another request is none, whatever number it has.
    if (question === undefined || question.name !== to) return false
    question.timer?.cancel()
    this.#asked.delete(question.packetId)
    question.resolve(answered)
    this.#sendMore()
    return true
  }

  /** By order, with brokers that have no `req`. */
  #oldest(to: string): Question | undefined {
    if (this.#hasReq) return undefined
    for (const question of this.#asked.values()) if (question.name === to) return question
    return undefined
  }

  #sendMore(): void {
    if (!this.#isUp) return
    let sent = 0
    for (; sent < this.#queue.length && this.#asked.size < MAX_ASKED; sent++) {
      const question = this.#queue[sent]!
      const packetId = this.#host.ask(requestTopic(question.name), question.payload)
      if (packetId === undefined) break
      question.packetId = packetId
      question.times++
      question.timer = this.#host.clock.setTimer(TIMEOUT, () => this.#giveUp(question, tooLate(question.deed)))
      this.#asked.set(packetId, question)
    }
    this.#queue.splice(0, sent)
  }

  #giveUp(question: Question, error: Error): void {
    this.#asked.delete(question.packetId)
    this.#host.release(question.packetId)
    question.reject(error)
    this.#sendMore()
  }
}

function tooLate({ what }: Deed): ConnectionError {
  const check = 'check that host and port are those of an Emitter broker, and that it is not overloaded'
  return new ConnectionError('ERR_EMITTER_TIMEOUT', `the broker did not ${what} within ${TIMEOUT / 1000} s; ${check}`)
}

function noAnswer({ what }: Deed): EmitterError {
  const reason = 'it is a plain MQTT broker, or the answer is larger than the 64 KiB that Emitter sends'
  return new EmitterError('ERR_EMITTER_NO_ANSWER', `asked to ${what}, the broker answered nothing: ${reason}`)
}

function interrupted({ what }: Deed): ConnectionError {
  const message = `the connection was lost before the broker answered the request to ${what}; ask again`
  return new ConnectionError('ERR_EMITTER_INTERRUPTED', message)
}

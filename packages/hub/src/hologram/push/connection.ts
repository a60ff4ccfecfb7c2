/**
 * One attempt: one connection to a device. docs/protocols/hologram.md §8.4
 *
 * ```
 * connecting ──accepted──▶ writing ──all written, FIN──▶ waiting ──the device's FIN──▶ it has read all
 *      └───────────────────────┴────────────────────────────┴── refused, reset, time up, a flood: why not
 * ```
 */
import { connect } from 'node:net'
import { describeError } from '@halyard/core'
import type { Clock } from '@halyard/core'

export interface Target {
  readonly host: string
  readonly port: number
}

const CLOSED = 'the hub was closed'

type Stage = 'connecting' | 'writing' | 'waiting'

/** A device writes nothing; whoever writes more than this is none. */
const MAX_ANSWER = 64 * 1024
const READ_BUFFER = 4 * 1024

/** Connects to devices, IPv4 and IPv6. */
export class DeviceConnector {
  readonly #clock: Clock
  readonly #timeout: number
  /** What comes is forgotten, so all connections read into one buffer. */
  readonly #buffer = new Uint8Array(READ_BUFFER)
  /** Ends those to which nothing was written yet. */
  readonly #connecting = new Set<() => void>()
  #closed = false

  /** `timeout`: seconds, for the whole of an attempt. */
  constructor({ clock, timeout }: { readonly clock: Clock; readonly timeout: number }) {
    this.#clock = clock
    this.#timeout = timeout
  }

  /**
   * Why the device does not have the message, as a person says it; `undefined`: it has read all of it. The signal ends
   * it, wherever it is. Rejects for what no socket can be made of.
   */
  deliver(payload: Uint8Array, target: Target, signal?: AbortSignal): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(CLOSED)
    return new Promise((resolve) => this.#begin(payload, target, signal, resolve))
  }

  /** Nothing new. A device that was not reached yet has nothing to lose; one that is reading goes on. */
  close(): void {
    this.#closed = true
    for (const leave of this.#connecting) leave()
  }

  #begin(
    payload: Uint8Array,
    target: Target,
    signal: AbortSignal | undefined,
    over: (reason: string | undefined) => void,
  ): void {
    const peer = shown(target)
    let stage: Stage = 'connecting'
    let answered = 0
    let isOver = false
    const socket = connect({
      host: target.host,
      port: target.port,
      noDelay: true,
      allowHalfOpen: true,
      onread: {
        buffer: this.#buffer,
        callback: (size) => {
          answered += size
          if (answered > MAX_ANSWER) settle(`${peer} answers with a flood of bytes: that is no device`)
          return true
        },
      },
    })
    const settle = (reason?: string): void => {
      if (isOver) return
      isOver = true
      timer.cancel()
      this.#connecting.delete(leave)
      signal?.removeEventListener('abort', abort)
      // A FIN would make a whole message of the half that it has got, and let what the kernel still holds arrive later,
      // beside the next attempt. After a reset it has no message.
      if (reason === undefined || stage === 'connecting') socket.destroy()
      else socket.resetAndDestroy()
      over(reason)
    }
    const abort = (): void => settle('it was ended from here')
    const leave = (): void => settle(CLOSED)
    const timer = this.#clock.setTimer(this.#timeout * 1000, () => settle(timeUp(peer, stage, this.#timeout)))
    signal?.addEventListener('abort', abort, { once: true })
    this.#connecting.add(leave)
    socket.once('connect', () => {
      stage = 'writing'
      this.#connecting.delete(leave)
      socket.end(payload)
    })
    socket.once('finish', () => (stage = 'waiting'))
    // Its end is an acknowledgement only behind ours: before that it cannot know that it has all.
    socket.once('end', () => settle(stage === 'waiting' ? undefined : `${peer} closed the connection too early`))
    socket.on('error', (error) => settle(`${peer} ${problemOf(error)}`))
    socket.once('close', () => settle(`${peer} closed the connection`))
    if (signal?.aborted) abort()
  }
}

/** As it stands in a URL. */
function shown({ host, port }: Target): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function timeUp(peer: string, stage: Stage, seconds: number): string {
  if (stage === 'connecting') return `${peer} did not answer within ${seconds} s`
  if (stage === 'writing') return `${peer} did not read the message within ${seconds} s`
  return `${peer} was sent all but did not close the connection within ${seconds} s; it may have the message`
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection',
  ECONNRESET: 'reset the connection: it did not take the message',
  EPIPE: 'reset the connection: it did not take the message',
  ETIMEDOUT: 'did not answer',
  EHOSTUNREACH: 'cannot be reached from here (EHOSTUNREACH)',
  EHOSTDOWN: 'cannot be reached from here (EHOSTDOWN)',
  ENETUNREACH: 'cannot be reached from here (ENETUNREACH)',
  ENETDOWN: 'cannot be reached from here (ENETDOWN)',
  ENOTFOUND: 'is not known: no address has this name (ENOTFOUND)',
  EAI_AGAIN: 'could not be looked up: no name server answered (EAI_AGAIN)',
}

function problemOf(error: Error): string {
  const { code } = error as { readonly code?: unknown }
  return PROBLEMS[String(code)] ?? `could not be reached: ${describeError(error)}`
}

import type { Socket } from 'node:net'
import { ERR_CONNCLOSED, RequestReader, encodeReply } from '@halyard/wire/hologram'
import type { ReplyCode, ReplyForm, RequestResult } from '@halyard/wire/hologram'
import type { Peer } from '../domain/devices.ts'
import type { HologramLimits } from './limits.ts'
import type { CloudService, Outcome } from './service.ts'

/** What a connection asks of the socket that it belongs to. */
export interface ConnectionHost {
  readonly limits: HologramLimits
  readonly service: CloudService
  /** monotonic, ms */
  now(): number
  /** It holds more, or (0) no more of an unfinished request. */
  held(connection: CloudConnection): void
  closed(connection: CloudConnection): void
  refused(reason: string, code: number, address: string): void
}

/**
 * One connection, one request, one answer:
 *
 * ```
 * reading ──request──▶ answering ──answer──▶ lingering ──peer closes, or time is up──▶ closed
 *    │  └─FIN in the middle: code 1───────────────▲
 *    └─silent, slow, evicted: closed without an answer, so that the peer keeps its message
 * ```
 */
export class CloudConnection {
  readonly #peer: Peer
  /** Monotonic time (ms) at which {@link expire} is called; Infinity while the disk has the word. */
  deadline: number
  readonly #socket: Socket
  readonly #host: ConnectionHost
  readonly #reader: RequestReader
  readonly #lastMoment: number
  #state: 'reading' | 'answering' | 'lingering' = 'reading'

  constructor(socket: Socket, peer: Peer, host: ConnectionHost) {
    const { limits } = host
    this.#socket = socket
    this.#peer = peer
    this.#host = host
    this.#reader = new RequestReader({ maxBytes: limits.messageBytes })
    const now = host.now()
    this.#lastMoment = now + limits.messageTimeout * 1000
    this.deadline = Math.min(this.#lastMoment, now + limits.idleTimeout * 1000)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('end', () => this.#peerEnded())
    socket.on('close', () => host.closed(this))
  }

  /** Whom limits hold for. */
  get address(): string {
    return this.#peer.address
  }

  /** Bytes of a request that is not complete. */
  get held(): number {
    return this.#state === 'reading' ? this.#reader.held : 0
  }

  /** Nothing was asked yet: nobody is disappointed if it is closed. */
  get idle(): boolean {
    return this.#state === 'reading' && this.#reader.held === 0
  }

  /** Its time is up, or its memory is needed. No answer: whoever gets none sends again. */
  expire(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    if (this.#state !== 'reading') return
    const result = this.#reader.push(chunk)
    if (result) return this.#answer(result)
    this.deadline = Math.min(this.#lastMoment, this.#host.now() + this.#host.limits.idleTimeout * 1000)
    this.#host.held(this)
  }

  #answer(result: RequestResult): void {
    this.#state = 'answering'
    this.deadline = Infinity
    this.#host.held(this)
    if ('refusal' in result) {
      this.#host.refused(result.reason, result.refusal, this.address)
      return this.#reply(result.refusal, result.form)
    }
    // Whatever is sent behind the request waits in the kernel until the answer is out.
    this.#socket.pause()
    this.#host.service.handle(result, this.#peer, (outcome) => this.#settle(outcome, result.form))
  }

  #settle(outcome: Outcome, form: ReplyForm): void {
    if (outcome === 'silence') this.expire()
    else this.#reply(outcome, form)
  }

  #reply(code: ReplyCode, form: ReplyForm): void {
    if (this.#socket.destroyed) return
    this.#state = 'lingering'
    this.deadline = this.#host.now() + this.#host.limits.lingerTimeout * 1000
    this.#socket.end(encodeReply(code, form))
    // What the peer still sends is read and forgotten: closing on unread bytes would reset the connection under the answer.
    this.#socket.resume()
  }

  /** The peer has sent all it will; it may still read. */
  #peerEnded(): void {
    if (this.#state !== 'reading') return
    if (this.#reader.held === 0) {
      this.#socket.end()
      return
    }
    this.#reply(ERR_CONNCLOSED, this.#reader.form)
    this.#host.held(this)
  }
}

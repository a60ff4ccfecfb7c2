import type { EmitterChannel } from '@halyard/wire/emitter'
import type { Dialect, DialectConnection, Principal } from '../mqtt/dialect.ts'
import type { EmitterLimits } from './limits.ts'

/** Whoever shows keys: a connection, or a request of HTTP. */
export interface Caller {
  /** `''`: nobody's. */
  readonly address: string
  /** It has shown a key that nobody issued. */
  missed(id: string): void
}

export interface Link {
  readonly key: string
  readonly channel: EmitterChannel
}

export interface PrincipalParts {
  readonly dialect: Dialect
  readonly space: string
  readonly account: string
  readonly name: string | undefined
  readonly mayPersist: boolean
  readonly address: string
  /** 26 characters of base32. */
  readonly id: string
  /** Grows with each change of a key. */
  readonly keysEpoch: () => number
}

/** Of a whole packet whose body has 65,536 bytes: the first byte and three of length before it. */
const PACKET_BYTES = 65_540
/** The original closes every connection that is silent so long. */
const SILENCE = 120
/** Of a link or a watch, besides its texts. */
const OVERHEAD = 100

/** One connection from its CONNECT to its end: who it is, and what it has besides subscriptions. */
export class EmitterPrincipal implements Principal, Caller {
  readonly dialect: Dialect
  readonly space: string
  readonly account: string
  readonly name: string | undefined
  readonly mayPersist: boolean
  readonly packetBytes: number = PACKET_BYTES
  readonly ownTopics = true
  readonly silence: number = SILENCE
  readonly address: string
  readonly id: string
  readonly #keysEpoch: () => number
  #links: Map<string, Link> | undefined
  #linksEpoch = 0
  #unknown: Set<string> | undefined
  /** Of links and watches. */
  #bytes = 0
  /** Answers leave in the order of their requests. */
  #answering: Promise<void> | undefined
  #waiting = 0
  #waitingBytes = 0

  constructor(parts: PrincipalParts) {
    this.dialect = parts.dialect
    this.space = parts.space
    this.account = parts.account
    this.name = parts.name
    this.mayPersist = parts.mayPersist
    this.address = parts.address
    this.id = parts.id
    this.#keysEpoch = parts.keysEpoch
  }

  get epoch(): number {
    return this.#keysEpoch() + this.#linksEpoch
  }

  /** Different keys that nobody issued. */
  get unknownKeys(): number {
    return this.#unknown?.size ?? 0
  }

  missed(id: string): void {
    this.#unknown ??= new Set()
    this.#unknown.add(id)
  }

  link(name: string): Link | undefined {
    return this.#links?.get(name)
  }

  get links(): Iterable<readonly [name: string, link: Link]> {
    return this.#links ?? []
  }

  /** In place of the one of this name. False: there is no room for it. */
  setLink(name: string, link: Link, maxBytes: number): boolean {
    const before = this.#links?.get(name)
    const bytes = sizeOf(link.key, link.channel) - (before ? sizeOf(before.key, before.channel) : 0)
    if (!this.takeRoom(bytes, maxBytes)) return false
    this.#links ??= new Map()
    this.#links.set(name, link)
    this.#linksEpoch++
    return true
  }

  takeRoom(bytes: number, maxBytes: number): boolean {
    if (bytes > 0 && this.#bytes + bytes > maxBytes) return false
    this.#bytes += bytes
    return true
  }

  giveRoom(bytes: number): void {
    this.#bytes -= bytes
  }

  /** One after the other; at once if nothing waits. `bytes`: what it keeps meanwhile. False: too many wait, or too much. */
  inTurn(
    { requests, connectionBytes }: Pick<EmitterLimits, 'requests' | 'connectionBytes'>,
    bytes: number,
    answer: () => void | Promise<void>,
  ): boolean {
    if (this.#answering === undefined) {
      const first = answer()
      if (first) this.#wait(first, bytes)
      return true
    }
    if (this.#waiting >= requests || this.#waitingBytes + bytes > connectionBytes) return false
    this.#wait(this.#answering.then(answer), bytes)
    return true
  }

  /** Never rejects: whoever answers has told the client what went wrong. */
  #wait(answered: Promise<void>, bytes: number): void {
    this.#waiting++
    this.#waitingBytes += bytes
    const last = answered.finally(() => {
      this.#waiting--
      this.#waitingBytes -= bytes
      if (this.#answering === last) this.#answering = undefined
    })
    this.#answering = last
  }
}

function sizeOf(key: string, { channel, query }: EmitterChannel): number {
  return OVERHEAD + key.length + 2 * channel.length + query.length
}

export function principalOf(connection: DialectConnection): EmitterPrincipal {
  return connection.principal as EmitterPrincipal
}

import { ConnectionError } from '@halyard/core'
import type { Clock } from '@halyard/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ApiTokens } from '../domain/api-tokens.ts'
import { closing } from './problem.ts'
import { EventStream } from './server-sent-events.ts'

export interface FollowersParts {
  readonly tokens: Pick<ApiTokens, 'onRemoved'>
  readonly limits: { readonly followers: number; readonly requestTimeout: number }
  readonly clock: Clock
}

/** All that read streams now: so many at most, and none longer than its token or the hub lives. */
export class Followers {
  readonly #parts: FollowersParts
  /** Each with the token it came in by; the local one has no id. */
  readonly #open = new Map<EventStream, string | undefined>()
  #draining = false

  constructor(parts: FollowersParts) {
    this.#parts = parts
    parts.tokens.onRemoved((id) => {
      for (const [stream, tokenId] of this.#open) if (tokenId === id) stream.end()
    })
  }

  /**
   * Takes the answer over from fastify; {@link EventStream.open} is still to be called.
   *
   * @throws {ConnectionError} `ERR_HUB_FOLLOWERS`, `ERR_HUB_CLOSED`
   */
  admit(request: FastifyRequest, reply: FastifyReply, tokenId: string | undefined): EventStream {
    const { limits, clock } = this.#parts
    if (this.#draining) throw closing()
    if (this.#open.size >= limits.followers) {
      throw new ConnectionError(
        'ERR_HUB_FOLLOWERS',
        `${limits.followers} programs follow the messages already; end one, or raise front.limits.followers`,
      )
    }
    const headers: Record<string, string> = {}
    for (const [name, value] of Object.entries(reply.getHeaders())) headers[name] = String(value)
    reply.hijack()
    const stream = new EventStream({
      response: reply.raw,
      socket: request.socket,
      headers,
      clock,
      stallTimeout: limits.requestTimeout,
    })
    this.#open.set(stream, tokenId)
    stream.onClose(() => this.#open.delete(stream))
    return stream
  }

  /** Nobody is kept waiting for readers: they come again, and go on where they were. */
  drain(): void {
    this.#draining = true
    for (const stream of this.#open.keys()) stream.end()
  }
}

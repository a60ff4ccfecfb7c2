import { createHash, timingSafeEqual } from 'node:crypto'
import { UsageError } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ApiTokens } from '../domain/api-tokens.ts'
import { FailureThrottle } from '../domain/throttle.ts'

/** What may stand behind `Bearer`; ours have 27 characters. */
const BEARER = /^bearer +([\w.~+/-]{1,256}=*) *$/i

export interface GateParts {
  readonly tokens: ApiTokens
  readonly localToken: string
  readonly limits: { readonly authFailuresPerAddress: number; readonly authWindowPerAddress: number }
  /** Whom the limits hold for. */
  readonly addressKey: (address: string | undefined) => string
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Who may use the API. Nobody guesses 160 bits; what is counted is the work that wrong tokens make. So a token that has
 * proved itself, and the local one, are let in from an address whose neighbour has a wrong one too.
 */
export class Gate {
  readonly #parts: GateParts
  readonly #localHash: Buffer
  readonly #addresses: FailureThrottle
  readonly #tokenIds = new WeakMap<FastifyRequest, string>()

  constructor(parts: GateParts) {
    this.#parts = parts
    this.#localHash = sha256(parts.localToken)
    const { authFailuresPerAddress: failures, authWindowPerAddress: window } = parts.limits
    this.#addresses = new FailureThrottle({ failures, window })
  }

  /** Resolves if the request may go on. @throws {UsageError} `ERR_HUB_API_TOKEN`, `ERR_HUB_API_THROTTLED` */
  async admit(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { tokens } = this.#parts
    const [, token] = BEARER.exec(request.headers.authorization ?? '') ?? []
    if (token === undefined) throw refusal(reply, 'this needs a token')
    if (this.#isLocal(token)) return
    const id = tokens.recognise(token) ?? (await this.#lookUp(token, request, reply))
    this.#tokenIds.set(request, id)
  }

  /** Of an admitted request; `undefined`: it came with the local token. */
  tokenOf(request: FastifyRequest): string | undefined {
    return this.#tokenIds.get(request)
  }

  async #lookUp(token: string, request: FastifyRequest, reply: FastifyReply): Promise<string> {
    const { tokens, addressKey, clock, logger } = this.#parts
    const address = addressKey(request.socket.remoteAddress)
    this.#checkThrottle(address, reply)
    const id = await tokens.identify(token)
    if (id !== undefined) return id
    // Guesses that were looked up together are counted one by one.
    this.#checkThrottle(address, reply)
    if (this.#addresses.failed(address, clock.monotonic())) {
      logger.warn({ address }, 'api: too many wrong tokens; unknown ones of this address are not looked at for a while')
    }
    throw refusal(reply, 'the hub knows no such token')
  }

  #checkThrottle(address: string, reply: FastifyReply): void {
    const wait = this.#addresses.blockedFor(address, this.#parts.clock.monotonic())
    if (wait === 0) return
    const seconds = Math.ceil(wait / 1000)
    void reply.header('retry-after', seconds)
    throw new UsageError(
      'ERR_HUB_API_THROTTLED',
      `too many wrong tokens came from this address; mend the token and ask again in ${seconds} s`,
    )
  }

  #isLocal(token: string): boolean {
    return timingSafeEqual(sha256(token), this.#localHash)
  }
}

function refusal(reply: FastifyReply, what: string): UsageError {
  void reply.header('www-authenticate', 'Bearer')
  return new UsageError(
    'ERR_HUB_API_TOKEN',
    `${what}; send Authorization: Bearer TOKEN, where accounts.json of the hub has the first token`,
  )
}

/** Both sides have one length then, and comparing tells nothing of the token. */
function sha256(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

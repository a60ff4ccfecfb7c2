/** One request to the webhook, and what its answer means. docs/guide/hub.md §SMS */
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Clock, Delivery } from '@halyard/core'
import type { WebhookConfig } from './config.ts'
import { signatureHeaders } from './signature.ts'

/** Bytes of an answer that are read so that its connection can be used again; it says nothing that we want to know. */
const MAX_ANSWER = 64 * 1024
/** seconds; a longer Retry-After is not believed */
const MAX_RETRY_AFTER = 300
/** Of 4xx, those that say "later": Request Timeout, Too Early, Too Many Requests. RFC 9110 §15.5, RFC 8470, RFC 6585 */
const LATER: readonly number[] = [408, 425, 429]

/** How a request went; `retryAfter`: seconds for which the webhook wants to be left alone. */
export type WebhookAnswer = Delivery & { readonly retryAfter?: number }

export interface WebhookOptions {
  readonly config: Pick<WebhookConfig, 'url' | 'secret' | 'timeout'>
  readonly userAgent: string
  /** requests at once */
  readonly concurrency: number
  readonly clock: Clock
}

export class Webhook {
  /** The one part of the address that may be shown. */
  readonly host: string
  readonly #options: WebhookOptions
  readonly #url: URL
  readonly #request: typeof httpRequest
  readonly #agent: HttpAgent

  constructor(options: WebhookOptions) {
    this.#options = options
    this.#url = new URL(options.config.url)
    this.host = this.#url.host
    const isSecure = this.#url.protocol === 'https:'
    this.#request = isSecure ? httpsRequest : httpRequest
    this.#agent = new (isSecure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: options.concurrency })
  }

  /** Never rejects. The answer counts from its head on; the signal ends the waiting for it. */
  post(id: string, body: Uint8Array, signal: AbortSignal | undefined): Promise<WebhookAnswer> {
    const { config, clock, userAgent } = this.#options
    const headers = {
      'content-type': 'application/json',
      'content-length': body.length,
      'idempotency-key': id,
      'user-agent': userAgent,
      ...(config.secret !== undefined && signatureHeaders(config.secret, body, clock.now())),
    }
    return new Promise((resolve) => {
      const request = this.#request(this.#url, { method: 'POST', agent: this.#agent, headers })
      const giveUp = (reason: string): void => {
        resolve({ outcome: 'retry', reason })
        request.destroy()
      }
      const timer = clock.setTimer(config.timeout * 1000, () => giveUp(`no answer within ${config.timeout} s`))
      const onAbort = (): void => giveUp('closed')
      request.on('response', (response) => {
        resolve(answerOf(response))
        discard(response)
      })
      // The codes of Node and of the system name no part of the address; a message might.
      request.on('error', (error: NodeJS.ErrnoException) => giveUp(`no connection (${error.code ?? error.name})`))
      request.on('close', () => {
        timer.cancel()
        signal?.removeEventListener('abort', onAbort)
        giveUp('closed without an answer')
      })
      signal?.addEventListener('abort', onAbort, { once: true })
      if (signal?.aborted) onAbort()
      else request.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

function answerOf({ statusCode: status = 0, headers }: IncomingMessage): WebhookAnswer {
  if (status >= 200 && status < 300) return { outcome: 'delivered' }
  const reason = `HTTP ${status}`
  if (status >= 500 || LATER.includes(status)) {
    const retryAfter = retryAfterOf(headers['retry-after'])
    return { outcome: 'retry', reason, ...(retryAfter > 0 && { retryAfter }) }
  }
  const isRedirect = status >= 300 && status < 400
  return { outcome: 'refused', reason: isRedirect ? `${reason}: redirects are not followed` : reason }
}

/** Seconds only: a date would have to be compared with our clock, which may be wrong. */
function retryAfterOf(value = ''): number {
  return /^\d{1,9}$/.test(value) ? Math.min(Number(value), MAX_RETRY_AFTER) : 0
}

/** Reads what is left, up to a limit, until the request's time is up. */
function discard(response: IncomingMessage): void {
  let left = MAX_ANSWER
  response.on('error', () => {})
  response.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) response.destroy()
  })
}

/** What the soak asks of the hub over HTTP. */
import type { HubReady } from '@halyard/hub'

export interface Account {
  readonly cloudId: string
  readonly cloudKey: string
}

export interface PushTarget {
  readonly cloudId: string
  readonly host: string
  readonly port: number
}

/** A message as the history has it. */
export interface KeptMessage {
  readonly id: string
  readonly account: string
  readonly channel: string
  readonly direction: 'in' | 'out'
  readonly text: string
}

const PAGE = 1000

export class HubApi {
  /** Asked for each request: the hub may have been started again. */
  readonly #ready: () => HubReady

  constructor(ready: () => HubReady) {
    this.#ready = ready
  }

  async createAccount(): Promise<Account> {
    const { body } = await this.#ask('POST', '/api/hologram/accounts', {})
    return { cloudId: String(body['cloud_id']), cloudKey: String(body['cloud_key']) }
  }

  /** True if the hub has taken it, delivered or not; false if it refused. Rejects if that is not known. */
  async push({ cloudId, host, port }: PushTarget, data: string): Promise<boolean> {
    const path = `/api/hologram/devices/${encodeURIComponent(cloudId)}/messages`
    const { status } = await this.#ask('POST', path, { data, host, port, timeout: 1 })
    return status === 200 || status === 202
  }

  /** Messages that still wait for a device. */
  async queued(): Promise<number> {
    let queued = 0
    for await (const page of this.#pages('/api/hologram/devices', 'devices')) {
      for (const device of page) queued += Number(device['queued'])
    }
    return queued
  }

  /** The whole history, in the order of acceptance. */
  async *history(): AsyncGenerator<KeptMessage> {
    for await (const page of this.#pages('/api/hologram/messages', 'messages')) {
      for (const message of page) {
        yield {
          id: String(message['id']),
          account: String(message['account']),
          channel: String(message['channel']),
          direction: message['direction'] === 'out' ? 'out' : 'in',
          text: String(message['payload']),
        }
      }
    }
  }

  async *#pages(path: string, key: string): AsyncGenerator<readonly Readonly<Record<string, unknown>>[]> {
    // Any moment before the soak: without one the newest are given.
    const query = `?limit=${PAGE}${key === 'messages' ? '&from=2000-01-01T00:00:00Z' : ''}`
    let after = ''
    for (;;) {
      const { body } = await this.#ask('GET', `${path}${query}${after}`)
      yield body[key] as readonly Readonly<Record<string, unknown>>[]
      const next = body['next']
      if (typeof next !== 'string') return
      after = `&after=${encodeURIComponent(next)}`
    }
  }

  async #ask(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }> {
    const { ports, console: access } = this.#ready()
    const response = await fetch(`http://127.0.0.1:${ports.front}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${access?.token ?? ''}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    })
    const answer = (await response.json()) as Readonly<Record<string, unknown>>
    if (response.status >= 400 && ![429, 507].includes(response.status)) {
      throw new Error(`${method} ${path} was answered with ${response.status}: ${JSON.stringify(answer)}`)
    }
    return { status: response.status, body: answer }
  }
}

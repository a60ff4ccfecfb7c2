import { once } from 'node:events'
import { request } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { onTestFinished } from 'vitest'
import { startHub } from './support.ts'
import type { TestHub } from './support.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

export type Call = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>

/** Calls of one hub with one token; `body`: sent as JSON, a text as it is. */
export function caller(port: number, token: string | undefined): Call {
  return async (method, path, body, headers = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
    return { status: response.status, headers: response.headers, body: isJson && text !== '' ? JSON.parse(text) : text }
  }
}

export interface RestHub extends TestHub {
  readonly token: string
  readonly front: number
  readonly call: Call
}

export async function startRestHub(...args: Parameters<typeof startHub>): Promise<RestHub> {
  const started = await startHub(...args)
  const token = started.hub.accounts.console?.token ?? ''
  const { front } = started.hub.ports
  return { ...started, token, front, call: caller(front, token) }
}

export interface StreamEvent {
  readonly id: string
  readonly data: { readonly payload?: string; readonly [key: string]: unknown }
}

export interface Reading {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly events: readonly StreamEvent[]
  readonly payloads: () => (string | undefined)[]
  /** Everything that came, comments too. */
  readonly raw: () => string
  /** Resolves when the hub has ended the stream. */
  readonly ended: Promise<void>
  readonly response: IncomingMessage
  readonly close: () => void
}

type Ask = (options: object, callback: (response: IncomingMessage) => void) => ClientRequest

/** Follows; resolves when the head is there. */
export async function readEvents(
  port: number,
  path: string,
  { token, lastEventId, ask = request }: { token: string; lastEventId?: string; ask?: Ask },
): Promise<Reading> {
  const headers = {
    accept: 'text/event-stream',
    authorization: `Bearer ${token}`,
    ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
  }
  const asked = ask({ port, host: '127.0.0.1', path, headers, agent: false, rejectUnauthorized: false }, () => {})
  asked.on('error', () => {})
  onTestFinished(() => void asked.destroy())
  asked.end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  let raw = ''
  let rest = ''
  const events: StreamEvent[] = []
  response.setEncoding('utf8').on('data', (text: string) => {
    raw += text
    const blocks = (rest + text).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const [, id, data] = /^id: (.*)\ndata: (.*)$/.exec(block) ?? []
      if (id !== undefined && data !== undefined) events.push({ id, data: JSON.parse(data) as StreamEvent['data'] })
    }
  })
  const ended = new Promise<void>((resolve) => response.on('close', () => resolve()))
  response.on('error', () => {})
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    events,
    ended,
    response,
    payloads: () => events.map(({ data }) => data.payload),
    raw: () => raw,
    close: () => void asked.destroy(),
  }
}

/** The hub's HTTP API as far as an administration needs it, on a real socket, from its description alone. */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

interface Reply {
  readonly status: number
  readonly body?: object
}

export interface ApiServer {
  readonly url: string
  readonly accounts: Map<string, string>
  readonly tokens: Map<string, { readonly name: string; readonly createdAt: string }>
  /** `METHOD path`, in order */
  readonly asked: string[]
  /** Gives another answer than the API would, as other programs do. */
  answer: ((request: string, response: ServerResponse) => boolean) | undefined
  /** What the hub does besides when an account goes. */
  onRemove: ((cloudId: string) => Promise<void>) | undefined
}

export async function apiServer(token: string): Promise<ApiServer> {
  const state: ApiServer = {
    url: '',
    accounts: new Map(),
    tokens: new Map(),
    asked: [],
    answer: undefined,
    onRemove: undefined,
  }
  const server = createServer((request, response) => {
    state.asked.push(`${request.method} ${request.url}`)
    if (state.answer?.(`${request.method} ${request.url}`, response)) return
    void answer(state, token, request).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(body === undefined ? undefined : JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}

async function answer(state: ApiServer, token: string, request: IncomingMessage): Promise<Reply> {
  if (request.headers.authorization !== `Bearer ${token}`) return refused(401, 'ERR_HUB_API_TOKEN')
  const [path = '', search] = (request.url ?? '').split('?')
  const id = decodeURIComponent(path.split('/').at(-1) ?? '')
  const chunks: Uint8Array[] = []
  for await (const chunk of request) chunks.push(chunk as Uint8Array)
  const body = chunks.length === 0 ? {} : (JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>)
  switch (`${request.method} ${path.replace(/(accounts|tokens)\/[^/]+$/, '$1/{id}')}`) {
    case 'GET /api/hologram/accounts':
      return page(state, new URLSearchParams(search))
    case 'POST /api/hologram/accounts': {
      if (Object.keys(body).some((key) => key !== 'cloud_id' && key !== 'cloud_key')) return refused(400, 'ERR_USAGE')
      const { cloud_id = 'made', cloud_key = 'key1' } = body
      if (state.accounts.has(cloud_id)) return refused(409, 'ERR_HUB_ACCOUNT_EXISTS')
      state.accounts.set(cloud_id, cloud_key)
      return { status: 201, body: { cloud_id, cloud_key } }
    }
    case 'DELETE /api/hologram/accounts/{id}': {
      if (!state.accounts.delete(id)) return refused(404, 'ERR_HUB_DEVICE_UNKNOWN')
      await state.onRemove?.(id)
      return { status: 204 }
    }
    case 'GET /api/tokens':
      return { status: 200, body: { tokens: [...state.tokens].map(([key, value]) => describe(key, value)) } }
    case 'POST /api/tokens': {
      const key = `abc${state.tokens.size}`
      const entry = { name: body['name'] ?? '', createdAt: '2026-11-20T12:00:00.000Z' }
      state.tokens.set(key, entry)
      return { status: 201, body: { ...describe(key, entry), token: 'the-token' } }
    }
    case 'DELETE /api/tokens/{id}':
      return state.tokens.delete(id) ? { status: 204 } : refused(404, 'ERR_HUB_TOKEN_UNKNOWN')
    default:
      return refused(404, 'ERR_USAGE')
  }
}

function page({ accounts }: ApiServer, query: URLSearchParams): Reply {
  const limit = Number(query.get('limit') ?? 100)
  const ids = [...accounts.keys()].toSorted().filter((id) => id > (query.get('after') ?? ''))
  const found = ids.slice(0, limit).map((id) => ({ cloud_id: id }))
  const next = ids.length > limit ? { next: found.at(-1)?.cloud_id } : {}
  return { status: 200, body: { accounts: found, ...next } }
}

function describe(id: string, { name, createdAt }: { readonly name: string; readonly createdAt: string }): object {
  return { id, name, created_at: createdAt }
}

function refused(status: number, error: string): Reply {
  return { status, body: { error, message: `the server says ${error}; do something` } }
}

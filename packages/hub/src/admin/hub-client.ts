/** One hub's HTTP API, asked by the owner of its data directory on the same machine. */
import { Agent, request } from 'node:http'
import { ConnectionError, UsageError, describeError } from '@halyard/core'
import type { HalyardError, StorageError } from '@halyard/core'
import type { Disk } from '@halyard/core/node'
import { readRunningFile } from './running-file.ts'
import type { RunningHubAddress } from './running-file.ts'

/** The hub that has the directory locked. @throws {ConnectionError} `ERR_HUB_ADMIN` if it has not left its address */
export async function clientOfRunningHub(directory: string, disk: Disk, locked: StorageError): Promise<HubClient> {
  const address = await readRunningFile(disk, directory)
  if (address === undefined) throw notReady(directory, locked)
  return new HubClient(address, directory)
}

/** A hub writes its address when everything listens, and takes it away when it stops. */
function notReady(directory: string, locked: StorageError): ConnectionError {
  const [inUse = ''] = locked.message.split(';', 1)
  return new ConnectionError(
    'ERR_HUB_ADMIN',
    `${inUse}, and no hub has left its address (running.json) in ${directory}: one that is starting or stopping, or another halyard hub account; try again`,
    { cause: locked },
  )
}

/** ms until a hub that says nothing is given up. */
const TIMEOUT = 30_000
/** More than any answer of these calls has: a page of a thousand accounts is 22 KB. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024

type Answer = Readonly<Record<string, unknown>>

/**
 * `fetch` would not do: it refuses some ports (6000, 10080, …), and makes another id of an id with dots. The token leaves
 * in a header alone, and no message repeats it.
 */
export class HubClient {
  readonly #host: string
  readonly #port: number
  /** How it is called in errors. */
  readonly #name: string
  readonly #token: string
  readonly #agent: Agent = new Agent({ keepAlive: true, maxSockets: 4 })

  /** @throws {ConnectionError} `ERR_HUB_ADMIN` if the address is none */
  constructor({ url, token }: RunningHubAddress, directory: string) {
    this.#token = token
    const address = URL.canParse(url) ? new URL(url) : undefined
    this.#name = `the hub that has ${directory} open${address === undefined ? '' : ` (${address.origin})`}`
    if (address?.protocol !== 'http:') throw this.#error('has left an address in running.json that is none')
    this.#host = address.hostname.replace(/^\[(.*)\]$/, '$1')
    this.#port = Number(address.port === '' ? 80 : address.port)
  }

  /** The object in the answer. `path`: with its ids encoded. */
  async call(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<Answer> {
    const { status, text } = await this.#exchange(method, path, body)
    const answer = parse(text)
    if (status >= 200 && status < 300) {
      if (answer !== undefined) return answer
      if (text === '') return {}
      return this.checked<Answer>(undefined)
    }
    throw this.#refusal(status, answer)
  }

  /** A part of an answer that must be there. @throws {ConnectionError} `ERR_HUB_ADMIN` */
  checked<T>(part: T | undefined): T {
    if (part !== undefined) return part
    throw this.#error('gave an answer that this version does not understand')
  }

  close(): void {
    this.#agent.destroy()
  }

  /** A code is the hub's word for it; without one it is not this API that answered. */
  #refusal(status: number, answer: Answer | undefined): HalyardError {
    const { error, message } = answer ?? {}
    const text = printable(message)
    if (status === 401) {
      return this.#error('does not know the token of running.json, which is of an earlier start')
    }
    if (typeof error !== 'string' || !/^ERR_[A-Z0-9_]{1,60}$/.test(error) || text === '') {
      return this.#error(`answered with status ${status}, which is not this version's API`)
    }
    return status < 500 ? new UsageError(error, text) : new ConnectionError(error, text)
  }

  #exchange(method: string, path: string, body?: object): Promise<{ readonly status: number; readonly text: string }> {
    const content = body === undefined ? undefined : JSON.stringify(body)
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown): void => reject(this.#error(`does not answer: ${describeError(cause)}`, cause))
      const call = request({
        host: this.#host,
        port: this.#port,
        method,
        path,
        agent: this.#agent,
        signal: AbortSignal.timeout(TIMEOUT),
        headers: {
          authorization: `Bearer ${this.#token}`,
          accept: 'application/json',
          ...(content !== undefined && {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(content),
          }),
        },
      })
      call.on('error', fail)
      call.on('response', (response) => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          chunks.push(chunk)
          if (size > MAX_ANSWER_BYTES) response.destroy(new Error('its answer is larger than any of a hub'))
        })
        response.on('error', fail)
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        )
      })
      call.end(content)
    })
  }

  #error(what: string, cause?: unknown): ConnectionError {
    return new ConnectionError(
      'ERR_HUB_ADMIN',
      `${this.#name} ${what}; if it is just starting or stopping try again, else stop it: its directory can be changed then`,
      { cause },
    )
  }
}

function parse(text: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Answer) : undefined
  } catch {
    return undefined
  }
}

/** What another program says, in one line that has no power over a terminal. */
function printable(value: unknown): string {
  return typeof value === 'string' ? value.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 500) : ''
}

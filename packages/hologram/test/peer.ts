import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { Outbox } from '@halyard/core'
import type { Logger, OutboxOptions } from '@halyard/core'

/** One connection as the peer sees it. */
export interface Conversation {
  readonly socket: Socket
  /** Everything that came so far. */
  readonly bytes: () => Buffer
  /** Resolves when CR CR has come. */
  readonly request: Promise<string>
}

export interface Peer extends AsyncDisposable {
  readonly port: number
  /** What came, one entry for each connection, in the order of the connections. */
  readonly received: () => string[]
  readonly conversations: readonly Conversation[]
  /** Replaces the script for the connections to come. */
  play(script: Script): void
}

export type Script = (conversation: Conversation) => unknown

/** A TCP server that does what its script says, on a free port of the loopback. */
export async function openPeer(script: Script, host = '127.0.0.1'): Promise<Peer> {
  const conversations: Conversation[] = []
  let current = script
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let bytes = Buffer.alloc(0)
    const request = new Promise<string>((resolve) => {
      socket.on('data', (chunk) => {
        bytes = Buffer.concat([bytes, chunk])
        if (bytes.includes('\r\r')) resolve(bytes.toString())
      })
    })
    socket.on('error', () => {})
    const conversation = { socket, bytes: () => bytes, request }
    conversations.push(conversation)
    void current(conversation)
  })
  server.listen(0, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    received: () => conversations.map(({ bytes }) => bytes().toString()),
    conversations,
    play(next) {
      current = next
    },
    async [Symbol.asyncDispose]() {
      for (const { socket } of conversations) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Waits for the whole request, answers, closes. */
export const answer =
  (text: string): Script =>
  async ({ socket, request }) => {
    await request
    socket.end(text)
  }

/** Answers whatever comes first, and closes. */
export const answerRaw =
  (text: string | Uint8Array): Script =>
  ({ socket }) => {
    socket.once('data', () => socket.end(text))
  }

export const silence: Script = () => {}

/** A port that nobody listens on. */
export async function closedPort(): Promise<number> {
  const peer = await openPeer(silence)
  const { port } = peer
  await peer[Symbol.asyncDispose]()
  return port
}

/** In memory, and without any wait between two attempts. */
export function impatientOutbox(options: OutboxOptions = {}): Promise<Outbox> {
  return Outbox.open(options, { random: () => 0 })
}

export interface Lines extends Logger {
  readonly lines: string[]
}

export function recordingLogger(): Lines {
  const lines: string[] = []
  const at =
    (level: string) =>
    (object: object, message: string): void =>
      void lines.push(`${level}:${message} ${JSON.stringify(object)}`)
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

export const CREDENTIALS = { cloud_id: '1234', cloud_key: '5678' } as const

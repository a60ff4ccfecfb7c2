import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { matchTemplate, parseTemplate, writeTemplate } from './byte-template.ts'
import type { ByteTemplate, Holes } from './byte-template.ts'

/** One line of a recording: what the client must send, what it is answered, or that the server ends the connection. */
export type RecordedStep = { readonly client: string } | { readonly server: string } | { readonly end: 'fin' | 'reset' }

type Step =
  | { readonly kind: 'client' | 'server'; readonly text: string; readonly template: ByteTemplate }
  | { readonly kind: 'fin' | 'reset' }

/**
 * A TCP server that knows one conversation by heart: it waits for exactly these bytes and answers with those, over a real
 * socket. For clients of services that cannot be run in a test. The first connection plays the first recording, the second
 * one the second; a connection too many is refused. Steps are templates of bytes with holes, packages/testkit/src/recorded/byte-template.ts.
 *
 * @example
 * ```ts
 * import { once } from 'node:events'
 * import { connect } from 'node:net'
 * import { RecordedServer } from '@halyard/testkit'
 *
 * await using server = await RecordedServer.open([[{ client: "'PING ' <n:1>" }, { server: "'PONG ' <n>" }]])
 * const socket = connect(server.port, '127.0.0.1')
 * socket.write('PING 7')
 * console.log(String((await once(socket, 'data'))[0])) // PONG 7
 * await server.played()
 * socket.destroy()
 * ```
 */
export class RecordedServer implements AsyncDisposable {
  readonly #recordings: readonly (readonly Step[])[]
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #begun = 0
  #finished = 0
  #failure: Error | undefined
  readonly #waiting: (() => void)[] = []

  private constructor(recordings: readonly (readonly RecordedStep[])[]) {
    this.#recordings = recordings.map((steps) => steps.map(parseStep))
    this.#server = createServer((socket) => this.#connected(socket))
  }

  /** Listens on a free port of 127.0.0.1. Throws a plain error for a step that is none. */
  static async open(recordings: readonly (readonly RecordedStep[])[]): Promise<RecordedServer> {
    const server = new RecordedServer(recordings)
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject).listen(0, '127.0.0.1', resolve)
    })
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Resolves when all recordings were played to their end; rejects with the first difference. */
  async played(): Promise<void> {
    while (this.#failure === undefined && this.#finished < this.#recordings.length) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #connected(socket: Socket): void {
    const steps = this.#recordings[this.#begun]
    if (steps === undefined) return void socket.destroy()
    const connection = ++this.#begun
    this.#sockets.add(socket)
    const holes: Holes = new Map()
    let held = new Uint8Array(0)
    let next = 0
    const play = (): void => {
      for (; next < steps.length; next++) {
        const step = steps[next]!
        if (step.kind === 'server') socket.write(writeTemplate(step.template, holes))
        else if (step.kind === 'fin') socket.end()
        else if (step.kind === 'reset') socket.resetAndDestroy()
        else if (step.kind === 'client') {
          const taken = matchTemplate(step.template, held, holes)
          if (taken === undefined) return
          held = held.slice(taken)
        }
      }
      if (next++ === steps.length) this.#finish()
    }
    const advance = (): void => {
      try {
        play()
      } catch (error) {
        const step = steps[next]
        const expected =
          step?.kind === 'client' ? `: expected ${step.text}, got ${Buffer.from(held).toString('hex')}` : ''
        this.#fail(new Error(`connection ${connection}, step ${next + 1}${expected}; ${(error as Error).message}`))
        socket.destroy()
      }
    }
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#sockets.delete(socket)
      const step = steps[next]
      if (step?.kind !== 'client') return
      this.#fail(new Error(`connection ${connection} ended before step ${next + 1}: ${step.text}`))
    })
    socket.on('data', (bytes: Buffer) => {
      held = Uint8Array.from([...held, ...bytes])
      advance()
    })
    advance()
  }

  #finish(): void {
    this.#finished++
    this.#tell()
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#tell()
  }

  #tell(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

function parseStep(step: RecordedStep): Step {
  if ('end' in step) return { kind: step.end }
  const [kind, text] = 'client' in step ? (['client', step.client] as const) : (['server', step.server] as const)
  return { kind, text, template: parseTemplate(text) }
}

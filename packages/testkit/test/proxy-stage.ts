import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { afterEach, beforeEach } from 'vitest'
import { FaultProxy, VirtualClock } from '@halyard/testkit'
import type { FaultProxyOptions } from '@halyard/testkit'

/** A socket with all that happened to it, and a way to wait for more without sleeping. */
export class Peer {
  readonly socket: Socket
  readonly #chunks: Buffer[] = []
  length = 0
  ended = false
  closed = false
  error: string | undefined
  readonly #waiting = new Set<() => void>()

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => {
      this.#chunks.push(bytes)
      this.length += bytes.length
      this.#tell()
    })
    socket.on('end', () => ((this.ended = true), this.#tell()))
    socket.on('close', () => ((this.closed = true), this.#tell()))
    socket.on('error', (error: NodeJS.ErrnoException) => ((this.error = error.code), this.#tell()))
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get text(): string {
    return this.received.toString()
  }

  async until(condition: (peer: Peer) => boolean): Promise<void> {
    while (!condition(this)) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  #tell(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}

/** A target, a proxy in front of it, and clients: made anew for each test of a file, and gone when it is over. */
export class ProxyStage {
  /** What the target took, in the order in which it came. */
  peers: Peer[] = []
  clock: VirtualClock = new VirtualClock()
  #server: Server = createServer()
  #clients: Peer[] = []
  #proxy: FaultProxy | undefined

  constructor() {
    beforeEach(() => this.#begin())
    afterEach(() => this.#end())
  }

  get targetPort(): number {
    return (this.#server.address() as AddressInfo).port
  }

  readonly open = async (options: Partial<FaultProxyOptions> = {}): Promise<FaultProxy> =>
    (this.#proxy = await FaultProxy.open({ target: { port: this.targetPort }, clock: this.clock, ...options }))

  readonly client = async (): Promise<Peer> => {
    if (!this.#proxy) throw new Error('open the proxy first')
    const peer = new Peer(connect({ port: this.#proxy.port, host: '127.0.0.1', allowHalfOpen: true }))
    this.#clients.push(peer)
    await once(peer.socket, 'connect')
    return peer
  }

  /** The target's end of the connection with this number. */
  readonly target = async (index: number): Promise<Peer> => {
    for (;;) {
      const peer = this.peers[index]
      if (peer) return peer
      await once(this.#server, 'connection')
    }
  }

  /** Both ends of a connection through the proxy, after one byte each way. */
  readonly pair = async (): Promise<[client: Peer, target: Peer]> => {
    const known = this.peers.length
    const near = await this.client()
    near.socket.write('>')
    const far = await this.target(known)
    far.socket.write('<')
    await near.until(({ text }) => text === '<')
    await far.until(({ text }) => text === '>')
    return [near, far]
  }

  async #begin(): Promise<void> {
    this.peers = []
    this.#clients = []
    this.clock = new VirtualClock()
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.peers.push(new Peer(socket)))
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  async #end(): Promise<void> {
    await this.#proxy?.close()
    for (const { socket } of [...this.#clients, ...this.peers]) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { TlsOptions as ServerTls } from 'node:tls'
import { onTestFinished } from 'vitest'
import { WebSocketServer } from 'ws'
import type { RawData, WebSocket } from 'ws'
import type { Address, Scheme } from '../../src/address.ts'
import { dial as nodeDial } from '../../src/node/dial.ts'
import type { Dial, DialOptions, Transport } from '../../src/transport.ts'

/** The server's end of a connection. */
export interface Peer {
  /** What carries it, without WebSocket. */
  readonly socket: Socket
  onBytes(listener: (bytes: Uint8Array) => void): void
  write(bytes: Uint8Array): void
  /** Closes in good order. */
  end(): void
  reset(): void
}

/** Keeps a server for the test, and cuts what is left of its connections when it is over. */
export async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** A server of the scheme; the port it listens on. */
export async function serve(scheme: Scheme, tls: ServerTls, onPeer: (peer: Peer) => void): Promise<number> {
  // A TLS socket cannot send a reset; the one below it can.
  const below = new Map<number | undefined, Socket>()
  const server = serverOf(scheme, tls, (parts) => {
    const { remotePort } = parts.socket
    onPeer({ ...parts, reset: () => void below.get(remotePort)?.resetAndDestroy() })
  })
  server.on('connection', (socket) => below.set(socket.remotePort, socket))
  return listening(server)
}

type PeerParts = Omit<Peer, 'reset'>

function serverOf(scheme: Scheme, tls: ServerTls, onPeer: (parts: PeerParts) => void): Server {
  const taken = (socket: Socket): void => onPeer(partsOfSocket(socket.on('error', () => {})))
  if (scheme === 'mqtt') return createTcpServer({ noDelay: true }, taken)
  if (scheme === 'mqtts') return createTlsServer({ noDelay: true, ...tls }, taken)
  const server = scheme === 'ws' ? createHttpServer() : createHttpsServer(tls)
  const door = new WebSocketServer({ server, perMessageDeflate: false })
  door.on('connection', (socket, { socket: carrier }) => onPeer(partsOfWebSocket(socket, carrier)))
  return server
}

function partsOfSocket(socket: Socket): PeerParts {
  return {
    socket,
    onBytes: (listener) => void socket.on('data', listener),
    write: (bytes) => void socket.write(bytes),
    end: () => void socket.end(),
  }
}

function partsOfWebSocket(webSocket: WebSocket, socket: Socket): PeerParts {
  webSocket.on('error', () => {})
  return {
    socket,
    onBytes: (listener) => void webSocket.on('message', (data: RawData) => listener(data as Buffer)),
    write: (bytes) => webSocket.send(bytes),
    end: () => webSocket.close(1000),
  }
}

export const PLAIN: DialOptions = { tls: undefined, protocols: ['mqtt'] }

export function at(scheme: Scheme, port: number, host = '127.0.0.1'): Address {
  return { scheme, host, port, path: scheme.startsWith('ws') ? '/mqtt' : '' }
}

/** A transport, and all that it told. */
export class Caller {
  readonly told: ('opened' | 'received' | 'drained' | 'closed')[] = []
  readonly pieces: Buffer[] = []
  receivedBytes = 0
  error: Error | undefined
  readonly transport: Transport
  onReceived: (bytes: Uint8Array) => void = () => {}
  readonly #wake = new Set<() => void>()

  constructor(address: Address, options: DialOptions = PLAIN, dial: Dial = nodeDial) {
    let isInside = true
    const tell = (what: (typeof this.told)[number]): void => {
      if (isInside) throw new Error(`${what} was told inside dial()`)
      this.told.push(what)
      for (const wake of this.#wake) wake()
    }
    this.transport = dial(address, options, {
      opened: () => tell('opened'),
      received: (bytes) => {
        this.pieces.push(Buffer.from(bytes))
        this.receivedBytes += bytes.length
        tell('received')
        this.onReceived(bytes)
      },
      drained: () => tell('drained'),
      closed: (error) => {
        this.error = error
        tell('closed')
      },
    })
    isInside = false
    onTestFinished(() => this.transport.destroy())
  }

  get received(): Buffer {
    return Buffer.concat(this.pieces)
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#wake.delete(wake)
          resolve()
        }
        this.#wake.add(wake)
      })
    }
  }

  async opened(): Promise<this> {
    await this.until(() => this.told.length > 0)
    if (this.told[0] !== 'opened') throw this.error ?? new Error(`told ${this.told[0]} before opened`)
    return this
  }

  /** `ERR_CODE: what a person reads`, or `closed` in good order. */
  async end(): Promise<string> {
    await this.until(() => this.told.includes('closed'))
    if (this.error === undefined) return 'closed'
    return `${(this.error as { code?: string }).code}: ${this.error.message}`
  }
}

/** Bytes whose order shows. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let index = 0; index < length; index++) bytes[index] = (index * 31 + (index >> 8)) & 0xff
  return bytes
}

/** What is due in this turn of the event loop and the next has happened. */
export async function turns(count = 3): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

export function withResolvers<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((resolved) => (resolve = resolved))
  return { promise, resolve }
}

import { createServer as createTlsServer } from 'node:tls'
import type { Server as TlsServer } from 'node:tls'
import type { Socket } from 'node:net'
import { UsageError, describeError } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import type { Peer } from '../domain/devices.ts'
import { peerOf } from './addresses.ts'

/** A TLS record of the type handshake. */
const TLS = 0x16
/** MQTT's CONNECT, the only packet a client may begin with. */
const MQTT = 0x10
const UPPER_A = 0x41
const UPPER_Z = 0x5a

export interface FrontDoorOptions {
  /** For the log: `front`, `mqtt` */
  readonly name: string
  /** Takes a stream whose first byte is a letter; that byte is still to be read. None on a port that takes MQTT alone. */
  readonly http?: (socket: Socket) => void
  /** Takes a stream that begins with an MQTT CONNECT. */
  readonly mqtt: (socket: Socket, peer: Peer) => void
  /** PEM texts; none: TLS is not spoken. `ca`: whose certificates clients may show. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string }
  /** seconds for the first byte, and again behind TLS */
  readonly firstByteTimeout: number
  readonly clock: Clock
  /** Gets a warning per stranger: it should hold repetitions back. */
  readonly logger: Logger
}

/** One port for all: the first byte tells who is there. Behind TLS it is asked once more. */
export class FrontDoor {
  readonly #options: FrontDoorOptions
  readonly #tls: TlsServer | undefined
  /** Connections that have not said yet what they are. */
  readonly #unsorted = new Set<Socket>()
  /** By the peer, while they shake hands over TLS: who goes in the middle of it is not heard of before that times out. */
  readonly #shaking = new Map<string, Socket>()

  /** @throws {UsageError} `ERR_HUB_TLS` for a certificate or key that does not work. */
  constructor(options: FrontDoorOptions) {
    this.#options = options
    this.#tls = options.tls && this.#createTls(options.tls)
  }

  /** Takes over a connection of the listener. */
  accept(socket: Socket, peer: Peer): void {
    this.#sort(socket, peer, true)
  }

  /** Who has said nothing yet is asked no more. */
  drain(): void {
    for (const socket of [...this.#unsorted, ...this.#shaking.values()]) socket.destroy()
  }

  #sort(socket: Socket, peer: Peer, mayBeTls: boolean): void {
    const { clock, firstByteTimeout } = this.#options
    this.#unsorted.add(socket)
    const timer = clock.setTimer(firstByteTimeout * 1000, () => socket.destroy())
    const onData = (chunk: Buffer): void => {
      stop()
      socket.pause()
      socket.unshift(chunk)
      this.#hand(socket, peer, chunk[0] ?? 0, mayBeTls)
    }
    const onEnd = (): void => {
      stop()
      socket.end()
    }
    const stop = (): void => {
      timer.cancel()
      this.#unsorted.delete(socket)
      socket.off('data', onData).off('end', onEnd).off('close', stop)
    }
    socket.on('data', onData).on('end', onEnd).on('close', stop)
  }

  #hand(socket: Socket, peer: Peer, first: number, mayBeTls: boolean): void {
    const { name, http, mqtt, logger } = this.#options
    if (first >= UPPER_A && first <= UPPER_Z && http) {
      http(socket)
      // Only now someone listens for what was put back.
      process.nextTick(() => socket.resume())
    } else if (first === MQTT) {
      mqtt(socket, peer)
      process.nextTick(() => socket.resume())
    } else if (first === TLS && mayBeTls && this.#tls) {
      const key = keyOf(socket)
      this.#shaking.set(key, socket)
      socket.on('close', () => this.#shaking.get(key) === socket && this.#shaking.delete(key))
      this.#tls.emit('connection', socket)
    } else {
      logger.warn(
        { address: peer.address, first },
        `${name}: a connection was closed: ${this.#stranger(first, mayBeTls)}`,
      )
      socket.destroy()
    }
  }

  #stranger(first: number, mayBeTls: boolean): string {
    if (first === TLS && mayBeTls) return 'it speaks TLS, and no certificate is configured (tls: { cert, key })'
    const isHttp = first >= UPPER_A && first <= UPPER_Z
    if (isHttp && !this.#options.http)
      return 'it speaks HTTP, and this port takes MQTT alone; HTTP is for the front door'
    return 'its first byte begins no protocol that the hub speaks'
  }

  #createTls({ cert, key, ca }: NonNullable<FrontDoorOptions['tls']>): TlsServer {
    const { name, firstByteTimeout, logger } = this.#options
    let server: TlsServer
    try {
      server = createTlsServer({
        cert,
        key,
        handshakeTimeout: firstByteTimeout * 1000,
        allowHalfOpen: true,
        // Who shows no certificate, or a strange one, has a password to show.
        ...(ca !== undefined && { ca, requestCert: true, rejectUnauthorized: false }),
      })
    } catch (cause) {
      throw new UsageError(
        'ERR_HUB_TLS',
        `tls.cert and tls.key do not work together${ca === undefined ? '' : ', or tls.ca is no certificate'}: ${describeError(cause)}`,
        {
          cause,
        },
      )
    }
    server.on('secureConnection', (socket) => {
      socket.on('error', () => {})
      this.#shaking.delete(keyOf(socket))
      this.#sort(socket, peerOf(socket.remoteAddress), false)
    })
    server.on('tlsClientError', (error, socket) => {
      logger.debug({ err: error }, `${name}: a TLS handshake failed`)
      socket.destroy()
    })
    return server
  }
}

function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}

import { createServer as createTlsServer } from 'node:tls'
import type { Server as TlsServer } from 'node:tls'
import type { Socket } from 'node:net'
import { UsageError, describeError } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import { addressKey } from './addresses.ts'

/** A TLS record of the type handshake. */
const TLS = 0x16
/** MQTT's CONNECT, the only packet a client may begin with. */
const MQTT = 0x10
const UPPER_A = 0x41
const UPPER_Z = 0x5a

export interface FrontDoorOptions {
  /** Takes a stream whose first byte is a letter; that byte is still to be read. */
  readonly http: (socket: Socket) => void
  /** Takes a stream that begins with an MQTT CONNECT; none in a hub that speaks no MQTT. */
  readonly mqtt?: (socket: Socket, address: string) => void
  /** PEM texts; none: TLS is not spoken. */
  readonly tls?: { readonly cert: string; readonly key: string }
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

  /** @throws {UsageError} `ERR_HUB_TLS` for a certificate or key that does not work. */
  constructor(options: FrontDoorOptions) {
    this.#options = options
    this.#tls = options.tls && this.#createTls(options.tls)
  }

  /** Takes over a connection of the listener. */
  accept(socket: Socket, address: string): void {
    this.#sort(socket, address, true)
  }

  /** Who has said nothing yet is asked no more. */
  drain(): void {
    for (const socket of this.#unsorted) socket.destroy()
  }

  #sort(socket: Socket, address: string, mayBeTls: boolean): void {
    const { clock, firstByteTimeout } = this.#options
    this.#unsorted.add(socket)
    const timer = clock.setTimer(firstByteTimeout * 1000, () => socket.destroy())
    const onData = (chunk: Buffer): void => {
      stop()
      socket.pause()
      socket.unshift(chunk)
      this.#hand(socket, address, chunk[0] ?? 0, mayBeTls)
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

  #hand(socket: Socket, address: string, first: number, mayBeTls: boolean): void {
    const { http, mqtt, logger } = this.#options
    if (first >= UPPER_A && first <= UPPER_Z) {
      http(socket)
      // Only now someone listens for what was put back.
      process.nextTick(() => socket.resume())
    } else if (first === MQTT && mqtt) {
      mqtt(socket, address)
      process.nextTick(() => socket.resume())
    } else if (first === TLS && mayBeTls && this.#tls) {
      this.#tls.emit('connection', socket)
    } else {
      logger.warn({ address, first }, `front: a connection was closed: ${this.#stranger(first, mayBeTls)}`)
      socket.destroy()
    }
  }

  #stranger(first: number, mayBeTls: boolean): string {
    if (first === MQTT) return 'it speaks MQTT, which this version of the hub does not'
    if (first === TLS && mayBeTls) return 'it speaks TLS, and no certificate is configured (tls: { cert, key })'
    return 'its first byte begins no protocol that the hub speaks'
  }

  #createTls({ cert, key }: { readonly cert: string; readonly key: string }): TlsServer {
    const { firstByteTimeout, logger } = this.#options
    let server: TlsServer
    try {
      server = createTlsServer({ cert, key, handshakeTimeout: firstByteTimeout * 1000, allowHalfOpen: true })
    } catch (cause) {
      throw new UsageError('ERR_HUB_TLS', `tls.cert and tls.key do not work together: ${describeError(cause)}`, {
        cause,
      })
    }
    server.on('secureConnection', (socket) => {
      socket.on('error', () => {})
      this.#sort(socket, addressKey(socket.remoteAddress), false)
    })
    server.on('tlsClientError', (error, socket) => {
      logger.debug({ err: error }, 'front: a TLS handshake failed')
      socket.destroy()
    })
    return server
  }
}

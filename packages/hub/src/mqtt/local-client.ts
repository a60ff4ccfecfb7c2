import { PacketReader, encodeToBytes } from '@halyard/wire/mqtt'
import type { Packet, Publish } from '@halyard/wire/mqtt'
import type { Peer } from '../domain/devices.ts'
import type { Transport, TransportHandler, TransportKind } from '../domain/transport.ts'

/** No address of a network. */
export const LOCAL_ADDRESS = 'this process'

/** A client in the same process: it has one subscription, and no socket. */
export class LocalClient implements Transport {
  readonly kind: TransportKind = 'tcp'
  readonly door = 'mqtt'
  readonly peer: Peer = { address: LOCAL_ADDRESS, host: '' }
  readonly certificateName = undefined
  /** It takes everything at once. */
  readonly pendingBytes = 0
  readonly #reader: PacketReader
  #handler: TransportHandler | undefined

  constructor(onMessage: (message: Publish) => void) {
    this.#reader = new PacketReader(
      { publish: (packet) => onMessage(packet.toPacket()), packet: () => {} },
      { receiver: 'client', version: 5, maxPacketBytes: 2 ** 28 - 1 },
    )
  }

  /** `filter`: a valid one. */
  subscribe(filter: string): void {
    this.#send({ type: 'connect', version: 5, clientId: '', cleanStart: true, keepAlive: 0 })
    const options = { qos: 0, noLocal: false, retainAsPublished: true, retainHandling: 0 } as const
    this.#send({ type: 'subscribe', packetId: 1, subscriptions: [{ filter, ...options }] })
  }

  start(handler: TransportHandler): void {
    this.#handler = handler
  }

  write(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) if (this.#handler) this.#reader.push(piece)
  }

  pause(): void {}

  resume(): void {}

  end(): void {
    this.#handler = undefined
  }

  destroy(): void {
    const handler = this.#handler
    this.#handler = undefined
    handler?.closed(true)
  }

  #send(packet: Packet): void {
    this.#handler?.received(encodeToBytes(packet, 5))
  }
}

import type { Logger } from '@halyard/core'
import { VirtualClock } from '@halyard/testkit'
import { PacketReader, encodeToBytes } from '@halyard/wire/mqtt'
import type { Packet, ProtocolVersion } from '@halyard/wire/mqtt'
import type {
  Dialect,
  Login,
  Principal,
  PublishPlan,
  SessionOwner,
  SubscribePlan,
  Verdict,
} from '../../src/mqtt/dialect.ts'
import type { MessageHistory } from '../../src/domain/message-history.ts'
import { DEFAULT_MQTT_LIMITS } from '../../src/mqtt/limits.ts'
import type { Keeper } from '../../src/mqtt/keeper.ts'
import type { MqttLimits } from '../../src/mqtt/limits.ts'
import type { Publication } from '../../src/mqtt/publication.ts'
import { MqttServer } from '../../src/mqtt/server.ts'
import { MemoryMessageHistory } from '../../src/store/memory-message-history.ts'
import { MemoryMessages } from '../../src/store/memory-messages.ts'
import { MemoryTransport } from './memory-transport.ts'

/** Everybody may do everything; topics mean what they say. */
export class OpenDialect implements Dialect {
  readonly name: string = 'open'

  authenticate(_login: Login): Verdict | Promise<Verdict> {
    return { accepted: true, principal: this.principal() }
  }

  principal(): Principal {
    return { dialect: this, space: 'test', account: '', name: undefined, mayPersist: true, epoch: 0 }
  }

  plan(_principal: Principal, topic: string): PublishPlan {
    const route = { channel: topic, topic, echo: true, mayRetain: true, store: 0, validUntil: Infinity } as const
    return { kind: 'route', space: 'test', ...route }
  }

  subscribe(_principal: Principal, filter: string, { qos }: { readonly qos: 0 | 1 | 2 }): SubscribePlan {
    return { kind: 'subscribe', ...this.unsubscribe(_principal, filter), qos, validUntil: Infinity }
  }

  restore(_owner: SessionOwner): Principal | undefined {
    return this.principal()
  }

  unsubscribe(_principal: Principal, filter: string): { space: string; filter: string; share: string | undefined } {
    const [, share, plain] = /^\$share\/([^/]+)\/(.+)$/.exec(filter) ?? []
    return { space: 'test', filter: plain ?? filter, share }
  }
}

/** A client that does nothing by itself. */
export interface Client {
  readonly version: ProtocolVersion
  /** The hub has ended its connection, or it has. */
  readonly isOver: boolean
  send(...packets: readonly Packet[]): void
  /** What came since the last call. */
  take(): Packet[]
  /** Gone without a word. */
  drop(): void
  /** Resolves when the hub has ended its connection. */
  over(): Promise<void>
}

/** A client of real bytes over a {@link MemoryTransport}. */
export class MemoryClient implements Client {
  readonly transport: MemoryTransport = new MemoryTransport()
  readonly version: ProtocolVersion
  readonly received: Packet[] = []
  /** Of what it sends. */
  chunkBytes: number = Infinity

  constructor(version: ProtocolVersion) {
    this.version = version
    const reader = new PacketReader(
      {
        publish: (packet) => this.received.push(packet.toPacket()),
        packet: (packet) => this.received.push(packet),
      },
      { receiver: 'client', version },
    )
    this.transport.onWritten = (bytes) => reader.push(bytes)
  }

  send(...packets: readonly Packet[]): void {
    const bytes = Buffer.concat(packets.map((packet) => encodeToBytes(packet, this.version)))
    for (let at = 0; at < bytes.length; at += this.chunkBytes) {
      this.transport.arrive(bytes.subarray(at, Math.min(bytes.length, at + this.chunkBytes)))
    }
  }

  take(): Packet[] {
    return this.received.splice(0)
  }

  drop(): void {
    this.transport.close(false)
  }

  get isOver(): boolean {
    return this.transport.isEnded || this.transport.isClosed
  }

  over(): Promise<void> {
    return this.isOver ? Promise.resolve() : Promise.reject(new Error('the hub has not ended this connection'))
  }
}

/** What the engine says went wrong in itself. */
class ErrorLog implements Logger {
  readonly errors: string[] = []
  debug(): void {}
  info(): void {}
  warn(): void {}
  error(_object: object, message: string): void {
    this.errors.push(message)
  }
}

export type StageWish = Partial<MqttLimits>

/** The engine, with nothing real around it. */
export class Stage {
  readonly clock: VirtualClock
  readonly logger: ErrorLog = new ErrorLog()
  /** Of the engine that runs now: another takes its place when it starts anew. */
  store: MemoryMessages<Publication> = new MemoryMessages()
  server: MqttServer
  readonly clients: MemoryClient[] = []
  readonly limits: MqttLimits
  readonly #dialect: Dialect
  readonly #history: MessageHistory<Publication>

  constructor(
    limits: StageWish = {},
    dialect: Dialect = new OpenDialect(),
    history?: MessageHistory<Publication>,
    clock: VirtualClock = new VirtualClock(),
  ) {
    this.clock = clock
    this.#dialect = dialect
    this.#history = history ?? new MemoryMessageHistory(clock)
    this.limits = { ...DEFAULT_MQTT_LIMITS, ...limits }
    this.server = this.newServer()
  }

  protected get dialect(): Dialect {
    return this.#dialect
  }

  protected newServer(keeper?: Keeper): MqttServer {
    return new MqttServer({
      authenticate: (login) => this.#dialect.authenticate(login),
      store: this.store,
      keeper,
      history: this.#history,
      clock: this.clock,
      logger: this.logger,
      limits: this.limits,
    })
  }

  /** For scripts that do not care what carries them. */
  openClient(version: ProtocolVersion): Promise<Client> {
    const client = this.open(version)
    client.chunkBytes = [Infinity, 3, 50][this.clients.length % 3] ?? Infinity
    return Promise.resolve(client)
  }

  close(): Promise<void> {
    this.server.close()
    return Promise.resolve()
  }

  open(version: ProtocolVersion): MemoryClient {
    const client = new MemoryClient(version)
    this.clients.push(client)
    this.server.accept(client.transport)
    return client
  }

  /** CONNECT, and what came back. */
  async connect(
    clientId: string,
    wish: Partial<Omit<Extract<Packet, { type: 'connect' }>, 'type' | 'clientId'>> = {},
  ): Promise<MemoryClient> {
    const version = wish.version ?? 5
    const client = this.open(version)
    client.send({ type: 'connect', clientId, cleanStart: true, keepAlive: 0, ...wish, version })
    await this.settle()
    return client
  }

  /** As long as it takes until nothing more comes. */
  async settleAll(): Promise<void> {
    const written = (): number => this.clients.reduce((sum, { transport }) => sum + transport.writes, 0)
    for (let before = -1; before !== written();) {
      before = written()
      await this.settle()
    }
  }

  /** Everything that is under way has arrived. */
  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

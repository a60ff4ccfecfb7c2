import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Clock } from '@halyard/core'
import { nodeClock } from '@halyard/core/node'
import { VirtualClock } from '@halyard/testkit'
import type { ProtocolVersion } from '@halyard/wire/mqtt'
import { it, onTestFinished } from 'vitest'
import { SocketTransport } from '../../src/listen/socket-transport.ts'
import { MqttAccounts } from '../../src/domain/mqtt-accounts.ts'
import type { Authenticator } from '../../src/mqtt/dialect.ts'
import { DEFAULT_MQTT_LIMITS } from '../../src/mqtt/limits.ts'
import type { MqttLimits } from '../../src/mqtt/limits.ts'
import { PlainDialect } from '../../src/mqtt/plain/plain-dialect.ts'
import { MqttServer } from '../../src/mqtt/server.ts'
import { ScryptPasswords } from '../../src/passwords.ts'
import { MemoryMessageHistory } from '../../src/store/memory-message-history.ts'
import { MemoryMessages } from '../../src/store/memory-messages.ts'
import { MemoryRegistry } from '../../src/store/memory-registry.ts'
import { RecordingLogger, until } from '../support.ts'
import { RawClient } from './raw-client.ts'
import type { ConnectWish } from './raw-client.ts'

/** An account that may read everything and write below `open/`; the rest of the tests come in without a name. */
export const ACCOUNT = { username: 'limited', password: Buffer.from('a password of the hub') } as const

export interface BrokerWish {
  readonly limits?: Partial<MqttLimits>
  readonly clock?: Clock
  readonly authenticators?: (dialect: PlainDialect) => readonly Authenticator[]
}

/** The engine behind a TCP port: no hub around it, so that a clock and limits can be given. */
export class TestBroker {
  readonly server: MqttServer
  readonly dialect: PlainDialect
  readonly log: RecordingLogger
  readonly #listener: Server

  constructor(server: MqttServer, dialect: PlainDialect, listener: Server, log: RecordingLogger) {
    this.server = server
    this.dialect = dialect
    this.log = log
    this.#listener = listener
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port
  }

  /** A connection that has not said CONNECT yet. */
  open(): Promise<RawClient> {
    return RawClient.open(this.port)
  }

  async client(wish: ConnectWish = {}): Promise<RawClient> {
    return (await this.open()).connect(wish)
  }

  /** Clients have gone, and the server has seen it. */
  async left(...clients: readonly RawClient[]): Promise<void> {
    const open = this.server.connections
    for (const client of clients) client.drop()
    await until('the server sees that clients have gone', () => this.server.connections <= open - clients.length)
  }

  /** As {@link left}, after a DISCONNECT. */
  async leftWell(client: RawClient, reasonCode = 0): Promise<void> {
    const open = this.server.connections
    client.leave(reasonCode)
    await until('the server sees that a client has gone', () => this.server.connections < open)
  }
}

export async function startBroker({
  limits,
  clock = nodeClock(),
  authenticators = () => [],
}: BrokerWish = {}): Promise<TestBroker> {
  const accounts = new MqttAccounts(new MemoryRegistry())
  const hash = createHash('sha256').update(ACCOUNT.password).digest('hex')
  await accounts.create({
    username: ACCOUNT.username,
    secret: { algorithm: 'sha256', hash },
    access: [
      { filter: '#', access: 'read' },
      { filter: 'open/#', access: 'readwrite' },
    ],
  })
  const log = new RecordingLogger()
  const dialect = new PlainDialect({
    accounts,
    clock,
    logger: log,
    anonymous: true,
    passwords: new ScryptPasswords(),
    throttle: { failures: 100, window: 600 },
  })
  const server = new MqttServer({
    authenticate: (login) => dialect.authenticate(login),
    authenticators: authenticators(dialect),
    store: new MemoryMessages(),
    history: new MemoryMessageHistory(clock),
    limits: { ...DEFAULT_MQTT_LIMITS, ...limits },
    clock,
    logger: log,
  })
  const options = { kind: 'tcp', door: 'mqtt', peer: { address: '127.0.0.1', host: '127.0.0.1' } } as const
  const sockets = new Set<Socket>()
  const listener = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    server.accept(new SocketTransport(socket, options))
  })
  listener.listen({ port: 0, host: '127.0.0.1', backlog: 10_000 })
  await once(listener, 'listening')
  onTestFinished(() => {
    server.close()
    listener.close()
    for (const socket of sockets) socket.destroy()
  })
  return new TestBroker(server, dialect, listener, log)
}

/** A broker whose time stands still; `pass(seconds)` lets it go on, sweeps included. */
export async function startBrokerInTime(
  wish: Omit<BrokerWish, 'clock'> = {},
): Promise<{ readonly broker: TestBroker; readonly pass: (seconds: number) => Promise<void> }> {
  const clock = new VirtualClock()
  const broker = await startBroker({ ...wish, clock })
  return { broker, pass: (seconds) => clock.advance(seconds * 1000) }
}

export const ALL: readonly ProtocolVersion[] = [3, 4, 5]
export const OLD: readonly ProtocolVersion[] = [3, 4]
const NAMES = { 3: '3.1', 4: '3.1.1', 5: '5.0' } as const

/** The same for each version. Statements of 5.0 stand as `[MQTT-…]` in the title, those of 3.1.1 as `[3.1.1 MQTT-…]`. */
export function inVersions(
  versions: readonly ProtocolVersion[],
  title: string,
  body: (version: ProtocolVersion) => Promise<void>,
): void {
  for (const version of versions) it(`${title} (${NAMES[version]})`, () => body(version))
}

/** How a session that outlives its connection is asked for. */
export function lasting(version: ProtocolVersion, clientId: string, more: ConnectWish = {}): ConnectWish {
  return {
    version,
    clientId,
    cleanStart: false,
    ...more,
    ...(version === 5 && { properties: { sessionExpiryInterval: 3600, ...more.properties } }),
  }
}

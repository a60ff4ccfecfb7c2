import { EventBus as CoreEventBus, HalyardError, loggerFor, Outbox, systemClock, UsageError } from '@halyard/core'
import type { Clock } from '@halyard/core'
import type { Connector } from './connector.ts'
import { Inbound } from './inbound.ts'
import type { InboundLimits } from './inbound.ts'
import type { Listener } from './listener.ts'
import type { LiveAccount } from './live-account.ts'
import { CloudNetworkManager, readNetworks } from './network-manager.ts'
import { Periodic } from './periodic.ts'
import type { ReceiveAddress } from './receive-address.ts'
import { Sender } from './sender.ts'
import type { Service } from './service.ts'
import { tcpListener } from './tcp-listener.ts'
import { tcp } from './tcp.ts'
import type { CloudOptions, Endpoints, EventBus, HologramEvents, NetworkManager } from './types.ts'

/** What a cloud stands on, for tests and for transports other than the machine's own TCP. */
export interface CloudPorts {
  readonly service?: Service
  readonly connector?: Connector
  readonly listener?: Listener
  /** What inbound connections may cost; each has a default. */
  readonly inbound?: Partial<InboundLimits>
  readonly clock?: Clock
}

/** The parts of a cloud, put together. */
export interface CloudParts {
  readonly event: EventBus
  readonly network: NetworkManager
  readonly outbox: Promise<Outbox>
  readonly sender: Sender
  readonly inbound: Inbound
  readonly periodic: Periodic
}

/** The composition root of a cloud: the one place that knows all parts. Does no I/O in this turn. */
export function assemble(
  service: Service,
  account: LiveAccount,
  receiveAddress: ReceiveAddress,
  options: CloudOptions & Pick<Endpoints, 'enableInbound'>,
  ports: CloudPorts = {},
): CloudParts {
  const networks = readNetworks(options.network)
  const { enableInbound = service.listens } = options
  if (enableInbound) receiveAddress.required()
  const clock = ports.clock ?? systemClock()
  const logger = loggerFor(service.className, options.logger)
  const bus = new CoreEventBus<HologramEvents>(logger)
  const onError = (error: HalyardError): void => {
    logger.error({ err: error }, error.message)
    bus.emit('error', error)
  }
  const ownsOutbox = !(options.outbox instanceof Outbox)
  const outbox = openOutbox(options, onError)
  const network = new CloudNetworkManager(networks, {
    connected() {
      sender.release()
      bus.emit('network.connected')
    },
    disconnected() {
      sender.hold()
      bus.emit('network.disconnected')
    },
  })
  const sender = new Sender({
    service,
    account: () => account.current,
    outbox,
    ownsOutbox,
    connector: ports.connector ?? tcp(),
    clock,
    logger,
    up: network.isConnected(),
    onSent: (result) => bus.emit('message.sent', result),
    onError,
  })
  account.onChange = () => sender.follow()
  const inbound = new Inbound({
    endpoint: () => receiveAddress.required(),
    listener: ports.listener ?? tcpListener(),
    limits: ports.inbound,
    clock,
    logger,
    onMessage: (message) => bus.emit('message.received', message),
    onError,
    onListening({ port }) {
      receiveAddress.port = port
    },
  })
  if (enableInbound) inbound.start(options.enableInbound === undefined ? 'by default' : 'asked for')
  const periodic = new Periodic(clock, onError)
  return { event: documentedBus(bus), network, outbox, sender, inbound, periodic }
}

/** Opened in a later turn. When it fails, the event and the log have it, and every call that needs it rejects with it. */
function openOutbox({ outbox: given, logger }: CloudOptions, onError: (error: HalyardError) => void): Promise<Outbox> {
  if (given instanceof Outbox) return Promise.resolve(given)
  const opening = Promise.resolve().then(() => Outbox.open(given, { logger }))
  opening.catch((error: unknown) => {
    onError(
      error instanceof HalyardError ? error : new HalyardError('ERR_HOLOGRAM_OUTBOX', String(error), { cause: error }),
    )
  })
  return opening
}

/** The bus under the names of the documents. */
function documentedBus(bus: CoreEventBus<HologramEvents>): EventBus {
  return {
    subscribe(event, callback) {
      if (typeof callback !== 'function') {
        throw new UsageError('ERR_USAGE', `subscribe('${event}', …) needs a function, not ${typeof callback}`)
      }
      bus.on(event, callback)
    },
    unsubscribe: (event, callback) => bus.off(event, callback),
  }
}

/** The one place where the hub is put together. docs/guide/hub.md */
import type { Socket } from 'node:net'
import { loggerFor } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import { nodeClock, nodeDisk } from '@halyard/core/node'
import type { Disk, LogCommit } from '@halyard/core/node'
import type { Hub } from './api.ts'
import type { HubConfig } from './config.ts'
import { Removal } from './admin/removal.ts'
import { removeRunningFile, writeRunningFile } from './admin/running-file.ts'
import type { Peer } from './domain/devices.ts'
import { HologramAccounts } from './domain/accounts.ts'
import { ApiTokens } from './domain/api-tokens.ts'
import { originOf } from './domain/message.ts'
import { MessageBus } from './domain/message-bus.ts'
import { MessageLog } from './domain/message-log.ts'
import { isSetUp, sampleAccounts } from './first-start.ts'
import { sweepHistory } from './history-sweep.ts'
import { requestsOverHttp } from './emitter/requests-over-http.ts'
import { sendToDevice } from './hologram/send-to-device.ts'
import { startHologram } from './hologram/start.ts'
import { FrontDoor } from './listen/front-door.ts'
import { addressKey, peerOf } from './listen/addresses.ts'
import { HttpService } from './listen/http.ts'
import { openListeners } from './listen/listeners.ts'
import type { FrontDoorOptions } from './listen/front-door.ts'
import { readTls } from './listen/read-tls.ts'
import { SocketTransport } from './listen/socket-transport.ts'
import { WebSocketDoor } from './listen/websocket-door.ts'
import { Commits } from './metrics/commits.ts'
import { Metrics } from './metrics/metrics.ts'
import { MqttAccounts } from './domain/mqtt-accounts.ts'
import { startMqtt } from './mqtt/start.ts'
import type { Publication } from './mqtt/publication.ts'
import { StoredPublications } from './mqtt/stored-publication.ts'
import { openEmitter } from './open-emitter.ts'
import { AccountBook } from './mqtt-account-book.ts'
import { MEMORY, resolveOptions } from './options.ts'
import type { CheckedOptions, HubOptions } from './options.ts'
import type { HubAccounts, HubReady } from './ready.ts'
import { repeatedLogger } from './repeated-logger.ts'
import { RestApi } from './rest/rest-api.ts'
import { RunningHub } from './running-hub.ts'
import { SampleFile } from './sample-file.ts'
import { ScryptPasswords } from './passwords.ts'
import { KeyHasher, TOKEN_MINT, randomWord } from './secrets.ts'
import { filterMessages } from './store/history-rules.ts'
import { closeStore, openDiskStore, openMemoryStore } from './store/open-store.ts'
import type { Store } from './store/open-store.ts'
import { JournalMessageHistory } from './store/journal-message-history.ts'
import { MemoryMessageHistory } from './store/memory-message-history.ts'
import { MemoryMessages } from './store/memory-messages.ts'
import { encodeMessageRecord } from './store/record.ts'
import { VERSION } from './version.ts'
import { startVitals } from './vitals.ts'

/**
 * Starts a hub in this process; `halyard hub` is the same as a program. It listens when the promise resolves, and keeps
 * the process alive until it is closed.
 *
 * @example
 * ```ts
 * import { createHub } from '@halyard/hub'
 * await using hub = await createHub({ data: ':memory:', ports: 'ephemeral' })
 * console.log(hub.ready.event, hub.accounts.hologram?.cloud_id.length) // ready 4
 * ```
 *
 * @throws {UsageError} `ERR_USAGE`, `ERR_USAGE_PORT`, `ERR_HUB_MQTT_ANONYMOUS`, `ERR_CONFIG_FILE`, `ERR_HUB_CONFIG`, `ERR_HUB_TLS`, `ERR_HUB_HOST`
 * @throws {ConnectionError} `ERR_HUB_PORT_IN_USE`, `ERR_HUB_PORT_PERMISSION`, `ERR_HUB_LISTEN`
 * @throws {StorageError} `ERR_STORE_…` (another hub has the directory, no permission, not a directory, disk full),
 * `ERR_HUB_FILE`, `ERR_HUB_NEWER_DATA`, `ERR_HUB_JOURNAL`, `ERR_HUB_INDEX`
 */
export function createHub(options: HubOptions = {}): Promise<Hub> {
  return openHub(options, { disk: nodeDisk(), clock: nodeClock() })
}

export interface HubPorts {
  readonly disk: Disk
  readonly clock: Clock
}

/** {@link createHub} on another disk and another clock: for tests of what goes wrong. */
export async function openHub(options: HubOptions, { disk, clock }: HubPorts): Promise<Hub> {
  const { checked, config } = await resolveOptions(options)
  const tls = await readTls(config.tls)
  const logger = loggerFor('Hub', options.logger)
  const where = checked.data === MEMORY ? undefined : { disk, directory: checked.data }
  const flood = repeatedLogger(logger, clock)
  const commits = new Commits(flood)
  const journal = { ...config.journal, onCommit: (commit: LogCommit) => commits.observe(commit) }
  const store = where
    ? await openDiskStore(checked.data, { disk, clock, logger, ...journal })
    : openMemoryStore({ clock })
  try {
    return await startHub({ checked, config, tls, store, where, commits, disk, clock, logger, flood })
  } catch (error) {
    await closeStore(store)
    throw error
  }
}

interface HubParts {
  readonly checked: CheckedOptions
  readonly config: HubConfig
  readonly tls: FrontDoorOptions['tls']
  readonly store: Store
  readonly where: { readonly disk: Disk; readonly directory: string } | undefined
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  /** What others may repeat is told once a minute. */
  readonly flood: Logger
  readonly commits: Commits
}

/** Accounts first, then ports: whoever can connect finds everything there. */
async function startHub(parts: HubParts): Promise<Hub> {
  const { checked, config, tls, store, where, disk, clock, logger, flood, commits } = parts
  const { journal, index, secrets } = store
  for (const name of checked.unused)
    logger.warn({ name }, `ports.${name}: this version has no such service; not opened`)
  const bus = new MessageBus()
  const accounts = new HologramAccounts(index.registry)
  const tokens = new ApiTokens(index.registry, TOKEN_MINT)
  const mqttAccounts = new MqttAccounts(index.registry)
  const hasher = new KeyHasher(secrets.keySecret)
  const localToken = TOKEN_MINT.make()
  const now = new Date(clock.now())
  if (where) await tellLoss(where.directory, store, logger)
  const sampleFile = where && new SampleFile(disk, where.directory)
  const { registry } = index
  const { emitterKeys, emitterLicense, keyBook, ...emitterParts } = await openEmitter({
    checked,
    config: config.emitter,
    secrets,
    registry,
    clock,
    logger: flood,
    samples: sampleFile,
  })
  const samples = await sampleAccounts(
    { accounts, tokens, mqttAccounts, emitterKeys, emitterLicense, registry, hasher, now },
    sampleFile,
  )
  const messages = new MessageLog({ journal, bus, hubId: secrets.hubId, codec: { encode: encodeMessageRecord } })
  const hologram = await startHologram({
    config: config.hologram,
    directory: where?.directory,
    accounts,
    keys: hasher,
    messages,
    journal,
    history: index.history,
    userAgent: `halyard-hub/${VERSION}`,
    disk,
    clock,
    logger: flood,
  })

  const vitals = await startVitals({ store, directory: where?.directory, config, clock, logger, flood })
  const passwords = new ScryptPasswords()
  const storedMessages = where
    ? new JournalMessageHistory({
        log: messages,
        journal,
        history: index.history,
        hubId: secrets.hubId,
        originOf,
        clock,
        codec: new StoredPublications(clock),
        isFull: () => vitals.diskFull(),
      })
    : new MemoryMessageHistory<Publication>(clock)
  const emitter = emitterParts.start(storedMessages)
  const mqtt = await startMqtt({
    limits: config.mqtt.limits,
    overflow: config.mqtt.overflow,
    accounts: mqttAccounts,
    passwords,
    store: new MemoryMessages(),
    journal: store.reader && {
      journal,
      reader: store.reader,
      isFull: () => vitals.diskFull(),
      isTight: () => vitals.diskTight(),
    },
    history: storedMessages,
    others: emitter.dialect,
    anonymous: checked.mqttAnonymous,
    version: VERSION,
    sysInterval: config.mqtt.sysInterval,
    clock,
    logger: flood,
  }).catch(async (error: unknown) => {
    vitals.close()
    emitter.close()
    await hologram.close()
    throw error
  })
  emitter.attach((isOver, keys) => mqtt.server.endSubscriptions(isOver, keys))

  try {
    const startedAt = clock.monotonic()
    const uptime = (): number => Math.round(clock.monotonic() - startedAt) / 1000
    const hashToken = (token: string): string => TOKEN_MINT.hash(token)
    const removal = new Removal({ accounts, mqttAccounts, tokens, samples: sampleFile, hashToken })
    const rest = new RestApi({
      removal,
      mqttAccounts: new AccountBook({
        accounts: mqttAccounts,
        passwords,
        mint: TOKEN_MINT,
        forgetSample: (username) => removal.mqttSample(username),
        remove: (username) => removal.mqttAccount(username),
      }),
      emitterKeys: keyBook,
      emitter: requestsOverHttp(emitter),
      tokens,
      localToken,
      accounts,
      devices: hologram.devices,
      pushes: hologram.pushes,
      keys: { word: randomWord, hash: (id, key) => hasher.hash(id, key) },
      history: index.history,
      filterMessages,
      bus,
      hubId: secrets.hubId,
      clock,
      logger: flood,
      backups: store.onDisk?.backups,
      metrics: () => metrics.read(),
      limits: { ...config.front.limits, pushBytes: config.hologram.push.messageBytes },
      addressKey,
    })
    const webSockets = new WebSocketDoor({
      frameBytes: config.mqtt.limits.packetBytes + 65_536,
      peerOf: (request) => peerOf(request.socket.remoteAddress),
      onConnection: (transport) => mqtt.server.accept(transport),
    })
    const http = await HttpService.create({
      upgrade: (request, socket, head) => webSockets.accept(request, socket, head),
      limits: config.front.limits,
      routes: rest.routes,
      health: () => ({
        status: vitals.status,
        version: VERSION,
        services: {
          hologram: {
            connections: listeners.hologram.connections,
            refused: listeners.hologram.refused,
            sms: hologram.smsBacklog,
          },
          mqtt: { ...mqtt.health(), refused: listeners.mqtt.refused },
        },
        uptime: uptime(),
        ...vitals.health(),
        messages: { watchers: bus.subscribers, dropped: bus.dropped },
      }),
    })
    const metrics = new Metrics(VERSION, () => ({
      uptime: uptime(),
      commits,
      ...vitals.snapshot(),
      mqtt: { ...mqtt.health(), refused: listeners.mqtt.refused, counters: mqtt.server.broker.counters },
      hologram: {
        connections: listeners.hologram.connections,
        refused: listeners.hologram.refused,
        smsQueued: hologram.smsBacklog.queued,
      },
      messages: { watchers: bus.subscribers, dropped: bus.dropped },
    }))
    const { firstByteTimeout } = config.front.limits
    const doors = { firstByteTimeout, clock, logger: flood }
    const mqttBehind =
      (door: 'front' | 'mqtt') =>
      (socket: Socket, peer: Peer): void =>
        mqtt.server.accept(new SocketTransport(socket, { door, peer }))
    const door = new FrontDoor({
      name: 'front',
      ...doors,
      // Whoever is asked for a certificate and is a browser asks its user, or gives up: not on this port.
      tls: tls && { cert: tls.cert, key: tls.key },
      http: (socket) => http.accept(socket),
      mqtt: mqttBehind('front'),
    })
    const mqttDoor = new FrontDoor({ name: 'mqtt', ...doors, tls, mqtt: mqttBehind('mqtt') })
    const { cloudSocket } = hologram
    const listeners = await openListeners({
      host: checked.host,
      ports: checked.ports,
      served: {
        hologram: { limits: config.hologram.limits, accept: (socket, peer) => cloudSocket.accept(socket, peer) },
        mqtt: { limits: config.mqtt.limits, accept: (socket, peer) => mqttDoor.accept(socket, peer) },
        front: { limits: config.front.limits, accept: (socket, peer) => door.accept(socket, peer) },
      },
      logger: flood,
    }).catch(async (error: unknown) => {
      await http.close()
      throw error
    })
    const url = `http://${urlHost(checked.host)}:${listeners.front.port}`
    if (where) await writeRunningFile(disk, where.directory, { url, token: localToken })
    const sweep = sweepHistory(index.history, config.history, clock, logger)

    const ports = {
      front: listeners.front.port,
      mqtt: listeners.mqtt.port,
      hologram: listeners.hologram.port,
    }
    const shown: HubAccounts = {
      ...(samples.mqtt && { mqtt: samples.mqtt }),
      ...(samples.hologram && { hologram: samples.hologram }),
      ...(samples.emitter && { emitter: samples.emitter }),
      ...(samples.console && { console: { url: `${url}/console/`, token: samples.console.token } }),
    }
    const ready: HubReady = { event: 'ready', data: checked.data, ports, ...shown }
    logger.info({ data: checked.data, host: checked.host, ports }, 'the hub is ready')
    return new RunningHub({
      ready,
      accounts: shown,
      bus,
      sendToDevice: sendToDevice(hologram.pushes, clock),
      clock,
      logger,
      doors: [
        {
          drain: () => {
            listeners.hologram.stopAccepting()
            cloudSocket.drain()
          },
          drained: () => listeners.hologram.drained(),
          destroy: () => listeners.hologram.destroy(),
        },
        {
          drain: () => {
            listeners.mqtt.stopAccepting()
            mqttDoor.drain()
            mqtt.server.drain()
          },
          drained: () => mqtt.server.drained(),
          destroy: () => listeners.mqtt.destroy(),
        },
        {
          drain: () => {
            listeners.front.stopAccepting()
            door.drain()
            http.drain()
            rest.drain()
          },
          drained: () => listeners.front.drained(),
          destroy: async () => {
            listeners.front.destroy()
            await http.close()
          },
        },
      ],
      closeStore: async () => {
        sweep.cancel()
        vitals.close()
        await hologram.close()
        await mqtt.close()
        emitter.close()
        emitterKeys[Symbol.dispose]()
        mqttAccounts[Symbol.dispose]()
        accounts[Symbol.dispose]()
        tokens[Symbol.dispose]()
        if (where) await removeRunningFile(disk, where.directory)
        await closeStore(store)
      },
    })
  } catch (error) {
    vitals.close()
    emitter.close()
    await hologram.close()
    await mqtt.close()
    throw error
  }
}

/**
 * Nobody connects before the first start has made everything: a journal with records, or files that come later, of which
 * the registry knows nothing, are what is left of a hub whose SQLite file went.
 */
async function tellLoss(directory: string, { lostIndex, journal, index }: Store, logger: Logger): Promise<void> {
  if (!lostIndex && (journal.committed === 0 || (await isSetUp(index.registry)))) return
  logger.warn(
    { directory },
    'hub.sqlite is gone: all accounts and tokens but the samples are lost, and the messages that the journal does not hold any more; to have them back stop the hub and restore hub.sqlite from a backup',
  )
}

/** Where a program on this machine finds the front door, as a URL has it. */
function urlHost(host: string): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return reachable.includes(':') ? `[${reachable}]` : reachable
}

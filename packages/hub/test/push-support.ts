import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { nodeDisk } from '@halyard/core/node'
import type { Disk } from '@halyard/core/node'
import { VirtualClock } from '@halyard/testkit'
import { onTestFinished } from 'vitest'
import { DEFAULT_CONFIG } from '../src/config.ts'
import { HologramAccounts } from '../src/domain/accounts.ts'
import { Devices } from '../src/domain/devices.ts'
import { MessageBus } from '../src/domain/message-bus.ts'
import { MessageLog } from '../src/domain/message-log.ts'
import type { StoredMessage } from '../src/domain/message.ts'
import { DevicePushes } from '../src/hologram/push/device-pushes.ts'
import type { PushLimits } from '../src/hologram/push/limits.ts'
import { openMemoryStore } from '../src/store/open-store.ts'
import { encodeMessageRecord } from '../src/store/record.ts'
import { RecordingLogger } from './support.ts'

export interface TestDevice {
  readonly host: string
  readonly port: number
  /** What each connection carried until its end, in the order of their ends. */
  readonly messages: string[]
  /** Connections accepted. */
  readonly connections: () => number
  /** Listens no more, and resets what is open. */
  readonly close: () => Promise<void>
}

export type Behaviour = (socket: Socket, keep: (message: string) => void) => void

/** As the original SDK: everything until the end, not a byte back, then it closes. */
export const reads: Behaviour = (socket, keep) => {
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('end', () => {
    keep(Buffer.concat(chunks).toString())
    socket.end()
  })
}

/** A socket on which a device listens. */
export async function openDevice(
  behave: Behaviour = reads,
  where: { readonly host?: string; readonly port?: number } = {},
): Promise<TestDevice> {
  const messages: string[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    connections++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    behave(socket, (message) => messages.push(message))
  })
  server.listen({ host: '127.0.0.1', port: 0, ...where })
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.resetAndDestroy()
    await closed
  }
  onTestFinished(close)
  const { address: host, port } = server.address() as AddressInfo
  return { host, port, messages, connections: () => connections, close }
}

/** A port on which nobody listens. */
export async function closedPort(): Promise<number> {
  const device = await openDevice()
  await device.close()
  return device.port
}

export interface TestPushes {
  readonly pushes: DevicePushes
  readonly accounts: HologramAccounts
  readonly devices: Devices
  readonly clock: VirtualClock
  readonly log: RecordingLogger
  /** The device is heard of, as if it had sent a message from there. */
  readonly hear: (cloudId: string, host?: string) => void
  readonly push: (
    cloudId: string,
    text: string,
    to: { readonly port: number; readonly host?: string },
  ) => Promise<string>
  /** What the hub's history has of messages that went out. */
  readonly history: () => Promise<readonly StoredMessage[]>
  readonly closeJournal: () => Promise<void>
}

/** Messages to devices without the rest of a hub, on a clock that stands still. */
export async function openPushes(
  options: {
    readonly path?: string
    readonly disk?: Disk
    readonly clock?: VirtualClock
    readonly accounts?: readonly string[]
    readonly limits?: Partial<PushLimits>
  } = {},
): Promise<TestPushes> {
  const { path, disk = nodeDisk(), clock = new VirtualClock(), limits } = options
  const log = new RecordingLogger()
  const { journal, index, secrets } = openMemoryStore({ clock })
  const accounts = new HologramAccounts(index.registry)
  for (const cloudId of options.accounts ?? ['ab12']) await accounts.create({ cloudId, keyHash: 'x' })
  const bus = new MessageBus()
  const messages = new MessageLog({ journal, bus, hubId: secrets.hubId, codec: { encode: encodeMessageRecord } })
  const devices = new Devices('hologram', index.history)
  const pushes = await DevicePushes.open({
    path,
    disk,
    clock,
    logger: log,
    accounts,
    devices,
    messages,
    random: () => 0.5,
    limits: { ...DEFAULT_CONFIG.hologram.push, ...limits },
  })
  onTestFinished(() => pushes.close().catch(() => {}))
  return {
    pushes,
    accounts,
    devices,
    clock,
    log,
    closeJournal: () => journal.close(),
    hear: (cloudId, host = '127.0.0.1') =>
      devices.seen(cloudId, { address: host, host, lastSeenAt: new Date(clock.now()) }),
    push: async (cloudId, text, { host = '127.0.0.1', port }) => {
      const { id } = await pushes.push({ cloudId, payload: new TextEncoder().encode(text), host, port })
      return id
    },
    history: async () => (await index.history.query({ space: 'hologram', direction: 'out', limit: 1000 })).messages,
  }
}

import type { Socket } from 'node:net'
import type { Logger } from '@halyard/core'
import type { Peer } from '../domain/devices.ts'
import { TcpListener } from './tcp-listener.ts'

type Name = 'front' | 'hologram' | 'mqtt'

/** One for each port of the hub. */
export type Listeners = Readonly<Record<Name, TcpListener>>

/** What a port lets in, and who takes it. */
export interface Served {
  readonly limits: { readonly connections: number; readonly connectionsPerAddress: number }
  readonly accept: (socket: Socket, peer: Peer) => void
}

export interface ListenersOptions {
  readonly host: string
  readonly ports: Readonly<Record<Name, number>>
  readonly served: Readonly<Record<Name, Served>>
  readonly logger: Logger
}

/**
 * All or none.
 *
 * @throws {ConnectionError} `ERR_HUB_PORT_IN_USE`, `ERR_HUB_PORT_PERMISSION`, `ERR_HUB_LISTEN`
 * @throws {UsageError} `ERR_HUB_HOST`
 */
export async function openListeners({ host, ports, served, logger }: ListenersOptions): Promise<Listeners> {
  const opened: TcpListener[] = []
  const open = async (name: Name): Promise<TcpListener> => {
    const { limits, accept } = served[name]
    const { connections, connectionsPerAddress } = limits
    const listener = await TcpListener.open({
      name,
      host,
      port: ports[name],
      logger,
      connections,
      connectionsPerAddress,
      onConnection: accept,
    })
    opened.push(listener)
    return listener
  }
  try {
    return { hologram: await open('hologram'), mqtt: await open('mqtt'), front: await open('front') }
  } catch (error) {
    for (const listener of opened) {
      listener.stopAccepting()
      listener.destroy()
    }
    throw error
  }
}

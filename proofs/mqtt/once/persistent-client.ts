import { setTimeout as wait } from 'node:timers/promises'
import type { Packet, ProtocolVersion } from '@halyard/wire/mqtt'
import { MqttClient } from '../client.ts'
import type { Server } from '../servers.ts'
import type { Faults } from './faults.ts'

/** What a client does with its connections; its state is what outlives them. */
export interface Role {
  /** A connection of the session has begun. */
  begin(client: MqttClient): void
  receive(client: MqttClient, packet: Packet): void
  /** The server has no session any more; `begin` follows. */
  forget(): void
}

export interface PersistentOptions {
  readonly server: Server
  readonly clientId: string
  readonly version: ProtocolVersion
  readonly role: Role
  readonly faults: Faults
  readonly receiveMaximum?: number
}

/** Connects again and again until it is stopped, with one session from the first connection to the last. */
export class PersistentClient {
  /** Connections that were made. */
  connections = 0
  /** Of them those for which the server had forgotten the session. */
  lostSessions = 0
  /** Of them those on which something came that is no MQTT. */
  malformed = 0
  readonly #options: PersistentOptions
  readonly #running: Promise<void>
  #client: MqttClient | undefined
  #isStopped = false

  constructor(options: PersistentOptions) {
    this.#options = options
    this.#running = this.#run()
    this.#running.catch(() => {})
  }

  /** Rejects with what its role has found wrong. */
  get failed(): Promise<never> {
    return this.#running.then(() => new Promise<never>(() => {}))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#client?.cut()
    await this.#running
  }

  async #run(): Promise<void> {
    const { server } = this.#options
    while (!this.#isStopped) {
      const wrong: unknown[] = []
      const client = await this.#connect(wrong)
      if (client !== undefined) await client.closed
      if (client?.problem) this.malformed++
      if (wrong.length > 0) throw wrong[0]
      // Nobody listens at the moment, or it was killed while it answered: the news of that may be on its way.
      await wait(5)
      await server.whenUp()
    }
  }

  async #connect(wrong: unknown[]): Promise<MqttClient | undefined> {
    const { server, clientId, version, role, faults, receiveMaximum } = this.#options
    const early: Packet[] = []
    let isBegun = false
    const take = (client: MqttClient, packet: Packet): void =>
      faults.receives(client, packet, () => {
        try {
          role.receive(client, packet)
        } catch (error) {
          wrong.push(error)
          client.cut()
        }
      })
    const options = {
      clientId,
      version,
      receiveMaximum,
      // What comes with CONNACK is looked at when it is known what CONNACK says.
      onPacket: (packet: Packet, client: MqttClient) => (isBegun ? take(client, packet) : void early.push(packet)),
    }
    const client = await MqttClient.open(await server.whenUp(), options).catch(() => undefined)
    if (client === undefined) return undefined
    this.#client = client
    if (this.connections++ > 0 && !client.sessionPresent) {
      this.lostSessions++
      role.forget()
    }
    role.begin(client)
    isBegun = true
    for (const packet of early) take(client, packet)
    return client
  }
}

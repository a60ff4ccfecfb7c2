/** What all driven clients look like to a test: interop/mqtt has the programs behind them. */
import { onTestFinished } from 'vitest'
import { until } from '../../../support.ts'

type UserProperties = Readonly<Record<string, string | readonly string[]>>

/** Names are those of MQTT.js. */
export interface Properties {
  readonly [name: string]: string | number | boolean | UserProperties | readonly number[] | undefined
  readonly userProperties?: UserProperties
  readonly responseTopic?: string
}

export interface Outgoing {
  readonly topic: string
  /** Bytes as latin1. */
  readonly payload: string
  readonly qos?: 0 | 1 | 2
  readonly retain?: boolean
  readonly properties?: Properties
}

export interface ConnectOptions {
  readonly url: string
  readonly protocolVersion: 3 | 4 | 5
  readonly clientId?: string
  readonly username?: string
  readonly password?: string
  readonly clean?: boolean
  readonly keepalive?: number
  readonly will?: Outgoing
  readonly properties?: Properties
  /** A path. */
  readonly ca?: string
  /** paho: comes again by itself. */
  readonly reconnect?: boolean
  /** MQTT.js: milliseconds; 0, never */
  readonly reconnectPeriod?: number
  readonly resubscribe?: boolean
  readonly autoUseTopicAlias?: boolean
  readonly autoAssignTopicAlias?: boolean
  /** MQTT.js, for 3.1 */
  readonly protocolId?: string
}

export interface Filter {
  readonly filter: string
  readonly qos?: 0 | 1 | 2
  readonly noLocal?: boolean
  readonly retainAsPublished?: boolean
  readonly retainHandling?: 0 | 1 | 2
}

export interface Incoming {
  readonly topic: string
  readonly payload: string
  readonly qos: number
  readonly retain: boolean
  readonly dup: boolean
  readonly properties?: Properties
}

export interface Connected {
  readonly sessionPresent: boolean
  readonly reasonCode: number
  readonly properties?: Properties
}

export type ClientEvent =
  | ({ readonly event: 'message' } & Incoming)
  | ({ readonly event: 'connect' } & Connected)
  | { readonly event: 'close' | 'disconnect' | 'pong'; readonly reasonCode?: number }

/** What a program answers: to a command, or by itself. */
export type Line =
  | { readonly id: number; readonly result?: unknown; readonly error?: string; readonly reasonCode?: number }
  | ({ readonly client: string } & ClientEvent)

/** What the library said when something failed. */
export class ClientError extends Error {
  readonly reasonCode: number | undefined

  constructor(message: string, reasonCode: number | undefined) {
    super(message)
    this.reasonCode = reasonCode
  }
}

/** A program with clients in it. */
export abstract class Driver {
  readonly #calls = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  readonly #clients = new Map<string, Client>()
  #ids = 0

  protected abstract write(line: string): void
  /** Without a word to anybody: SIGKILL, or a tab that is closed. */
  abstract kill(): void

  client(name = `c${this.#clients.size}`): Client {
    const client = new Client(this, name)
    this.#clients.set(name, client)
    return client
  }

  call(client: string, action: string, args: object): Promise<unknown> {
    const id = ++this.#ids
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject })
      this.write(JSON.stringify({ ...args, id, client, action }))
    })
  }

  protected read(text: string): void {
    const line = JSON.parse(text) as Line
    if ('client' in line) {
      this.#clients.get(line.client)?.tell(line)
      return
    }
    const call = this.#calls.get(line.id)
    this.#calls.delete(line.id)
    if (line.error === undefined) call?.resolve(line.result)
    else call?.reject(new ClientError(line.error, line.reasonCode))
  }

  protected over(why: string): void {
    for (const { reject } of this.#calls.values()) reject(new Error(why))
    this.#calls.clear()
  }
}

/** One client of a program. */
export class Client {
  readonly name: string
  readonly events: ClientEvent[] = []
  readonly messages: Incoming[] = []
  readonly #driver: Driver

  constructor(driver: Driver, name: string) {
    this.#driver = driver
    this.name = name
  }

  tell(event: ClientEvent): void {
    if (event.event === 'message') this.messages.push(event)
    else this.events.push(event)
  }

  async connect(options: ConnectOptions): Promise<Connected> {
    const connected = (await this.#call('connect', options)) as Connected
    // A test that fails leaves nobody behind who comes again.
    onTestFinished(() => void this.disconnect().catch(() => {}))
    return connected
  }

  /** The codes of SUBACK. */
  async subscribe(filters: string | readonly Filter[], qos: 0 | 1 | 2 = 0, properties?: Properties): Promise<number[]> {
    const list = typeof filters === 'string' ? [{ filter: filters, qos }] : filters
    return ((await this.#call('subscribe', { filters: list, properties })) as { codes: number[] }).codes
  }

  async unsubscribe(...filters: string[]): Promise<number[]> {
    return ((await this.#call('unsubscribe', { filters })) as { codes: number[] }).codes
  }

  /** Resolves with its acknowledgement; the reason code of 5.0, if the library shows it. */
  async publish(
    topic: string,
    payload: string,
    options: Omit<Outgoing, 'topic' | 'payload'> = {},
  ): Promise<number | undefined> {
    return ((await this.#call('publish', { topic, payload, ...options })) as { reasonCode?: number }).reasonCode
  }

  /** `0`, `1` … at once. */
  async publishMany(topic: string, count: number, options: { readonly qos?: 0 | 1 | 2 } = {}): Promise<void> {
    await this.#call('publishMany', { topic, count, ...options })
  }

  async disconnect(options: { readonly reasonCode?: number; readonly properties?: Properties } = {}): Promise<void> {
    await this.#call('disconnect', options)
  }

  /** Its connection goes without DISCONNECT; its process lives. */
  async cut(): Promise<void> {
    await this.#call('cut', {})
  }

  /** The first `count` messages, when they are there. */
  async received(count: number): Promise<readonly Incoming[]> {
    await until(
      `${this.name} gets ${count} messages (it has ${this.messages.length})`,
      () => this.messages.length >= count,
    )
    return this.messages.slice(0, count)
  }

  payloads(): string[] {
    return this.messages.map(({ payload }) => payload)
  }

  async happened(event: ClientEvent['event'], count = 1): Promise<ClientEvent> {
    const found = (): ClientEvent[] => this.events.filter((one) => one.event === event)
    await until(`${this.name}: '${event}'`, () => found().length >= count)
    return found()[count - 1] as ClientEvent
  }

  #call(action: string, args: object): Promise<unknown> {
    return this.#driver.call(this.name, action, args)
  }
}

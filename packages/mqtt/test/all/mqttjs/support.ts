/** MQTT.js 5.16.0, unchanged, in this process; `make testAll` installs it into interop/. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { FaultProxy } from '@halyard/testkit'
import { onTestFinished } from 'vitest'

export interface JsPacket {
  readonly cmd: string
  readonly topic?: string
  readonly payload?: Uint8Array
  readonly messageId?: number
  readonly dup?: boolean
  readonly qos?: number
}

type Done = (error?: (Error & { code?: number | string }) | null) => void

/** Of MQTT.js what the comparisons need. */
export interface JsClient extends EventEmitter {
  readonly connected: boolean
  readonly reconnecting: boolean
  readonly options: Readonly<Record<string, unknown>>
  readonly stream: { destroy(): void }
  handleMessage: (packet: JsPacket, done: Done) => void
  publish(topic: string, payload: string, options: object, done?: Done): this
  publishAsync(topic: string, payload: string, options?: object): Promise<JsPacket | undefined>
  subscribe(topics: string | readonly string[], options: object, done: Done): this
  subscribeAsync(topics: string | readonly string[], options?: object): Promise<{ topic: string; qos: number }[]>
  end(force?: boolean, done?: () => void): this
  endAsync(force?: boolean): Promise<void>
  connect(): this
  reconnect(): this
  getLastMessageId(): number
  removeOutgoingMessage(id: number): this
}

interface Library {
  connect(url: string, options?: object): JsClient
  connectAsync(url: string, options?: object, allowRetries?: boolean): Promise<JsClient>
  readonly UniqueMessageIdProvider: new () => { allocate(): number | null }
}

export const INTEROP: URL = new URL('../../../../../interop/package.json', import.meta.url)

export const library = createRequire(INTEROP)('mqtt') as Library

/** It comes again soon, and ends with the test. */
export function js(url: string, options: object = {}): JsClient {
  return endsWithTest(library.connect(url, { reconnectPeriod: 10, ...options }))
}

export function endsWithTest(client: JsClient): JsClient {
  onTestFinished(() => void client.end(true))
  return client
}

export async function jsConnected(url: string, options: object = {}): Promise<JsClient> {
  const client = js(url, options)
  await event(client, 'connect')
  return client
}

/** The next time; unlike `once` of Node.js it does not reject for an `error` beside. */
export function event<T>(client: JsClient, name: string): Promise<T> {
  return new Promise((resolve) => void client.once(name, resolve))
}

/** The events of a client as they come. */
export function eventsOf(
  client: { on(event: string, listener: () => void): unknown },
  names: readonly string[],
): string[] {
  const seen: string[] = []
  for (const name of names) client.on(name, () => seen.push(name))
  return seen
}

/** What a callback is called with, or `undefined` as long as it is not. */
export class Answer {
  calls: (Error | undefined)[] = []
  readonly done: Done = (error) => void this.calls.push(error ?? undefined)
}

/** The error of a promise of MQTT.js. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: number | string }> {
  return promise.then(
    () => {
      throw new Error('it did not fail')
    },
    (error: unknown) => error as Error,
  )
}

/** Nobody listens there. */
export async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A cable to a server, which can be cut. */
export async function cable(port: number): Promise<FaultProxy & { readonly url: string }> {
  const proxy = await FaultProxy.open({ target: { port } })
  onTestFinished(() => proxy.close())
  return Object.assign(proxy, { url: `mqtt://127.0.0.1:${proxy.port}` })
}

/** What happens in the next turns has happened. */
export async function turns(count = 50): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** A program of its own, with `mqtt` of interop and `@halyard/mqtt` as it is built. */
export function program(code: string): ChildProcess & { readonly ended: Promise<number | null> } {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    stdio: ['ignore', 'pipe', 'ignore'],
    cwd: new URL('.', INTEROP),
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return Object.assign(child, { ended })
}

export const OURS: string = new URL('../../../dist/index.js', import.meta.url).href

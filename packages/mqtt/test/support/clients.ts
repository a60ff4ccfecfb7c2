import { createMqttServer } from '@halyard/hub/mqtt'
import type { MqttServer, MqttServerOptions } from '@halyard/hub/mqtt'
import type { HalyardError } from '@halyard/core'
import { onTestFinished } from 'vitest'
import type { MqttPorts } from '../../src/engine.ts'
import { MqttClient } from '../../src/index.ts'
import type { MqttEvents, MqttMessage, MqttOptions, Subscription } from '../../src/index.ts'

/** A new try follows at once, and what is tried seldom is tried soon: tests of the waits have clocks of their own. */
const SOON = { base: 0.002, cap: 0.01 }

/** A client that ends with the test, if the test does not end it. */
export function clientOf(url: string, options: MqttOptions = {}, ports: MqttPorts = {}): MqttClient {
  const client = new MqttClient(url, { reconnect: SOON, ...options }, ports)
  onTestFinished(async () => {
    await client.close()
  })
  return client
}

export async function connected(url: string, options: MqttOptions = {}, ports: MqttPorts = {}): Promise<MqttClient> {
  const client = clientOf(url, options, ports)
  await client.connected()
  return client
}

export async function hub(options: MqttServerOptions = {}): Promise<MqttServer & { readonly url: string }> {
  const server = await createMqttServer({ port: 0, sysInterval: 0, ...options })
  onTestFinished(() => server.close())
  return Object.assign(server, { url: `mqtt://127.0.0.1:${server.port}` })
}

/** The next time that this happens. */
export function happens<E extends keyof MqttEvents>(client: MqttClient, event: E): Promise<MqttEvents[E][0]> {
  return new Promise((resolve) => {
    const once = (...args: MqttEvents[E]): void => {
      client.off(event, once)
      resolve(args[0])
    }
    client.on(event, once)
  })
}

/** So many messages of a subscription, whose loop then ends. */
export async function take(subscription: Subscription, count: number): Promise<MqttMessage[]> {
  const messages: MqttMessage[] = []
  if (count === 0) return messages
  for await (const message of subscription) {
    messages.push(message)
    if (messages.length === count) break
  }
  return messages
}

export async function texts(subscription: Subscription, count: number): Promise<string[]> {
  return (await take(subscription, count)).map((message) => message.text())
}

/** What a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<HalyardError> {
  let value: unknown
  try {
    value = await promise
  } catch (error) {
    return error as HalyardError
  }
  throw new Error(`it did not fail, but gave ${JSON.stringify(value)}`)
}

/** Waits in turns of the event loop: for what the next packets bring. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !condition();) {
    if (Date.now() > end) throw new Error(`it did not come to ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** Brokers for tests: recordings of conversations, and the lines that all of them have. */
import { connect } from '@halyard/emitter'
import type { ConnectOptions, Emitter, EmitterPorts, Subscription } from '@halyard/emitter'
import type { RecordedStep } from '@halyard/testkit'

export const KEY = 'EjS03Fqu19zM2UtaiInu3X9Dd5FqK_Jm'
export const MASTER = 'AQI40urwzfMvqUSB1AA3GzEK_m32YJI_'

/** CONNECT and CONNACK, as every recording begins. */
export const HELLO: readonly RecordedStep[] = [
  { client: "10 [ ('MQTT') 04 02 001e (<client:*>) ]" },
  { server: '20 02 00 00' },
]
export const UNAUTHORISED =
  '"status":401,"message":"the security key provided is not authorized to perform this operation"}'

export function asks(name: string, json: string, id = 'id'): RecordedStep {
  return { client: `32 [ ('emitter/${name}/') <${id}:2> '${json}' ]` }
}

/** The answer to `asks`, and its PUBACK. */
export function answers(name: string, json: string, id = 'id'): readonly RecordedStep[] {
  return [{ server: `30 [ ('emitter/${name}/') '{"req":' <${id}#> ',${json.slice(1)}' ]` }, { server: `40 02 <${id}>` }]
}

export function subscribes(topic: string, id = 'id'): RecordedStep {
  return { client: `82 [ <${id}:2> ('${topic}') 00 ]` }
}

export function granted(id = 'id'): RecordedStep {
  return { server: `90 03 <${id}> 00` }
}

export function sends(channel: string, payload: string): RecordedStep {
  return { server: `30 [ ('${channel}') '${payload}' ]` }
}

/** A client that tries again at once, and never in TLS. */
export function client(port: number, options: ConnectOptions = {}, ports: EmitterPorts = {}): Emitter {
  return connect({ host: '127.0.0.1', port, secure: false, ...options }, { random: () => 0, ...ports })
}

/** The next time that it fires. */
export function once(emitter: Emitter, event: 'connect' | 'disconnect' | 'offline'): Promise<void> {
  return new Promise((resolve) => {
    const told = (): void => {
      emitter.off(event, told)
      resolve()
    }
    emitter.on(event, told)
  })
}

export async function connected(
  port: number,
  options: ConnectOptions = {},
  ports: EmitterPorts = {},
): Promise<Emitter> {
  const emitter = client(port, options, ports)
  await once(emitter, 'connect')
  return emitter
}

export async function take(subscription: Subscription, count: number): Promise<string[]> {
  const texts: string[] = []
  for await (const message of subscription) {
    texts.push(message.asString())
    if (texts.length === count) break
  }
  return texts
}

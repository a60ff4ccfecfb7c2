import { createHub } from '@halyard/hub'
import { onTestFinished } from 'vitest'

/** A hub whose front door takes MQTT over TCP and WebSocket: host and port, and who may come in. */
export async function startHub(): Promise<{
  readonly address: string
  readonly login: { readonly username: string; readonly password: string }
}> {
  const hub = await createHub({ data: ':memory:', ports: 'ephemeral' })
  onTestFinished(() => hub.close())
  const { ports, mqtt } = hub.ready
  return { address: `127.0.0.1:${ports.front}`, login: { username: '', password: '', ...mqtt } }
}

/** The recorded broker: every exchange of vectors/emitter/exchanges.json over a real socket: byte for byte what we send, and what we make of the answers. */
import { readFileSync } from 'node:fs'
import { connect } from '@halyard/emitter'
import type { Emitter, EmitterMessage, Subscription } from '@halyard/emitter'
import { RecordedServer } from '@halyard/testkit'
import type { RecordedStep } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'

interface Exchange {
  readonly name: string
  readonly origin: string
  readonly method: string
  readonly args: readonly unknown[]
  readonly result?: unknown
  readonly state?: string
  readonly granted?: string
  readonly messages?: readonly string[]
  readonly history?: readonly (readonly [id: string, text: string])[]
  readonly failure?: { readonly code: string; readonly status: number }
  readonly steps: readonly RecordedStep[]
}

const file = new URL('../../../vectors/emitter/exchanges.json', import.meta.url)
const { connect: hello, exchanges } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly connect: { readonly client: string; readonly server: string }
  readonly exchanges: readonly Exchange[]
}

describe('the recorded broker', () => {
  it.each(exchanges.map((exchange) => [exchange.name, exchange] as const))('%s', async (_name, exchange) => {
    const { steps, failure } = exchange
    const opening = [{ client: hello.client }, { server: hello.server }]
    await using server = await RecordedServer.open([[...opening, ...steps]])
    await using emitter = connect({ host: '127.0.0.1', port: server.port, secure: false })
    await new Promise<void>((resolve) => void emitter.on('connect', resolve))
    const errors: string[] = []
    emitter.on('error', ({ code }) => errors.push(code))
    const outcome = await call(emitter, exchange).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    )
    await server.played()
    if (failure !== undefined) {
      expect(outcome).toMatchObject({ error: { name: 'EmitterError', ...failure } })
      return
    }
    if ('error' in outcome) throw outcome.error
    expect(errors).toEqual([])
    const { value } = outcome
    if (exchange.result !== undefined) expect(value).toEqual(exchange.result)
    if (exchange.state !== undefined) expect(value).toMatchObject({ state: exchange.state })
    if (exchange.history !== undefined) expect(value).toEqual(exchange.history)
    if (exchange.granted !== undefined) {
      const subscription = value as Subscription
      expect(subscription.channel).toBe(exchange.granted)
      expect(await take(subscription, exchange.messages?.length ?? 0)).toEqual(exchange.messages ?? [])
    }
  })
})

/** The call of an exchange; of a history all it gives. */
async function call(emitter: Emitter, { method, args }: Exchange): Promise<unknown> {
  const calls = emitter as unknown as Record<string, (...args: readonly unknown[]) => unknown>
  const answer = calls[method]!.call(emitter, ...args)
  if (method !== 'history') return answer
  const messages: [string, string][] = []
  for await (const message of answer as AsyncIterable<EmitterMessage & { id: string }>) {
    messages.push([message.id, message.asString()])
  }
  return messages
}

async function take(subscription: Subscription, count: number): Promise<string[]> {
  const texts: string[] = []
  if (count === 0) return texts
  for await (const message of subscription) {
    texts.push(message.asString())
    if (texts.length === count) break
  }
  return texts
}

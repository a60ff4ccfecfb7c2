/** The JavaScript SDK that Emitter's users have, npm's `emitter-io` 1.39.0 with its own MQTT.js 1.11.2, unchanged. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'
import { TL3, UNAUTHORIZED, startEmitterHub } from '../../emitter/support.ts'
import type { EmitterHub } from '../../emitter/support.ts'
import { interop, useClients } from '../mqtt/support/programs.ts'

useClients()

interface Told {
  readonly client: string
  readonly event: string
  readonly data?: unknown
}

class Sdk {
  readonly name: string
  readonly #told: Told[]
  readonly #wake: Set<() => void>
  readonly #write: (line: string) => void

  constructor(name: string, program: { told: Told[]; wake: Set<() => void>; write: (line: string) => void }) {
    this.name = name
    this.#told = program.told
    this.#wake = program.wake
    this.#write = program.write
  }

  /** The next of these events, which is taken. */
  async next(event: string): Promise<unknown> {
    for (;;) {
      const at = this.#told.findIndex((one) => one.client === this.name && one.event === event)
      if (at >= 0) return this.#told.splice(at, 1)[0]?.data
      await new Promise<void>((resolve) => this.#wake.add(resolve))
    }
  }

  /** What the call threw; undefined */
  async call(call: string, argument?: unknown): Promise<unknown> {
    this.#write(JSON.stringify({ client: this.name, call, argument }))
    return this.next('done')
  }

  /** So far. */
  count(event: string): number {
    return this.#told.filter((one) => one.client === this.name && one.event === event).length
  }

  /** All that it asked for before has been answered: requests are, in their order. */
  async settle(): Promise<Readonly<Record<string, unknown>>> {
    await this.call('me')
    return (await this.next('me')) as Readonly<Record<string, unknown>>
  }
}

function startProgram(): (name: string) => Sdk {
  const child = spawn(process.execPath, ['emitter-io.mjs'], {
    cwd: `${interop}/emitter`,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const told: Told[] = []
  const wake = new Set<() => void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    told.push(JSON.parse(line) as Told)
    for (const one of wake) one()
    wake.clear()
  })
  return (name) => new Sdk(name, { told, wake, write: (line) => void child.stdin.write(`${line}\n`) })
}

async function setUp(): Promise<{ hub: EmitterHub; connect: (name: string, more?: object) => Promise<Sdk> }> {
  const hub = await startEmitterHub({ emitterLicense: TL3 })
  const program = startProgram()
  return {
    hub,
    connect: async (name, more = {}) => {
      const sdk = program(name)
      expect(await sdk.call('connect', { host: '127.0.0.1', port: hub.hub.ports.front, secure: false, ...more })).toBe(
        undefined,
      )
      await sdk.next('connect')
      expect(sdk.count('callback')).toBe(1)
      return sdk
    },
  }
}

async function keygen(sdk: Sdk, key: string, channel: string, type: string): Promise<string> {
  await sdk.call('keygen', { key, channel, type, ttl: 0 })
  const answer = (await sdk.next('keygen')) as Readonly<Record<string, unknown>>
  expect(answer).toEqual({ status: 200, key: expect.stringMatching(/^[\w-]{32}$/), channel })
  return answer['key'] as string
}

const message = (channel: string, text: string, object: unknown = {}): object => ({
  channel,
  text,
  object,
  bytes: [...Buffer.from(text)],
})

describe('emitter-io 1.39.0 over WebSocket and the front door', () => {
  it('keygen, publish, subscribe, unsubscribe, me and ttl and last', async () => {
    const { hub, connect } = await setUp()
    const [one, other] = [await connect('one'), await connect('other')]
    const key = await keygen(one, hub.master, 'js/#/', 'rwslp')
    await one.call('subscribe', { key, channel: 'js' })
    await one.settle()
    await other.call('publish', { key, channel: 'js/a', message: '{"n":1}' })
    expect(await one.next('message')).toEqual(message('js/a/', '{"n":1}', { n: 1 }))
    await one.call('publish', { key, channel: 'js/', message: 'to me' })
    expect(await one.next('message')).toEqual(message('js/', 'to me'))
    await one.call('publish', { key, channel: 'js/', message: 'not to me', me: false })
    await one.settle()
    expect(one.count('message')).toBe(0)
    await one.call('unsubscribe', { key, channel: 'js' })
    await one.settle()
    for (const text of ['1', '2', '3']) await one.call('publish', { key, channel: 'js/kept', message: text, ttl: 60 })
    await one.settle()
    expect(one.count('message')).toBe(0)
    await other.call('subscribe', { key, channel: 'js/kept', last: 2 })
    expect(await other.next('message')).toEqual(message('js/kept/', '2', 2))
    expect(await other.next('message')).toEqual(message('js/kept/', '3', 3))
    await other.call('subscribe', { key, channel: 'js/#/' })
    expect(await other.next('message')).toEqual(message('js/kept/', '3', 3))
  })

  it('presence: status, changes, who has gone without a word', async () => {
    const { hub, connect } = await setUp()
    const [one, other] = [await connect('one'), await connect('other', { username: 'bob' })]
    const key = await keygen(one, hub.master, 'js/#/', 'rwp')
    await one.call('presence', { key, channel: 'js', status: true, changes: true })
    expect(await one.next('presence')).toEqual({
      status: 200,
      time: expect.any(Number),
      event: 'status',
      channel: 'js/',
      who: [],
    })
    const { id } = await other.settle()
    await other.call('subscribe', { key, channel: 'js' })
    const change = { time: expect.any(Number), channel: 'js/', who: { id, username: 'bob' } }
    expect(await one.next('presence')).toEqual({ ...change, event: 'subscribe' })
    await one.call('presence', { key, channel: 'js', status: true })
    expect(await one.next('presence')).toMatchObject({ who: [{ id, username: 'bob' }] })
    await other.call('cut')
    expect(await one.next('presence')).toEqual({ ...change, event: 'unsubscribe' })
  })

  it('link, publishWithLink and me', async () => {
    const { hub, connect } = await setUp()
    const one = await connect('one')
    const key = await keygen(one, hub.master, 'js/#/', 'rw')
    await one.call('link', { key, channel: 'js/l', name: 'a0', private: false, subscribe: true, me: true, ttl: 5 })
    // It has no event for the answer, and takes it for a message.
    const answer = JSON.stringify({ status: 200, name: 'a0', channel: 'js/l/?me=1&ttl=5' })
    expect(await one.next('message')).toEqual(
      message('emitter/link/', answer.replace('&', '\\u0026'), JSON.parse(answer)),
    )
    await one.call('publishWithLink', { link: 'a0', message: 'by link' })
    expect(await one.next('message')).toEqual(message('js/l/', 'by link'))
    expect(await one.settle()).toEqual({
      status: 200,
      id: expect.stringMatching(/^[A-Z2-7]{26}$/),
      links: { a0: 'js/l/?me=1&ttl=5' },
    })
  })

  it('what is refused: on the request’s topic, or as a message on emitter/error/', async () => {
    const { hub, connect } = await setUp()
    const one = await connect('one')
    await one.call('keygen', { key: hub.master, channel: 'js', type: 'rw' })
    expect(await one.next('keygen')).toEqual({
      status: 400,
      message: 'channel should end with `/` for strict types or `/#/` for wildcards',
    })
    const bad = 'A'.repeat(32)
    await one.call('keygen', { key: bad, channel: 'js/' })
    expect(await one.next('keygen')).toEqual({ status: 401, message: UNAUTHORIZED })
    await one.call('presence', { key: bad, channel: 'js' })
    expect(await one.next('presence')).toEqual({ status: 401, message: UNAUTHORIZED })
    await one.call('publish', { key: bad, channel: 'js', message: 'x' })
    const refused = { channel: 'emitter/error/', object: { status: 401, message: UNAUTHORIZED } }
    expect(await one.next('message')).toMatchObject(refused)
    await one.call('subscribe', { key: bad, channel: 'js' })
    const { req, ...failure } = ((await one.next('message')) as { object: Record<string, unknown> }).object
    expect(failure).toEqual(refused.object)
    expect(req).toBeGreaterThan(0)
    expect(await one.call('keygen', { key: bad })).toMatchObject({ error: expect.stringContaining('channel') })
  })

  it('on and off, a will, disconnect, and coming back by itself', async () => {
    const { hub, connect } = await setUp()
    const watcher = await hub.client()
    const key = await watcher.keygen(hub.master, 'js/#/', 'rw')
    await watcher.subscribe(`${key}/js/will/`)
    const will = { topic: `${key}/js/will/`, payload: 'gone', qos: 0, retain: false }
    const one = await connect('one', { will, reconnectPeriod: 10 })
    await one.call('subscribe', { key, channel: 'js/a' })
    await one.call('off', 'message')
    await one.call('publish', { key, channel: 'js/a', message: 'unheard' })
    await one.settle()
    expect(one.count('message')).toBe(0)
    await one.call('on', 'message')
    await one.call('publish', { key, channel: 'js/a', message: 'heard' })
    expect(await one.next('message')).toEqual(message('js/a/', 'heard'))
    expect(await one.call('on', 'nothing')).toMatchObject({ error: expect.stringContaining('unknown event type') })
    await one.call('cut')
    expect(await watcher.message()).toBe('js/will/ gone')
    await one.next('disconnect')
    await one.next('connect')
    // It does not subscribe again by itself.
    await one.call('publish', { key, channel: 'js/a', message: 'unheard' })
    await one.settle()
    expect(one.count('message')).toBe(0)
    await one.call('disconnect')
    await one.next('disconnect')
    // Good-bye is no reason for a will here.
    await watcher.quiet()
  })
})

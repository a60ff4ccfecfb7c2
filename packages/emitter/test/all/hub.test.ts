/** The client against the hub's broker: every call over TCP, TLS and WebSocket; cut off, banned, outlived and killed. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once as happens } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { connect } from '@halyard/emitter'
import type { ConnectOptions, Emitter, EmitterError, PresenceChange, PresenceEvent } from '@halyard/emitter'
import { createHub } from '@halyard/hub'
import type { Hub } from '@halyard/hub'
import { FaultProxy } from '@halyard/testkit'
import { describe, expect, it, onTestFinished } from 'vitest'
import { once, take } from '../support.ts'

const fixtures = fileURLToPath(new URL('../../../mqtt/test/transport/fixtures/', import.meta.url))
const root = fileURLToPath(new URL('../../../../', import.meta.url))

const WAYS: Readonly<Record<string, ConnectOptions>> = {
  TCP: { secure: false },
  TLS: { secure: true },
  WebSocket: { secure: false, transport: 'websocket' },
  'WebSocket over TLS': { secure: true, transport: 'websocket' },
}

async function startHub(): Promise<{ hub: Hub; master: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'emitter-hub-'))
  const config = join(directory, 'hub.hjson')
  writeFileSync(
    config,
    JSON.stringify({ tls: { cert: join(fixtures, 'server.pem'), key: join(fixtures, 'server.key') } }),
  )
  const hub = await createHub({ data: ':memory:', ports: 'ephemeral', config })
  onTestFinished(async () => {
    await hub.close()
    rmSync(directory, { recursive: true })
  })
  return { hub, master: hub.accounts.emitter?.master_key ?? '' }
}

async function join1(hub: Hub, way: ConnectOptions = { secure: false }, port = hub.ports.front): Promise<Emitter> {
  const tls = { ca: readFileSync(join(fixtures, 'ca.pem')), servername: 'localhost' }
  const emitter = connect({ host: '127.0.0.1', port, tls, ...way }, { random: () => 0 })
  onTestFinished(() => emitter.disconnect())
  await once(emitter, 'connect')
  return emitter
}

/** Everything that comes of an event, and the next of it that fits. */
function listen(emitter: Emitter): (isMeant: (event: PresenceEvent) => boolean) => Promise<PresenceEvent> {
  const came: PresenceEvent[] = []
  const wake = new Set<() => void>()
  emitter.on('presence', (event) => {
    came.push(event)
    for (const one of wake) one()
  })
  return async (isMeant) => {
    for (;;) {
      const at = came.findIndex(isMeant)
      if (at >= 0) return came.splice(at, 1)[0] as PresenceEvent
      await new Promise<void>((resolve) => wake.add(resolve))
    }
  }
}

const refused = (promise: Promise<unknown>): Promise<EmitterError> =>
  promise.then(
    () => expect.fail('it was not refused'),
    (error: unknown) => error as EmitterError,
  )

describe.each(Object.entries(WAYS))('%s', (_name, way) => {
  it('every call', async () => {
    const { hub, master } = await startHub()
    const [one, other] = [await join1(hub, way), await join1(hub, { ...way, username: 'bob' })]
    const { key, channel } = await one.keygen({ key: master, channel: 'a/#', type: 'rwslpe' })
    expect(channel).toBe('a/#/')
    const plain = (await one.keygen({ key: master, channel: 'a/#', type: 'rwslp' })).key
    const heard = await other.subscribe({ key: plain, channel: 'a' })
    await one.publish({ key: plain, channel: 'a/b', message: { n: 1 } })
    await one.publish({ key: plain, channel: 'a', message: 'q0', qos: 0 })
    await one.publish({ key: plain, channel: 'a/kept', message: 'kept', ttl: 60 })
    await one.publish({ key: plain, channel: 'a/kept', message: 'retained', retain: true })
    expect(await take(heard, 4)).toEqual(['{"n":1}', 'q0', 'kept', 'retained'])
    expect(await take(await one.subscribe({ key: plain, channel: 'a/kept', last: 2 }), 2)).toEqual(['kept', 'retained'])
    const history: string[] = []
    for await (const message of one.history({ key: plain, channel: 'a/kept' })) history.push(message.asString())
    expect(history).toEqual(['kept', 'retained'])
    await one.link({ key: plain, channel: 'a/l', name: 'l1', me: false })
    await one.publish({ link: 'l1', message: 'by link' })
    expect(await take(heard, 1)).toEqual(['by link'])
    const { id, links } = await one.me()
    expect(links).toEqual({ l1: 'a/l/?me=0' })
    const event = listen(one)
    const there = await one.presence({ key: plain, channel: 'a' })
    expect(there.who.map(({ username = '' }) => username)).toEqual(['bob'])
    await other.unsubscribe({ key: plain, channel: 'a' })
    const gone = (await event(({ event: what }) => what === 'unsubscribe')) as PresenceChange
    expect(gone.who.username).toBe('bob')
    // One's own channel below it, for whoever hears of the key.
    const own = await one.keygen({ key, channel: 'a/private', type: 'rw' })
    expect(own.channel).toBe(`a/private/${id}/`)
    expect((await refused(one.subscribe({ key, channel: 'a' }))).status).toBe(401)
    expect(await one.keyban({ secret: master, target: own.key, banned: true })).toMatchObject({ banned: true })
    const banned = await refused(other.publish({ key: own.key, channel: own.channel, message: 'x' }))
    expect(banned.status).toBe(401)
    expect(await one.keyban({ secret: master, target: own.key, banned: false })).toMatchObject({ banned: false })
    await other.publish({ key: own.key, channel: own.channel, message: 'x' })
  })

  it('cut off in the middle: subscriptions, links and presence are there again, and nothing is lost or doubled', async () => {
    const { hub, master } = await startHub()
    const proxy = await FaultProxy.open({ target: { port: hub.ports.front } })
    onTestFinished(() => proxy.close())
    const [steady, shaky] = [await join1(hub, way), await join1(hub, way, proxy.port)]
    const { key } = await steady.keygen({ key: master, channel: 'a/#', type: 'rwslp' })
    const event = listen(shaky)
    const heard = await shaky.subscribe({ key, channel: 'a', last: 1 })
    await shaky.link({ key, channel: 'a/l', name: 'l', me: false })
    await shaky.presence({ key, channel: 'a/watched' })
    const texts: string[] = []
    const reading = (async () => {
      for await (const message of heard) {
        texts.push(message.asString())
        if (texts.at(-1) === 'last') break
      }
    })()
    for (let round = 0; round < 5; round++) {
      const back = once(shaky, 'connect')
      for (let n = 0; n < 20; n++) {
        if (n === 10) for (const connection of proxy.connections) connection.reset()
        await steady.publish({ key, channel: 'a', message: `${round}.${n}`, ttl: 60 })
      }
      await back
    }
    await steady.publish({ key, channel: 'a', message: 'last', ttl: 60 })
    await reading
    const wanted = Array.from({ length: 100 }, (_, i) => `${Math.floor(i / 20)}.${i % 20}`)
    expect(texts).toEqual([...wanted, 'last'])
    const watched = await steady.subscribe({ key, channel: 'a/watched' })
    expect(((await event(({ event: what }) => what === 'subscribe')) as PresenceChange).channel).toBe('a/watched/')
    const linked = take(watched, 1)
    await shaky.link({ key, channel: 'a/watched', name: 'l', me: false })
    await shaky.publish({ link: 'l', message: 'by link' })
    expect(await linked).toEqual(['by link'])
  })
})

describe('a key', () => {
  it('that is banned, or has ended, ends its subscriptions, and the client says so', async () => {
    const { hub, master } = await startHub()
    const [one, other] = [await join1(hub), await join1(hub)]
    const { key } = await one.keygen({ key: master, channel: 'a/', type: 'rw' })
    const { key: short } = await one.keygen({ key: master, channel: 'b/', type: 'rw', ttl: 1 })
    const errors: EmitterError[] = []
    const told = (n: number): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => void (errors.length >= n && resolve())
        other.on('error', look)
        look()
      })
    other.on('error', (error) => errors.push(error as EmitterError))
    await other.subscribe({ key, channel: 'a' })
    await one.keyban({ secret: master, target: key, banned: true })
    await told(1)
    await other.subscribe({ key: short, channel: 'b' })
    await told(2)
    expect(errors.map(({ status }) => status)).toEqual([401, 401])
  })
})

describe('presence', () => {
  it('is right at once after clients were killed with SIGKILL', async () => {
    const { hub, master } = await startHub()
    const one = await join1(hub)
    const { key } = await one.keygen({ key: master, channel: 'a/#', type: 'rwp' })
    const event = listen(one)
    await one.presence({ key, channel: 'a' })
    const guest = (name: string): ChildProcess =>
      spawn(
        process.execPath,
        [
          ...['--input-type=module', '--eval'],
          `import { connect } from '@halyard/emitter'
           const emitter = connect({ host: '127.0.0.1', port: ${hub.ports.front}, secure: false, username: '${name}' })
           await emitter.subscribe({ key: '${key}', channel: 'a' })
           console.log('there')`,
        ],
        { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
      )
    const children = ['bob', 'eve', 'zoe'].map(guest)
    onTestFinished(() => void children.map((child) => child.kill('SIGKILL')))
    for (const child of children) await happens(createInterface({ input: child.stdout! }), 'line')
    expect((await one.presence({ key, channel: 'a' })).who).toHaveLength(3)
    const begun = performance.now()
    for (const child of children) child.kill('SIGKILL')
    const gone = new Set<string | undefined>()
    while (gone.size < 3)
      gone.add(((await event(({ event: what }) => what === 'unsubscribe')) as PresenceChange).who.username)
    expect(performance.now() - begun).toBeLessThan(2000)
    expect((await one.presence({ key, channel: 'a' })).who).toEqual([])
  })
})

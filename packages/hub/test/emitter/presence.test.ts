import { describe, expect, it } from 'vitest'
import { BAD_REQUEST, UNAUTHORIZED, startEmitterHub } from './support.ts'
import type { EmitterClient, EmitterHub } from './support.ts'

interface Status {
  readonly channel: string
  readonly who: readonly { readonly id: string; readonly username?: string }[]
}

async function idOf(client: EmitterClient): Promise<string> {
  return (await client.ask('me', ''))['id'] as string
}

async function setUp(): Promise<{ hub: EmitterHub; watcher: EmitterClient; key: string }> {
  const hub = await startEmitterHub()
  const watcher = await hub.client({ username: 'watcher' })
  return { hub, watcher, key: await watcher.keygen(hub.master, '#/', 'rwp') }
}

const quietly = { status: true }

async function who(client: EmitterClient, key: string, channel: string): Promise<readonly string[]> {
  const answer = (await client.ask('presence', { key, channel, ...quietly })) as unknown as Status
  return answer.who.map(({ id }) => id)
}

describe('presence', () => {
  it('who is there: in the shape of the original', async () => {
    const { hub, watcher, key } = await setUp()
    const bob = await hub.client({ username: 'bob' })
    expect(await watcher.ask('presence', { key, channel: 'pres', ...quietly })).toMatchObject({ who: [] })
    await bob.subscribe(`${key}/pres/`)
    const answer = await watcher.ask('presence', { key, channel: 'pres', ...quietly })
    expect(Object.keys(answer)).toEqual(['status', 'time', 'event', 'channel', 'who'])
    expect(answer).toMatchObject({
      status: 200,
      event: 'status',
      channel: 'pres/',
      who: [{ id: await idOf(bob), username: 'bob' }],
    })
    expect(Math.abs((answer['time'] as number) - Date.now() / 1000)).toBeLessThan(60)
    const nameless = await hub.client()
    await nameless.subscribe(`${key}/pres/x/`)
    const { who: there } = (await watcher.ask('presence', { key, channel: 'pres/x/', ...quietly })) as unknown as Status
    expect(there.toSorted((a, b) => (a.username ?? '').localeCompare(b.username ?? ''))).toEqual([
      { id: await idOf(nameless) },
      { id: await idOf(bob), username: 'bob' },
    ])
  })

  it('whoever would get what is published there, and nobody else', async () => {
    const { hub, watcher, key } = await setUp()
    const [above, below, sharing, every] = await Promise.all([hub.client(), hub.client(), hub.client(), hub.client()])
    await above.subscribe(`${key}/pres/`)
    await below.subscribe(`${key}/pres/x/`)
    await sharing.subscribe(`${key}/$share/g/pres/x/`)
    const [a, b, s, e] = [await idOf(above), await idOf(below), await idOf(sharing), await idOf(every)]
    const names = new Map([
      [a, 'a'],
      [b, 'b'],
      [e, 'e'],
      [s, 's'],
    ])
    const there = async (channel: string): Promise<string> => {
      const found = await who(watcher, key, channel)
      return [...names]
        .filter(([id]) => found.includes(id))
        .map(([, name]) => name)
        .join('')
    }
    expect(await there('pres/x/')).toBe('abs')
    expect(await there('pres/')).toBe('a')
    expect(await there('pres/+/')).toBe('a')
    expect(await there('pres/#/')).toBe('a')
    expect(await there('$share/g/pres/x/')).toBe('s')
    await every.subscribe(`${key}/#/`)
    expect(await there('pres/x/')).toBe('abes')
    expect(await there('other/')).toBe('e')
    // Twice is once, and still there when one of two is taken back.
    await below.subscribe(`${key}/pres/`)
    await below.raw.unsubscribe(`${key}/pres/x/`)
    expect(await there('pres/x/')).toBe('abes')
    await below.raw.unsubscribe(`${key}/pres/`)
    expect(await there('pres/x/')).toBe('aes')
  })

  it('changes: first subscription, last one, also of channels below', async () => {
    const { hub, watcher, key } = await setUp()
    expect(await watcher.ask('presence', { key, channel: 'pres/', status: false, changes: true })).toEqual({
      status: 200,
      time: 0,
      event: '',
      channel: '',
      who: null,
    })
    const bob = await hub.client({ username: 'bob' })
    const id = await idOf(bob)
    await bob.subscribe(`${key}/pres/x/`)
    const { topic, json } = await watcher.said()
    expect(topic).toBe('emitter/presence/')
    expect(Object.keys(json)).toEqual(['time', 'event', 'channel', 'who'])
    expect(json).toMatchObject({ event: 'subscribe', channel: 'pres/x/', who: { id, username: 'bob' } })
    await bob.subscribe(`${key}/pres/x/`)
    await bob.subscribe(`${key}/other/`)
    await bob.raw.unsubscribe(`${key}/pres/x/`)
    expect((await watcher.said()).json).toMatchObject({ event: 'unsubscribe', channel: 'pres/x/', who: { id } })
    await watcher.ask('presence', { key, channel: 'pres/', status: true, changes: false })
    await bob.subscribe(`${key}/pres/`)
    await watcher.quiet()
  })

  it('right after clients are gone without a word: each subscription is told', async () => {
    const { hub, watcher, key } = await setUp()
    const clients = await Promise.all(Array.from({ length: 20 }, () => hub.client()))
    for (const client of clients)
      for (const channel of ['pres/', 'pres/x/']) await client.subscribe(`${key}/${channel}`)
    expect(await who(watcher, key, 'pres/x/')).toHaveLength(20)
    await watcher.ask('presence', { key, channel: 'pres/', status: false, changes: true })
    for (const client of clients) client.raw.drop()
    const gone = new Map<string, string[]>()
    for (let number = 0; number < 40; number++) {
      const {
        event,
        channel,
        who: one,
      } = (await watcher.said()).json as unknown as {
        readonly event: string
        readonly channel: string
        readonly who: { readonly id: string }
      }
      expect(event).toBe('unsubscribe')
      gone.set(one.id, [...(gone.get(one.id) ?? []), channel])
    }
    expect([...gone.values()].map((channels) => channels.toSorted())).toEqual(
      Array.from({ length: 20 }, () => ['pres/', 'pres/x/']),
    )
    expect(await who(watcher, key, 'pres/x/')).toEqual([])
    await watcher.quiet()
  })

  it('a session that lasts is there while it is connected', async () => {
    const { hub, watcher, key } = await setUp()
    const wish = { clientId: 'lasting', cleanStart: false, username: 'u', password: Buffer.from('secret') }
    const client = await hub.client(wish)
    await client.subscribe(`${key}/pres/`)
    expect(await who(watcher, key, 'pres/')).toHaveLength(1)
    await watcher.ask('presence', { key, channel: 'pres/', status: false, changes: true })
    client.raw.drop()
    expect((await watcher.said()).json).toMatchObject({ event: 'unsubscribe' })
    expect(await who(watcher, key, 'pres/')).toEqual([])
    const again = await hub.client(wish)
    expect((await watcher.said()).json).toMatchObject({ event: 'subscribe', who: { id: await idOf(again) } })
  })

  it('Python 1 sends neither status nor changes, and gets both; who says one gets that', async () => {
    const { hub, watcher, key } = await setUp()
    expect(await watcher.ask('presence', { key, channel: 'one' })).toMatchObject({ event: 'status' })
    expect(await watcher.ask('presence', { key, channel: 'two', status: true })).toMatchObject({ event: 'status' })
    const bob = await hub.client()
    await bob.subscribe(`${key}/two/`)
    await bob.subscribe(`${key}/one/`)
    expect((await watcher.said()).json).toMatchObject({ event: 'subscribe', channel: 'one/' })
    await watcher.quiet()
  })

  it('what it refuses', async () => {
    const { hub, watcher } = await setUp()
    const ask = (body: unknown): Promise<object> => watcher.ask('presence', body)
    const reading = await watcher.keygen(hub.master, 'a/', 'rw')
    expect(await ask({ key: reading, channel: 'a/' })).toEqual({ status: 401, message: UNAUTHORIZED })
    const key = await watcher.keygen(hub.master, 'a/', 'p')
    expect(await ask({ key, channel: 'b/' })).toEqual({ status: 401, message: UNAUTHORIZED })
    expect(await ask({ key, channel: 'a/@' })).toEqual({ status: 400, message: BAD_REQUEST })
    expect(await ask({ key, channel: 'a/', status: 'yes' })).toEqual({ status: 400, message: BAD_REQUEST })
    expect(await ask({ key, channel: 'a/' })).toMatchObject({ status: 200 })
  })

  it('more people than fit into a packet of the original', async () => {
    const { hub, watcher, key } = await setUp()
    const name = 'n'.repeat(4000)
    const clients = await Promise.all(Array.from({ length: 40 }, () => hub.client({ username: name })))
    for (const client of clients) await client.subscribe(`${key}/pres/`)
    expect(await who(watcher, key, 'pres/')).toHaveLength(40)
  })
})

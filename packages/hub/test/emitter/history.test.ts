import { channelHash, decodeMessageId } from '@halyard/wire/emitter'
import { describe, expect, it } from 'vitest'
import { temporaryDirectory } from '../support.ts'
import {
  ALL_KEY,
  BAD_REQUEST,
  MASTER,
  UNAUTHORIZED,
  startEmitterHub,
  startHubInTime,
  startRecordedHub,
} from './support.ts'
import type { EmitterClient, EmitterHub } from './support.ts'

interface Page {
  readonly ids: readonly string[]
  readonly texts: readonly string[]
  readonly channels: readonly string[]
}

async function page(client: EmitterClient, channel: string, startFromID?: string): Promise<Page> {
  const { messages, ...more } = await client.ask('history', {
    channel,
    ...(startFromID !== undefined && { startFromID }),
  })
  expect(more).toEqual({})
  const found = messages as readonly { readonly id: string; readonly channel: string; readonly payload: string }[]
  return {
    ids: found.map(({ id }) => id),
    texts: found.map(({ payload }) => Buffer.from(payload, 'base64').toString()),
    channels: found.map(({ channel: name }) => name),
  }
}

/** In memory, or in a directory. */
async function startOn(where: string): Promise<EmitterHub> {
  return startEmitterHub(where === 'disk' ? { data: await temporaryDirectory() } : {})
}

async function keyed(hub: EmitterHub, type = 'rwsl', channel = '#/'): Promise<[EmitterClient, string]> {
  const client = await hub.client()
  return [client, await client.keygen(hub.master || MASTER, channel, type)]
}

describe('stored messages before the SUBACK', () => {
  it('V66: the newest one, as many as last says, none for 0, in strict order', async () => {
    const hub = await startEmitterHub()
    const [client, key] = await keyed(hub)
    for (let number = 1; number <= 30; number++) await client.publish(`${key}/st/?ttl=60`, `${number}`)
    const newest = (count: number): string[] => Array.from({ length: count }, (_, i) => `st/ ${30 - count + 1 + i}`)
    const got = async (options: string): Promise<readonly string[]> => {
      expect(await client.subscribe(`${key}/st/${options}`)).toBe(0)
      return client.before
    }
    expect(await got('')).toEqual(newest(1))
    expect(await got('?last=3')).toEqual(newest(3))
    expect(await got('?last=0')).toEqual([])
    expect(await got('?last=abc')).toEqual(newest(1))
    // The original was killed by this, and scrambled what came within one second.
    expect(await got('?last=9999999999')).toEqual(newest(30))
    expect(await client.subscribe(`${key}/st/?last=-1`)).toBe(0x80)
    expect(client.before).toHaveLength(1)
    expect(client.before[0]).toContain(BAD_REQUEST)
  })

  it('last is capped', async () => {
    const hub = await startEmitterHub({ config: '{ emitter: { limits: { last: 5 } } }' })
    const [client, key] = await keyed(hub)
    for (let number = 1; number <= 8; number++) await client.publish(`${key}/st/?ttl=60`, `${number}`)
    await client.subscribe(`${key}/st/?last=100000000`)
    expect(client.before).toEqual(['st/ 4', 'st/ 5', 'st/ 6', 'st/ 7', 'st/ 8'])
    expect((await page(client, `${key}/st/?last=100`)).texts).toHaveLength(5)
  })

  it('V67: each for its time; what has no ttl, or a key without s, is not stored', async () => {
    const { hub, pass } = await startHubInTime()
    const [client, key] = await keyed(hub)
    const unstored = await client.keygen(MASTER, '#/', 'rw')
    await client.publish(`${key}/t/?ttl=60`, 'long')
    await client.publish(`${key}/t/?ttl=1`, 'short')
    await client.publish(`${key}/t/?ttl=0`, 'none')
    await client.publish(`${key}/t/?ttl=abc`, 'none')
    await client.publish(`${unstored}/t/?ttl=60`, 'none')
    await client.subscribe(`${key}/t/?last=9`)
    expect(client.before).toEqual(['t/ long', 't/ short'])
    await client.raw.unsubscribe(`${key}/t/`)
    await pass(2.2)
    await client.subscribe(`${key}/t/?last=9`)
    expect(client.before).toEqual(['t/ long'])
    // A key without l loads nothing.
    await client.subscribe(`${unstored}/t/?last=9`)
    expect(client.before).toEqual([])
  })

  it('V68: retained is stored for 30 days, replaces nothing, and an empty one clears nothing', async () => {
    const { hub, pass } = await startHubInTime()
    const [client, key] = await keyed(hub)
    for (const text of ['r1', 'r2']) await client.publish(`${key}/r/`, text, { retain: true })
    await client.subscribe(`${key}/r/`)
    expect(client.before).toEqual(['r/ r2'])
    await client.raw.unsubscribe(`${key}/r/`)
    await client.publish(`${key}/r/`, '', { retain: true })
    await client.publish(`${key}/r/?ttl=5`, 'short', { retain: true })
    await client.subscribe(`${key}/r/?last=9`)
    expect(client.before).toEqual(['r/ r1', 'r/ r2', 'r/ ', 'r/ short'])
    await pass(6)
    await client.subscribe(`${key}/r/?last=9`)
    expect(client.before).toEqual(['r/ r1', 'r/ r2', 'r/ '])
  })

  it('a ttl of more than 32 bits is cut, not lost', async () => {
    const data = await temporaryDirectory()
    const hub = await startEmitterHub({ data })
    const [client, key] = await keyed(hub)
    for (const ttl of ['4294967295', '4294967296', '9223372036854775807']) {
      await client.publish(`${key}/t/?ttl=${ttl}`, ttl)
    }
    await client.subscribe(`${key}/t/?last=9`)
    expect(client.before).toHaveLength(3)
  })

  it('from and until, inclusive', async () => {
    const { hub, pass } = await startHubInTime()
    const [client, key] = await keyed(hub)
    const start = Date.UTC(2026, 10, 20) / 1000
    for (let number = 0; number < 5; number++) {
      await client.publish(`${key}/t/?ttl=60`, `${number}`)
      await pass(1)
    }
    const got = async (options: string): Promise<string> => {
      await client.subscribe(`${key}/t/?last=9&${options}`)
      return client.before.map((line) => line.slice('t/ '.length)).join('')
    }
    expect(await got(`from=${start + 1}&until=${start + 3}`)).toBe('123')
    expect(await got(`from=${start + 3}`)).toBe('34')
    expect(await got(`until=${start}`)).toBe('0')
    expect(await got('from=42&until=99999999999')).toBe('01234')
    expect((await page(client, `${key}/t/?last=2&until=${start + 3}`)).texts.join('')).toBe('23')
  })

  it.each(['memory', 'disk'])('by prefix, with wildcards, the first segment too (%s)', async (where) => {
    const hub = await startOn(where)
    const [client, key] = await keyed(hub)
    for (const channel of ['a/', 'a/b/', 'b/b/', 'c/x/b/', '$d/b/']) await client.publish(`${key}/${channel}?ttl=60`)
    const got = async (filter: string): Promise<string> =>
      (await page(client, `${key}/${filter}?last=9`)).channels.join(' ')
    expect(await got('a/')).toBe('a/ a/b/')
    expect(await got('+/b/')).toBe('a/b/ b/b/ $d/b/')
    expect(await got('#/')).toBe('a/ a/b/ b/b/ c/x/b/ $d/b/')
    expect(await got('c/#/b/')).toBe('c/x/b/')
    expect(await got('a/#/')).toBe('a/ a/b/')
  })

  it('with the matcher of MQTT, what the levels say', async () => {
    const hub = await startEmitterHub({ config: '{ emitter: { matcher: "mqtt" } }' })
    const [client, key] = await keyed(hub)
    for (const channel of ['a/', 'a/b/']) await client.publish(`${key}/${channel}?ttl=60`)
    expect((await page(client, `${key}/a/?last=9`)).channels).toEqual(['a/'])
    expect((await page(client, `${key}/a/#/?last=9`)).channels).toEqual(['a/b/'])
  })
})

describe('emitter/history/', () => {
  it.each(['memory', 'disk'])(
    'pages back in time by the id of the oldest message, whatever the second (%s)',
    async (where) => {
      const hub = await startOn(where)
      const [client, key] = await keyed(hub)
      for (let number = 0; number < 10; number++) await client.publish(`${key}/st/a/?ttl=60`, `${number}`)
      const first = await page(client, `${key}/st/?last=4`)
      expect([first.texts, first.channels[0]]).toEqual([['6', '7', '8', '9'], 'st/a/'])
      const second = await page(client, `${key}/st/?last=4`, first.ids[0])
      const third = await page(client, `${key}/st/?last=4`, second.ids[0])
      const fourth = await page(client, `${key}/st/?last=4`, third.ids[0])
      expect([second, third, fourth].map(({ texts }) => texts.join(''))).toEqual(['2345', '01', ''])
      const id = decodeMessageId(Buffer.from(first.ids[3] ?? '', 'base64'))
      expect(id?.segments).toEqual(['st', 'a'].map(channelHash))
      expect(Math.abs((id?.time ?? 0) - Date.now() / 1000)).toBeLessThan(60)
      // Bytes of ids compare as their messages do, the newest first.
      const order = first.ids.map((text) => Buffer.from(text, 'base64').subarray(4).toString('hex'))
      expect(order.toSorted()).toEqual(order.toReversed())
    },
  )

  it.each(['memory', 'disk'])('answers in pages of 64 KiB, where the original sent nothing (%s)', async (where) => {
    const hub = await startOn(where)
    const [client, key] = await keyed(hub)
    for (let number = 0; number < 90; number++) await client.publish(`${key}/st/?ttl=60`, `${number} `.padEnd(780, 'x'))
    const found: string[] = []
    let start: string | undefined
    for (let pages = 0; pages < 10; pages++) {
      const { ids, texts } = await page(client, `${key}/st/?last=1000`, start)
      if (ids.length === 0) break
      found.unshift(...texts.map((text) => text.slice(0, text.indexOf(' '))))
      start = ids[0]
    }
    expect(found).toEqual(Array.from({ length: 90 }, (_, i) => `${i}`))
    // One that is larger than a page comes alone.
    await client.publish(`${key}/big/?ttl=60`, 'x'.repeat(65_000))
    await client.publish(`${key}/big/?ttl=60`, 'y'.repeat(65_000))
    const big = await page(client, `${key}/big/?last=9`)
    expect(big.texts.map((text) => text[0])).toEqual(['y'])
    expect((await page(client, `${key}/big/?last=9`, big.ids[0])).texts.map((text) => text[0])).toEqual(['x'])
  })

  it('what it refuses', async () => {
    const hub = await startEmitterHub()
    const [client, key] = await keyed(hub, 'rws')
    const ask = (body: unknown): Promise<object> => client.ask('history', body)
    const bad = { status: 400, message: BAD_REQUEST }
    const unauthorized = { status: 401, message: UNAUTHORIZED }
    expect(await ask({ channel: `${key}/st/` })).toEqual(unauthorized)
    expect(await ask({ key, channel: 'st/' })).toEqual(bad)
    expect(await ask({ channel: `${ALL_KEY}/st/` })).toEqual(unauthorized)
    for (const startFromID of ['%%%', 'AAAA', 5]) expect(await ask({ channel: `${key}/st/`, startFromID })).toEqual(bad)
    expect(await ask('')).toEqual(bad)
    const loading = await client.keygen(hub.master, 'st/', 'l')
    expect(await ask({ channel: `${loading}/st/` })).toEqual({ messages: [] })
  })

  it('is there again after a restart, and ids go on', async () => {
    const data = await temporaryDirectory()
    const first = await startEmitterHub({ data })
    const [client, key] = await keyed(first)
    for (const text of ['1', '2', '3']) await client.publish(`${key}/st/?ttl=60`, text)
    const before = await page(client, `${key}/st/?last=2`)
    await first.hub.close()
    const second = await startEmitterHub({ data })
    const again = await second.client()
    await again.publish(`${key}/st/?ttl=60`, '4')
    expect((await page(again, `${key}/st/?last=9`)).texts).toEqual(['1', '2', '3', '4'])
    expect((await page(again, `${key}/st/?last=9`, before.ids[0])).texts).toEqual(['1'])
    const stream = second.hub.messages({ service: 'emitter' })
    await again.publish(`${key}/st/?ttl=60`, '5')
    const { value } = await stream.next()
    expect(value).toMatchObject({ service: 'emitter', channel: 'st', direction: 'in' })
    expect(value?.account).toMatch(/^\d+$/)
  })
})

it('recorded: the same under the licence of the recordings', async () => {
  const hub = await startRecordedHub()
  const client = await hub.client()
  const key = await client.keygen(MASTER, 'test/', 'rwsl')
  await client.publish(`${key}/test/?ttl=5`, 'x')
  await client.subscribe(`${key}/test/`)
  expect(client.before).toEqual(['test/ x'])
})

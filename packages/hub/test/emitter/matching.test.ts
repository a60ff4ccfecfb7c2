import { describe, expect, it } from 'vitest'
import matrix from '../../../../vectors/emitter/target-matrix.json' with { type: 'json' }
import { ALL_KEY, BAD_REQUEST, MASTER, TEST_KEY, UNAUTHORIZED, startRecordedHub } from './support.ts'

const CHANNELS = ['a/', 'a/b/', 'a/b/c/', 'a/x/c/', 'b/', 'b/b/'] as const

/** docs/protocols/emitter.md §1.6; the middle column of the original has nothing where a `#` is. */
const TABLE: readonly (readonly [filter: string, emitter: string, mqtt: string])[] = [
  ['a/', 'a/ a/b/ a/b/c/ a/x/c/', 'a/'],
  ['a/b/', 'a/b/ a/b/c/', 'a/b/'],
  ['a/+/', 'a/b/ a/b/c/ a/x/c/', 'a/b/'],
  ['a/#/', 'a/ a/b/ a/b/c/ a/x/c/', 'a/b/ a/b/c/ a/x/c/'],
  ['a/#', 'a/ a/b/ a/b/c/ a/x/c/', 'a/b/ a/b/c/ a/x/c/'],
  ['+/', CHANNELS.join(' '), 'a/ b/'],
  ['+/b/', 'a/b/ a/b/c/ b/b/', 'a/b/ b/b/'],
  ['#/', CHANNELS.join(' '), CHANNELS.join(' ')],
  ['#', CHANNELS.join(' '), CHANNELS.join(' ')],
  ['a/+/c/', 'a/b/c/ a/x/c/', 'a/b/c/ a/x/c/'],
  ['a/*/', '', ''],
  ['a/#/c/', '', ''],
  ['$share/g/a/', 'a/ a/b/ a/b/c/ a/x/c/', 'a/'],
]

describe('who gets what', () => {
  for (const [at, matcher] of [
    [1, 'emitter'],
    [2, 'mqtt'],
  ] as const) {
    it(`with the matcher ${matcher}`, async () => {
      const hub = await startRecordedHub(`{ emitter: { matcher: "${matcher}" } }`)
      for (const row of TABLE) {
        const [reader, writer] = [await hub.client(), await hub.client()]
        expect(await reader.subscribe(`${ALL_KEY}/${row[0]}`), row[0]).toBe(0)
        for (const channel of CHANNELS) await writer.publish(`${ALL_KEY}/${channel}`)
        reader.raw.send({ type: 'pingreq' })
        const found: string[] = []
        for (let packet = await reader.raw.next(); packet.type === 'publish'; packet = await reader.raw.next()) {
          found.push(packet.topic)
        }
        expect(found.join(' '), row[0]).toBe(row[at])
        reader.raw.drop()
        writer.raw.drop()
      }
    })
  }

  it('channels that begin with $ are channels like others', async () => {
    const hub = await startRecordedHub()
    const client = await hub.client()
    expect(await client.subscribe(`${ALL_KEY}/+/b/`)).toBe(0)
    const packetId = client.raw.nextId
    client.raw.send({
      type: 'publish',
      topic: `${ALL_KEY}/$a/b/`,
      payload: Buffer.from('x'),
      qos: 1,
      packetId,
      retain: false,
      dup: false,
    })
    expect(await client.message()).toBe('$a/b/ x')
    await client.raw.expect('puback', { packetId })
  })

  it('one connection gets a message once, whatever the number of filters that fit', async () => {
    const hub = await startRecordedHub()
    const client = await hub.client()
    for (const filter of ['a/', 'a/#/', '+/', 'a/']) expect(await client.subscribe(`${ALL_KEY}/${filter}`)).toBe(0)
    const writer = await hub.client()
    await writer.publish(`${ALL_KEY}/a/`, 'once')
    expect(await client.message()).toBe('a/ once')
    await client.quiet()
  })
})

const MENDED: Readonly<Record<string, readonly string[]>> = {
  'a/+/': ['a/b/', 'a/c/', 'a/+/', 'a/b/#/'],
  'a/+/#/': ['a/b/', 'a/c/', 'a/b/c/', 'a/x/c/', 'a/b/c/d/', 'a/+/', 'a/+/c/', 'a/b/#/', 'a/b/+/'],
  '+/#/': [
    ...['a/', 'b/', 'a/b/', 'a/c/', 'a/b/c/', 'a/x/c/', 'a/b/c/d/', 'a/+/', 'a/+/c/'],
    ...['a/#/', 'a/b/#/', '$share/g/a/', 'a/b/+/'],
  ],
}

describe('what keys allow', () => {
  it('what the original answered, but for targets that end in +, which allowed nothing there', async () => {
    const hub = await startRecordedHub()
    const client = await hub.client()
    for (const { target, allows, refuses } of matrix.vectors) {
      const key = await client.keygen(MASTER, target, 'r')
      const good: string[] = []
      for (const channel of [...allows, ...refuses]) {
        if ((await client.subscribe(`${key}/${channel}`)) === 0) good.push(channel)
      }
      const wanted = [...allows, ...(MENDED[target] ?? [])]
      expect(good.toSorted(), target).toEqual(wanted.toSorted())
    }
  })

  it('a key for a/ reads below a/ only with the prefix matcher', async () => {
    for (const [matcher, below] of [
      ['emitter', 0],
      ['mqtt', 0x80],
    ] as const) {
      const hub = await startRecordedHub(`{ emitter: { matcher: "${matcher}" } }`)
      const client = await hub.client()
      const codes = [await client.subscribe(`${TEST_KEY}/test/`), await client.subscribe(`${TEST_KEY}/test/#/`)]
      expect(codes).toEqual([0, below])
      const writer = await hub.client()
      await writer.publish(`${ALL_KEY}/test/below/`, 'x')
      if (matcher === 'emitter') expect(await client.message()).toBe('test/below/ x')
      await client.quiet()
    }
  })

  it('a share group must be in the key, as text', async () => {
    const hub = await startRecordedHub()
    const client = await hub.client()
    expect(await client.subscribe(`${TEST_KEY}/$share/g/test/`)).toBe(0x80)
    expect(await client.subscribe(`EjS03Fqu19zM2UtamInu2Xj3lfdqK_Jm/$share/any/py/`)).toBe(0)
    expect(await client.subscribe(`${ALL_KEY}/$share/g/test/`)).toBe(0)
  })

  it('invalid topics', async () => {
    const hub = await startRecordedHub()
    const client = await hub.client()
    const topics = ['a/@/x/', 'a', 'a/b/c', 'a//b/', '*', '+', 'a/+', 'b/*+/', 'b/+a/', '', '/', '//', 'a//']
    const options = ['more=_', 'test==true', 'te_st==true', '=true', 'test=']
    for (const topic of [...topics, ...options.map((option) => `a/?${option}`)]) {
      expect(await client.refused(`${ALL_KEY}/${topic}`), topic).toBe(`400 ${BAD_REQUEST}`)
    }
    for (const topic of ['no slash at all', '/leading/', '#/#/']) {
      expect(await client.refused(topic), topic).toMatch(/^40[013] /)
    }
    expect(await client.refused('')).toBe(`400 ${BAD_REQUEST}`)
    expect(await client.refused(`wrong/${'a/'.repeat(3)}`)).toBe(`401 ${UNAUTHORIZED}`)
    // 40 levels are good, more than 128 are not.
    await client.publish(`${ALL_KEY}/${'a/'.repeat(40)}`)
    expect(await client.refused(`${ALL_KEY}/${'a/'.repeat(129)}`)).toBe(`400 ${BAD_REQUEST}`)
    expect(await client.subscribe(`${ALL_KEY}/${'a/'.repeat(20_000)}`)).toBe(0x80)
  })
})

describe('unsubscribe', () => {
  it('undoes what SUBSCRIBE accepted, in whatever form', async () => {
    const hub = await startRecordedHub()
    const [client, writer] = [await hub.client(), await hub.client()]
    const pairs = [
      ['a/#', 'a/#/'],
      ['a/#/', 'a/#'],
      ['/a//b/', 'a/b/'],
      ['a/b/?last=5', 'a/b/'],
      ['a/', 'a/?last=3'],
      ['$share/g/a/', '$share/g/a/'],
    ] as const
    for (const [subscribed, unsubscribed] of pairs) {
      expect(await client.subscribe(`${ALL_KEY}/${subscribed}`), subscribed).toBe(0)
      await client.raw.unsubscribe(`${ALL_KEY}/${unsubscribed}`)
      await writer.publish(`${ALL_KEY}/a/b/`)
      await client.quiet()
    }
  })

  it('with another key that may read the channel, and not with one that may not', async () => {
    const hub = await startRecordedHub()
    const [client, writer] = [await hub.client(), await hub.client()]
    expect(await client.subscribe(`${ALL_KEY}/test/`)).toBe(0)
    client.raw.send({ type: 'unsubscribe', packetId: 9, filters: ['wrong/test/', 'x/test'] })
    expect((await client.said()).json).toEqual({ req: 9, status: 401, message: UNAUTHORIZED })
    expect((await client.said()).json).toEqual({ req: 9, status: 400, message: BAD_REQUEST })
    await client.raw.expect('unsuback', { packetId: 9 })
    await writer.publish(`${ALL_KEY}/test/`, 'still')
    expect(await client.message()).toBe('test/ still')
    await client.raw.unsubscribe(`${TEST_KEY}/test/`)
    await writer.publish(`${ALL_KEY}/test/`, 'gone')
    await client.quiet()
    // Of what is not there, nothing is said.
    await client.raw.unsubscribe(`${TEST_KEY}/test/`)
  })

  it('by two keys of one channel: each key takes back its own, then whatever is left', async () => {
    const hub = await startRecordedHub()
    const [client, writer] = [await hub.client(), await hub.client()]
    const third = await writer.keygen(MASTER, 'test/', 'rp')
    for (const key of [ALL_KEY, TEST_KEY, third]) expect(await client.subscribe(`${key}/test/`)).toBe(0)
    const isThere = async (): Promise<boolean> => {
      const { who } = await writer.ask('presence', { key: third, channel: 'test/', status: true })
      await writer.publish(`${ALL_KEY}/test/`, 'x')
      if ((who as readonly unknown[]).length === 0) await client.quiet()
      else expect(await client.message()).toBe('test/ x')
      return (who as readonly unknown[]).length === 1
    }
    await client.raw.unsubscribe(`${TEST_KEY}/test/`)
    expect(await isThere()).toBe(true)
    await writer.ask('keyban', { secret: MASTER, target: third, banned: true })
    expect((await client.said()).json).toEqual({ status: 401, message: UNAUTHORIZED })
    await writer.ask('keyban', { secret: MASTER, target: third, banned: false })
    expect(await isThere()).toBe(true)
    await client.raw.unsubscribe(`${TEST_KEY}/test/`)
    expect(await isThere()).toBe(false)
  })
})

it('share groups: one member each, plain subscribers besides, and publishing to the group reaches all', async () => {
  const hub = await startRecordedHub()
  const members = [await hub.client(), await hub.client(), await hub.client()]
  for (const member of members) expect(await member.subscribe(`${ALL_KEY}/$share/g/sh/`)).toBe(0)
  const [plain, writer] = [await hub.client(), await hub.client()]
  await plain.subscribe(`${ALL_KEY}/sh/`)
  for (let number = 0; number < 9; number++) await writer.publish(`${ALL_KEY}/sh/`, `${number}`)
  const counts: number[] = []
  for (const member of members) {
    member.raw.send({ type: 'pingreq' })
    let count = 0
    for (let packet = await member.raw.next(); packet.type === 'publish'; packet = await member.raw.next()) {
      expect(packet.topic).toBe('sh/')
      count++
    }
    counts.push(count)
  }
  expect(counts).toEqual([3, 3, 3])
  for (let number = 0; number < 9; number++) expect(await plain.message()).toBe(`sh/ ${number}`)
  await writer.publish(`${ALL_KEY}/$share/g/sh/`, 'all')
  for (const member of members) expect(await member.message()).toBe('$share/g/sh/ all')
  await plain.quiet()
})

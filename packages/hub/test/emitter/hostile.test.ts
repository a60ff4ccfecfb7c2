import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { publishPacket } from '../mqtt/raw-client.ts'
import {
  BAD_REQUEST,
  MASTER,
  TEST_KEY,
  UNAUTHORIZED,
  startEmitterHub,
  startHubInTime,
  startRecordedHub,
} from './support.ts'
import type { EmitterClient, EmitterHub } from './support.ts'

const REQUESTS = ['keygen', 'keyban', 'presence', 'link', 'me', 'history', 'nothing', 'Keygen', 'me/you']
const FIELDS = ['key', 'secret', 'target', 'channel', 'type', 'ttl', 'status', 'changes', 'name', 'subscribe', 'banned']
const STATUS = [200, 400, 401, 403, 404]

/** What the answer says, which is its own topic's and comes before the PUBACK; nothing else comes. */
async function answered(client: EmitterClient, name: string, payload: Uint8Array | string): Promise<number> {
  const packetId = client.raw.nextId
  const topic = `emitter/${name}/`
  client.raw.send({ ...publishPacket(topic, '', { qos: 1, packetId }), payload: Buffer.from(payload) })
  const { topic: where, json } = await client.said()
  expect(where).toBe(topic)
  expect(json['req']).toBe(packetId)
  await client.raw.expect('puback', { packetId })
  return (json['status'] as number | undefined) ?? (json['messages'] === undefined ? -1 : 200)
}

async function bystander(hub: EmitterHub): Promise<{ readonly check: () => Promise<void> }> {
  const client = await hub.client()
  const key = await client.keygen(hub.master, 'by/#/', 'rwp')
  await client.subscribe(`${key}/by/`)
  let n = 0
  return {
    check: async () => {
      client.raw.send(publishPacket(`${key}/by/`, String(++n)))
      expect(await client.message()).toBe(`by/ ${n}`)
      await client.quiet()
    },
  }
}

const key = fc.constantFrom('', 'x', MASTER, TEST_KEY, `${TEST_KEY}x`, 'ö'.repeat(32), '-'.repeat(32))
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(2 ** 31, -(2 ** 31) - 1, 1e300, 0.5, '1', 'true', '', [], {}, 'a/'.repeat(24), 'a/\0/', '$share/g/'),
  key,
)
const body = fc.dictionary(fc.constantFrom(...FIELDS, ...FIELDS.map((field) => field.toUpperCase())), value)
const text = fc.oneof(
  body.map((fields) => JSON.stringify(fields)),
  body.map((fields) => `${JSON.stringify(fields)}}`),
  body.map((fields) => JSON.stringify(fields).slice(0, -1)),
  fc.constantFrom(
    '',
    'null',
    '[]',
    '{}',
    '{"key":"a","key":1}',
    '\uFEFF{}',
    '['.repeat(30_000),
    '{"a":'.repeat(10_000),
  ),
  fc.string(),
)

describe('whatever a request brings', () => {
  it('it is answered once, with a number of the protocol, and nobody else notices', async () => {
    const hub = await startRecordedHub()
    const other = await bystander({ ...hub, master: MASTER })
    const client = await hub.client()
    const payload = fc.oneof(text, fc.uint8Array({ maxLength: 200 }))
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...REQUESTS), payload, async (name, given) => {
        expect(STATUS).toContain(await answered(client, name, given))
      }),
      { numRuns: 1000 },
    )
    await other.check()
    expect(hub.log.texts('error')).toEqual([])
  })

  it('a key for any number of seconds that 32 bits have', async () => {
    const { hub } = await startHubInTime()
    const client = await hub.client()
    for (const [ttl, works] of [
      [2 ** 31 - 1, true],
      [1, true],
      [-1, false],
      [-(2 ** 31), false],
      // To unix time 0, which would be for ever.
      [-Date.UTC(2026, 10, 20) / 1000, false],
    ] as const) {
      const made = await client.keygen(MASTER, 'a/', 'rw', ttl)
      expect(await client.subscribe(`${made}/a/`), String(ttl)).toBe(works ? 0 : 0x80)
      if (!works) expect(client.before).toHaveLength(1)
    }
    const tooMuch = await client.ask('keygen', { key: MASTER, channel: 'a/', type: 'rw', ttl: 2 ** 31 })
    expect(tooMuch).toEqual({ status: 400, message: BAD_REQUEST })
  })
})

describe('options that overflow', () => {
  it('last, ttl, from and until of any size are a number or none', async () => {
    const hub = await startRecordedHub()
    const client = await hub.client()
    const made = await client.keygen(MASTER, 'a/#/', 'rwsl')
    for (let i = 0; i < 3; i++) await client.publish(`${made}/a/?me=0&ttl=60`, String(i))
    const huge = ['9999999999', '9223372036854775807', '9223372036854775808', '9'.repeat(300), '0'.repeat(300)]
    for (const number of huge) {
      expect(await client.subscribe(`${made}/a/?last=${number}&from=${number}&until=${number}`)).toBe(0)
      expect(client.before.length).toBeLessThanOrEqual(3 + huge.length)
      await client.raw.unsubscribe(`${made}/a/`)
      await client.publish(`${made}/a/b/?ttl=${number}`)
    }
    // As the original reads int64: what does not fit is not there, and then it is one.
    const others = await client.keygen(MASTER, 'c/#/', 'rwsl')
    for (let i = 0; i < 3; i++) await client.publish(`${others}/c/?ttl=60`, String(i))
    expect(await client.subscribe(`${others}/c/?last=9223372036854775808`)).toBe(0)
    expect(client.before).toEqual(['c/ 2'])
    expect(await client.subscribe(`${others}/c/?last=9223372036854775807`)).toBe(0)
    expect(client.before).toEqual(['c/ 0', 'c/ 1', 'c/ 2'])
  })

  it('23 levels for a key, 24 are refused; and so are topics deeper than an index', async () => {
    const hub = await startRecordedHub()
    const client = await hub.client()
    const levels = (n: number): string => 'x/'.repeat(n)
    for (const channel of [levels(23), `${levels(23)}#/`]) {
      const made = await client.keygen(MASTER, channel, 'rw')
      expect(await client.subscribe(`${made}/${levels(23)}`)).toBe(0)
      await client.raw.unsubscribe(`${made}/${levels(23)}`)
    }
    expect(await client.ask('keygen', { key: MASTER, channel: levels(24), type: 'rw' })).toMatchObject({
      message: 'channel can not have more than 23 parts',
    })
    const all = await client.keygen(MASTER, '#/', 'rw')
    await client.publish(`${all}/${levels(128)}`)
    expect(await client.refused(`${all}/${levels(129)}`)).toBe(`400 ${BAD_REQUEST}`)
    expect(await client.refused(`${all}/${levels(30_000)}`)).toBe(`400 ${BAD_REQUEST}`)
  })
})

describe('keys that are none', () => {
  it('each bit of a key that is turned makes one that is nobody’s', async () => {
    const hub = await startEmitterHub({ config: '{ emitter: { limits: { unknownKeys: 1000 } } }' })
    const client = await hub.client()
    const good = Buffer.from(await client.keygen(hub.master, 'a/', 'rw'), 'base64url')
    for (let bit = 0; bit < good.length * 8; bit++) {
      const forged = Buffer.from(good)
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const made = forged.toString('base64url')
      expect(await client.refused(`${made}/a/`), `bit ${bit}`).toBe(`401 ${UNAUTHORIZED}`)
      expect([401, 404]).toContain((await client.ask('keygen', { key: made, channel: 'a/', type: 'rw' }))['status'])
    }
    expect(hub.log.texts('error')).toEqual([])
  })

  it('a topic that was refused because its address had guessed works when that is over', async () => {
    const { hub, pass } = await startHubInTime(
      '{ emitter: { limits: { unknownKeysPerAddress: 2, unknownKeysWindow: 60 } } }',
    )
    const [guesser, honest] = [await hub.client(), await hub.client()]
    const made = await guesser.keygen(MASTER, '#/', 'rw')
    for (const n of [1, 2]) await guesser.refused(`${String(n).padStart(32, 'A')}/a/`)
    expect(await honest.refused(`${made}/a/`)).toBe(`401 ${UNAUTHORIZED}`)
    await pass(61)
    await honest.publish(`${made}/a/`)
  })
})

describe('what a connection may have', () => {
  it('a watch that ended with its key takes no room any more, and one that is made again takes it once', async () => {
    const { hub, pass } = await startHubInTime('{ emitter: { limits: { connectionBytes: 1024 } } }')
    const [watcher, guest] = [await hub.client(), await hub.client()]
    const forever = await guest.keygen(MASTER, '#/', 'rwp')
    const watch = async (made: string, channel: string): Promise<unknown> =>
      (await watcher.ask('presence', { key: made, channel, status: false, changes: true }))['status']
    for (let round = 0; round < 10; round++) {
      const short = await guest.keygen(MASTER, '#/', 'p', 60)
      for (const channel of ['a/', 'b/', 'c/']) expect(await watch(short, channel)).toBe(200)
      for (let again = 0; again < 10; again++) expect(await watch(short, 'a/')).toBe(200)
      await pass(62)
      // Who comes is what lets the hub see that it is over.
      for (const channel of ['a/', 'b/', 'c/']) await guest.subscribe(`${forever}/${channel}`)
      for (const channel of ['a/', 'b/', 'c/']) await guest.raw.unsubscribe(`${forever}/${channel}`)
      for (let told = 0; told < 3; told++) expect((await watcher.said()).topic).toBe('emitter/error/')
    }
    const answers: unknown[] = []
    for (let n = 0; n < 20; n++) answers.push(await watch(forever, `d/${n}/`))
    expect(answers.at(-1)).toBe(403)
  })
})

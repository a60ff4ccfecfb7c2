/** What becomes of one message too many, account by account, as the configuration file says. */
import type { Packet } from '@halyard/wire/mqtt'
import { expect, it } from 'vitest'
import { lostOf, message } from './mqtt/engine/support.ts'
import { overTcp, sampleOf } from './mqtt-support.ts'
import type { MqttClient } from './mqtt-support.ts'
import { caller, startRestHub } from './rest-support.ts'
import type { RestHub } from './rest-support.ts'
import { startHub, temporaryDirectory } from './support.ts'
import type { TestHub } from './support.ts'

const PROPERTIES = { sessionExpiryInterval: 600 }

interface Account {
  readonly username: string
  /** The hub's own: one of a person's takes 50 ms to check. */
  readonly password: string
}

interface Back {
  readonly client: MqttClient
  readonly connack: Packet | undefined
  /** What waited for it, before its PINGRESP. */
  readonly texts: readonly string[]
}

async function come({ hub }: TestHub, { username, password }: Account, version: 4 | 5 = 5): Promise<Back> {
  const client = await overTcp(hub.ports.mqtt ?? 0, version)
  const properties = version === 5 ? { properties: PROPERTIES } : {}
  const account = { username, password: Buffer.from(password) }
  client.send(client.connectPacket({ clientId: `of-${username}`, cleanStart: false, ...account, ...properties }))
  client.send({ type: 'pingreq' })
  const connack = await client.next()
  const texts: string[] = []
  for (let packet = await client.next(); packet?.type !== 'pingresp'; packet = await client.next()) {
    if (packet?.type === 'publish') texts.push(Buffer.from(packet.payload).toString())
    if (packet === undefined) throw new Error('the hub has ended the connection')
  }
  return { client, connack, texts }
}

/** Subscribed to `a`, and gone. */
async function sleep(started: TestHub, account: Account): Promise<void> {
  const { client } = await come(started, account)
  expect(await client.subscribe('a')).toBe(1)
  client.send({ type: 'disconnect', reasonCode: 0 })
  await client.over()
}

/** The reasons of their PUBACKs. */
async function publish(started: TestHub, ...texts: readonly string[]): Promise<unknown[]> {
  const publisher = await overTcp(started.hub.ports.mqtt ?? 0, 5)
  await publisher.connect(sampleOf(started))
  publisher.send(...texts.map((text) => message('a', text, 1)))
  const reasons: unknown[] = []
  for (const _ of texts) {
    const packet = await publisher.next()
    reasons.push(packet?.type === 'puback' ? packet.reasonCode : packet)
  }
  return reasons
}

async function add({ call }: RestHub, username: string): Promise<Account> {
  const { status, body } = await call('POST', '/api/mqtt/accounts', { username })
  expect(status).toBe(201)
  return body as Account
}

const configOf = (overflow: string): string =>
  `{ mqtt: { limits: { queuedMessages: 2, overflow: drop-oldest\n } overflow: { ${overflow} } } }`

const told = ({ log }: TestHub): readonly object[] =>
  log.lines.flatMap(({ level, message: text, object }) => {
    return level === 'info' && text === 'mqtt: a client is back whose queue has lost messages' ? [object] : []
  })

it('each account has its policy, the others that of the hub, and a client that is back is told what was lost', async () => {
  const started = await startRestHub({ config: configOf('"bo b": drop-newest\n later: reject\n') })
  const [ann, bob] = [await add(started, 'ann'), await add(started, 'bo b')]
  for (const account of [ann, bob]) await sleep(started, account)
  expect(await publish(started, '1', '2', '3')).toEqual([0, 0, 0])
  const first = await come(started, ann)
  expect([lostOf(first.connack), ...first.texts]).toEqual([1, '2', '3'])
  const second = await come(started, bob, 4)
  expect([lostOf(second.connack), ...second.texts]).toEqual([0, '1', '2'])
  expect(told(started)).toEqual([
    { clientId: 'of-ann', dropped: 1 },
    { clientId: 'of-bo b', dropped: 1 },
  ])
  const again = await come(started, ann)
  expect([lostOf(again.connack), told(started).length]).toEqual([0, 2])

  // Its policy has waited for it.
  const later = await add(started, 'later')
  await sleep(started, later)
  expect(await publish(started, '1', '2', '3')).toEqual([0, 0, 0x97])
  expect((await come(started, later)).texts).toEqual(['1', '2'])
})

it('after a restart a session has the policy that the file says now', async () => {
  const data = await temporaryDirectory()
  const first = await startRestHub({ data, config: configOf('ann: reject\n bob: drop-newest\n') })
  const [ann, bob, cy] = [await add(first, 'ann'), await add(first, 'bob'), await add(first, 'cy')]
  for (const account of [ann, bob, cy]) await sleep(first, account)
  expect(await publish(first, '1', '2', '3')).toEqual([0, 0, 0x97])
  await first.hub.close()

  const next = await startHub({ data, config: configOf('bob: drop-newest\n cy: reject\n') })
  expect(await publish(next, '4')).toEqual([0x97])
  const came: unknown[] = []
  for (const account of [ann, bob, cy]) {
    const { connack, texts } = await come(next, account)
    came.push([lostOf(connack), ...texts])
  }
  // What was lost before the restart is not known any more.
  expect(came).toEqual([
    [1, '2', '4'],
    [1, '1', '2'],
    [0, '2', '3'],
  ])
  // What an account may do is changed: its policy stays.
  const call = caller(next.hub.ports.front, first.token)
  expect((await call('PATCH', '/api/mqtt/accounts/cy', { access: null })).status).toBe(200)
  await sleep(next, cy)
  expect(await publish(next, '5', '6', '7')).toEqual([0, 0, 0x97])
})
